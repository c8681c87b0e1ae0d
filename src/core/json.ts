/** JSON as bytes: how values ride in messages and records. `undefined` (a contract without input) is the empty body. */

export type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [key: string]: Json }

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
const EMPTY = new Uint8Array(0)

export function toJsonBytes(value: unknown): Uint8Array {
  const text = JSON.stringify(value)
  if (text === undefined) return EMPTY
  // Cut from the memory that Node shares among small buffers: to give each value its own costs ten times as much as to fill it.
  const { buffer, byteOffset, byteLength } = Buffer.from(text)
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** @throws SyntaxError or TypeError where the bytes are not JSON in UTF-8 */
export function fromJsonBytes(bytes: Uint8Array): unknown {
  return bytes.byteLength === 0 ? undefined : JSON.parse(decoder.decode(bytes))
}
