/** JSON as bytes: how values ride in messages and records. `undefined` (a contract without input) is the empty body. */
import { makeSlab } from './slab.ts'

export type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [key: string]: Json }

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
const EMPTY = new Uint8Array(0)

/** Small values share memory: to give each its own costs ten times as much as to fill it. */
const SHARED_BYTES = 16_384
/** A character is at most so many bytes in UTF-8. */
const MOST_BYTES = 3
let shared = Buffer.alloc(0)
let used = 0

export function toJsonBytes(value: unknown): Uint8Array {
  const text = JSON.stringify(value)
  return text === undefined ? EMPTY : textBytes(text)
}

/** What is JSON already. */
export function textBytes(text: string): Uint8Array {
  const mostBytes = text.length * MOST_BYTES
  if (mostBytes > shared.byteLength - used) {
    if (mostBytes > SHARED_BYTES / 4) {
      const { buffer, byteOffset, byteLength } = Buffer.from(text)
      return new Uint8Array(buffer, byteOffset, byteLength)
    }
    shared = Buffer.from(makeSlab(SHARED_BYTES))
    used = 0
  }
  const bytes = new Uint8Array(shared.buffer, used, shared.write(text, used))
  used += bytes.byteLength
  return bytes
}

/** @throws SyntaxError or TypeError where the bytes are not JSON in UTF-8 */
export function fromJsonBytes(bytes: Uint8Array): unknown {
  return bytes.byteLength === 0 ? undefined : JSON.parse(decoder.decode(bytes))
}
