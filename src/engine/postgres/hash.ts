/** A 32-bit number for a text, FNV-1a: a schema's among the advisory locks of its database, a queue's among the channels of a schema. */

export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash | 0
}
