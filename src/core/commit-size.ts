/** How much content a commit brings, for those who gather commits into calls: an engine holds a call in one piece. */
import type { Commit } from './engine.ts'

/** Bytes of bodies in one call, at most, and those of one commit more. */
export const MOST_CALL_BYTES: number = 1 << 20

export function bytesOfBodies({ changes }: Commit): number {
  let bytes = 0
  for (const change of changes) {
    if (change.do === 'send' || change.do === 'publish') bytes += change.message.body.byteLength
    else if (change.do === 'put') bytes += change.value.byteLength
  }
  return bytes
}
