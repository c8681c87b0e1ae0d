/**
 * HMAC (RFC 2104) of two digests in one call each: an Hmac object of Node costs more to make than a body of common size costs to hash,
 * and is one more thing to collect.
 */
import { createHmac, hash as digest } from 'node:crypto'
import type { Mac } from '../../webhooks/index.ts'

const SCRATCH_BYTES = 32 << 10
const INNER = 0x36
const OUTER = 0x5c
const SIZES = {
  sha1: { block: 64, digest: 20 },
  sha256: { block: 64, digest: 32 },
  sha512: { block: 128, digest: 64 },
} as const

/** A key as what is hashed before the text, and before the digest of that. */
interface Pads {
  readonly inner: Buffer
  readonly outer: Latin1Buffer
}

/** What every Buffer has and its types leave out: `write` comes to it by way of the encoding's name. */
type Latin1Buffer = Buffer & { latin1Write(text: string, at: number): number }

/** One for all keys: it remembers what it made of each as long as somebody has the key. */
export function createMac(): Mac {
  const pads = { sha1: keyPads(), sha256: keyPads(), sha512: keyPads() }
  const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
  return ({ hash, key, before, body, after, encoding }) => {
    const { block } = SIZES[hash]
    // A character is at most three bytes of UTF-8.
    if (block + 3 * (before.length + after.length) + body.byteLength > SCRATCH_BYTES)
      return createHmac(hash, key).update(before).update(body).update(after).digest(encoding)
    const { inner, outer } = padsOf(pads[hash], hash, key)
    scratch.set(inner)
    let at = block + scratch.write(before, block)
    scratch.set(body, at)
    at += body.byteLength
    if (after !== '') at += scratch.write(after, at)
    // As a text of bytes: a Buffer would be memory of its own, and the name of no encoding that is found at once.
    outer.latin1Write(digest(hash, scratch.subarray(0, at), 'binary'), block)
    return digest(hash, outer, encoding)
  }
}

const keyPads = (): WeakMap<Uint8Array, Pads> => new WeakMap()

function padsOf(known: WeakMap<Uint8Array, Pads>, hash: keyof typeof SIZES, key: Uint8Array): Pads {
  const made = known.get(key)
  if (made !== undefined) return made
  const sizes = SIZES[hash]
  const inner = Buffer.alloc(sizes.block)
  const outer = Buffer.alloc(sizes.block + sizes.digest) as Latin1Buffer
  inner.set(key.byteLength > sizes.block ? digest(hash, key, 'buffer') : key)
  for (let at = 0; at < sizes.block; at++) {
    outer[at] = inner[at]! ^ OUTER
    inner[at]! ^= INNER
  }
  const pads = { inner, outer }
  known.set(key, pads)
  return pads
}
