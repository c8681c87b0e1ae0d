/**
 * The keys of Standard Webhooks as text: `whsec_` a shared secret, `whpk_` a public and `whsk_` a private Ed25519 key, base64 after
 * that. Made here, read here, and written as a JWK for those who look public keys up.
 */
import { concat, fromBase64, fromBase64Url, toBase64, toBase64Url, toBytes } from './bytes.ts'
import { WebhookError } from './error.ts'
import { pkcs8, type KeyMaterial, type PublicJwk } from './key.ts'

/** 32 random bytes as `whsec_…`, shared by both sides. */
export function generateSecret(): string {
  return `whsec_${toBase64(crypto.getRandomValues(new Uint8Array(32)))}`
}

export interface KeyPair {
  /** `whsk_…`, for who signs. */
  readonly privateKey: string
  /** `whpk_…`, for everybody. */
  readonly publicKey: string
}

export async function generateKeyPair(): Promise<KeyPair> {
  const seed = crypto.getRandomValues(new Uint8Array(32))
  const open = await publicOf(seed)
  return { privateKey: `whsk_${toBase64(concat(seed, open))}`, publicKey: `whpk_${toBase64(open)}` }
}

/** A public key as a JWK; `kid` is its thumbprint (RFC 7638). @throws WebhookError `invalid-secret` */
export async function toJwk(publicKey: string): Promise<PublicJwk> {
  const [material] = readStandardKey(publicKey)
  if (material?.algorithm !== 'ed25519' || !material.publicKey || material.seed)
    throw new WebhookError('invalid-secret', 'only a public key, whpk_…, can be shown to everybody')
  const x = toBase64Url(material.publicKey)
  const thumbprint = await crypto.subtle.digest('SHA-256', toBytes(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`))
  return { kty: 'OKP', crv: 'Ed25519', x, kid: toBase64Url(new Uint8Array(thumbprint)), alg: 'EdDSA', use: 'sig' }
}

/** What a `jwks.json` holds: the keys that sign now, and during a rotation those that did before. */
export async function toJwks(publicKeys: readonly string[]): Promise<{ readonly keys: readonly PublicJwk[] }> {
  return { keys: await Promise.all(publicKeys.map(toJwk)) }
}

/** @throws WebhookError `invalid-secret` */
export function readStandardKey(secret: string | PublicJwk): readonly KeyMaterial[] {
  if (typeof secret === 'object') return [readJwk(secret)]
  const prefix = /^wh(sec|sk|pk)_/.exec(secret)?.[0]
  const bytes = fromBase64(secret.slice(prefix?.length ?? 0))
  if (!bytes)
    throw new WebhookError('invalid-secret', `after ${prefix ?? 'whsec_, which may be missing,'} base64 is needed`)
  if (prefix === 'whpk_') return [{ algorithm: 'ed25519', publicKey: sized(bytes, [32], prefix) }]
  if (prefix !== 'whsk_') return [{ algorithm: 'hmac-sha256', bytes: sharedSecret(bytes) }]
  sized(bytes, [32, 64], prefix)
  const publicKey = bytes.length === 64 ? bytes.slice(32) : undefined
  return [{ algorithm: 'ed25519', seed: bytes.slice(0, 32), publicKey }]
}

function readJwk({ kty, crv, x }: PublicJwk): KeyMaterial {
  const publicKey = kty === 'OKP' && crv === 'Ed25519' && typeof x === 'string' ? fromBase64Url(x) : null
  if (publicKey?.length === 32) return { algorithm: 'ed25519', publicKey }
  throw new WebhookError('invalid-secret', 'a JWK of kind OKP, curve Ed25519, with 32 bytes x is needed')
}

/** The specification asks for 24 to 64 bytes; many senders give fewer or more, and those cannot be changed by who receives. */
function sharedSecret(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.length > 0) return bytes
  throw new WebhookError('invalid-secret', 'an empty secret protects nothing')
}

function sized(bytes: Uint8Array<ArrayBuffer>, sizes: readonly number[], prefix: string): Uint8Array<ArrayBuffer> {
  if (sizes.includes(bytes.length)) return bytes
  throw new WebhookError('invalid-secret', `${prefix} is ${sizes.join(' or ')} bytes, and this is ${bytes.length}`)
}

async function publicOf(seed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey('pkcs8', pkcs8(seed), 'Ed25519', true, ['sign'])
  const { x = '' } = (await crypto.subtle.exportKey('jwk', key)) as PublicJwk
  return fromBase64Url(x) ?? new Uint8Array()
}
