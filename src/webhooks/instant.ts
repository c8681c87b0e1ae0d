/**
 * Signs at once, where nothing is to be waited for: HMACs that the runtime makes by itself, over a text with the body in it once. WebCrypto,
 * which `createSigner` uses, goes through a pool of threads for each signature; this is for who signs thousands a second.
 */
import { machineClock } from './clock.ts'
import type { Encoding } from './bytes.ts'
import type { KeyMaterial } from './key.ts'
import type { Place } from './place.ts'
import type { Profile } from './profile.ts'
import { toOwnBytes } from './request.ts'
import { readAll } from './secrets.ts'
import { writeParts, writeSignature, type Signed, type SignOptions, type Unsigned } from './sign.ts'
import { readSigned } from './signed.ts'

/** The HMAC of the text before the body, the body and the text after it, written in the encoding. */
export type Mac = (asked: {
  readonly hash: 'sha256' | 'sha512' | 'sha1'
  /** The same object for the same key. */
  readonly key: Uint8Array
  readonly before: string
  readonly body: Uint8Array
  readonly after: string
  readonly encoding: Encoding
}) => string

export interface InstantSignOptions<Secret> extends SignOptions<Secret> {
  readonly mac: Mac
}

export type InstantSigner = (message: Unsigned) => Signed

type HmacMaterial = Extract<KeyMaterial, { readonly bytes: Uint8Array }>

const HASH = { 'hmac-sha256': 'sha256', 'hmac-sha512': 'sha512', 'hmac-sha1': 'sha1' } as const

/**
 * Reads the secrets once. null where something has to be waited for, or cannot be signed at all: `createSigner` does the one, and says why of the
 * other. @throws WebhookError `invalid-secret`, `invalid-option`
 */
export function createInstantSigner<Secret>(options: InstantSignOptions<Secret>): InstantSigner | null {
  const { profile, secrets, now = machineClock.now, mac } = options
  const form = readSigned(profile.signed)
  const { around } = form
  if (profile.seal !== undefined || around === null || form.uses('secret') || writesIntoBody(profile)) return null
  const { labels, encoding, separator } = profile.signature
  const materials = readAll(profile, (Array.isArray(secrets) ? secrets : [secrets]) as readonly Secret[]).flat()
  if (!materials.every(isHmac) || (materials.length > 1 && separator === undefined)) return null
  const keys = materials.map(({ algorithm, bytes }) => ({
    label: Object.keys(labels).find((one) => labels[one] === algorithm),
    hash: HASH[algorithm],
    key: bytes,
  }))
  if (keys.some(({ label }) => label === undefined)) return null
  return (message) => {
    const body = toOwnBytes(message.body)
    const outgoing = { headers: {}, query: {}, body }
    const parts = writeParts(profile, form, message, now, outgoing)
    const before = around.before(parts)
    const after = around.after(parts)
    const texts = keys.map(({ label, hash, key }) => label + mac({ hash, key, before, body, after, encoding }))
    writeSignature(profile, texts, outgoing)
    return outgoing
  }
}

function isHmac(material: KeyMaterial): material is HmacMaterial {
  return material.algorithm in HASH
}

function writesIntoBody(profile: Pick<Profile, 'id' | 'type' | 'timestamp' | 'nonce' | 'signature'>): boolean {
  const { id, type, timestamp, nonce, signature } = profile
  const places: (Place | null | undefined)[] = [id[0], type[0], timestamp, nonce, signature]
  return places.some((place) => place != null && 'form' in place)
}
