/**
 * Keys of apps: `phk_`, 24 random bytes, and 12 bytes of a signature over these, so that a made-up key is told apart without asking the
 * engine. Only the SHA-256 is stored: with so much chance in a key, nobody finds it by trying.
 */
import { createHash, createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import { secretBytes } from '../core/id.ts'

const PREFIX = 'phk_'
const RANDOM_BYTES = 24
const SIGNATURE_BYTES = 12
const KEY = /^phk_[A-Za-z0-9_-]{48}$/
const ID_BYTES = 6

export const looksLikeAppKey = (text: string): boolean => text.startsWith(PREFIX)

export function makeKey(signing: KeyObject): { readonly id: string; readonly key: string; readonly digest: string } {
  const random = secretBytes(RANDOM_BYTES)
  const key = PREFIX + Buffer.concat([random, sign(signing, random)]).toString('base64url')
  return { id: `key-${Buffer.from(secretBytes(ID_BYTES)).toString('hex')}`, key, digest: digestOf(key) }
}

/** Whether this engine's apps were ever given such a key; it may be void by now. */
export function isIssued(signing: KeyObject, key: string): boolean {
  if (!KEY.test(key)) return false
  const bytes = Buffer.from(key.slice(PREFIX.length), 'base64url')
  return timingSafeEqual(bytes.subarray(RANDOM_BYTES), sign(signing, bytes.subarray(0, RANDOM_BYTES)))
}

export const digestOf = (key: string): string => createHash('sha256').update(key).digest('base64url')

/** Takes as long for any two of the same length. */
export function isSameDigest(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function sign(signing: KeyObject, random: Uint8Array): Buffer {
  return createHmac('sha256', signing).update(random).digest().subarray(0, SIGNATURE_BYTES)
}
