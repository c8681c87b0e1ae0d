/**
 * Keys that sign and verify, made once from what a secret's text says. All of it is WebCrypto, which compares HMACs in constant time;
 * the plain digests that some platforms use are compared by `isEqual`.
 */
import { toBytes } from './bytes.ts'
import { isEqual } from './equal.ts'
import { WebhookError } from './error.ts'

/** `sha256` and `sha1` are plain digests of something that has the secret in it, as some platforms sign. */
export type Algorithm = 'hmac-sha256' | 'hmac-sha512' | 'hmac-sha1' | 'ed25519' | 'rsa-sha256' | 'sha256' | 'sha1'

/** What a secret is, once its text has been read. */
export type KeyMaterial =
  | { readonly algorithm: 'hmac-sha256' | 'hmac-sha512' | 'hmac-sha1'; readonly bytes: Uint8Array<ArrayBuffer> }
  | {
      readonly algorithm: 'ed25519'
      /** 32 bytes; without it, it is derived from the seed. */
      readonly publicKey?: Uint8Array<ArrayBuffer> | undefined
      /** 32 bytes; only who signs has it. */
      readonly seed?: Uint8Array<ArrayBuffer> | undefined
    }
  | {
      readonly algorithm: 'rsa-sha256'
      /** SubjectPublicKeyInfo, or a JWK. */
      readonly publicKey?: Uint8Array<ArrayBuffer> | PublicJwk | undefined
      /** PKCS #8; only who signs has it. */
      readonly privateKey?: Uint8Array<ArrayBuffer> | undefined
      /** The name that requests give this key, where they do. */
      readonly id?: string | undefined
    }
  | { readonly algorithm: 'sha256' | 'sha1'; readonly text: string }

/** A public key as RFC 7517 writes it; what is not named here is ignored. */
export interface PublicJwk {
  readonly kty: string
  readonly crv?: string | undefined
  readonly x?: string | undefined
  readonly n?: string | undefined
  readonly e?: string | undefined
  readonly kid?: string | undefined
  readonly alg?: string | undefined
  readonly use?: string | undefined
}

export interface Key {
  readonly algorithm: Algorithm
  /** The name that requests give this key; null: it may be tried for any. */
  readonly id: string | null
  /** What stands for `{secret}` in what is signed. */
  readonly text: string
  readonly verify: ((signed: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>) => Promise<boolean>) | null
  readonly sign: ((signed: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>) | null
}

type CryptoKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>

const HASH = {
  'hmac-sha256': 'SHA-256',
  'hmac-sha512': 'SHA-512',
  'hmac-sha1': 'SHA-1',
  'sha256': 'SHA-256',
  'sha1': 'SHA-1',
} as const
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const
/** What stands before the 32 bytes of a seed in PKCS #8 (RFC 8410). */
const ED25519_PKCS8 = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32)

/** @throws WebhookError `invalid-secret` */
export async function importKey(material: KeyMaterial): Promise<Key> {
  try {
    switch (material.algorithm) {
      case 'hmac-sha256':
      case 'hmac-sha512':
      case 'hmac-sha1':
        return await hmacKey(material.algorithm, material.bytes)
      case 'sha256':
      case 'sha1':
        return digestKey(material.algorithm, material.text)
      case 'ed25519':
        return await ed25519Key(material.publicKey, material.seed)
      case 'rsa-sha256':
        return await rsaKey(material)
    }
  } catch (error) {
    if (error instanceof WebhookError) throw error
    // What WebCrypto says of a key that it cannot read may quote it.
    throw new WebhookError('invalid-secret', `this is not a key for ${material.algorithm}`)
  }
}

async function hmacKey(
  algorithm: 'hmac-sha256' | 'hmac-sha512' | 'hmac-sha1',
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Key> {
  if (bytes.byteLength === 0) throw new WebhookError('invalid-secret', 'an empty secret protects nothing')
  const parameters = { name: 'HMAC', hash: HASH[algorithm] }
  const key = await crypto.subtle.importKey('raw', bytes, parameters, false, ['sign', 'verify'])
  return {
    algorithm,
    id: null,
    text: '',
    verify: (signed, signature) => crypto.subtle.verify('HMAC', key, signature, signed),
    sign: async (signed) => new Uint8Array(await crypto.subtle.sign('HMAC', key, signed)),
  }
}

function digestKey(algorithm: 'sha256' | 'sha1', text: string): Key {
  if (text === '') throw new WebhookError('invalid-secret', 'an empty secret protects nothing')
  const sign = async (signed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> =>
    new Uint8Array(await crypto.subtle.digest(HASH[algorithm], signed))
  return {
    algorithm,
    id: null,
    text,
    verify: async (signed, signature) => isEqual(await sign(signed), signature),
    sign,
  }
}

async function ed25519Key(given?: Uint8Array<ArrayBuffer>, seed?: Uint8Array<ArrayBuffer>): Promise<Key> {
  const secret = seed && (await crypto.subtle.importKey('pkcs8', pkcs8(seed), 'Ed25519', true, ['sign']))
  const sign = secret
    ? async (signed: Uint8Array<ArrayBuffer>) => new Uint8Array(await crypto.subtle.sign('Ed25519', secret, signed))
    : null
  const open = await openKey(given, secret)
  const key: Key = {
    algorithm: 'ed25519',
    id: null,
    text: '',
    verify: (signed, signature) => crypto.subtle.verify('Ed25519', open, signature, signed),
    sign,
  }
  // A public half that belongs to another seed would sign what nobody can verify, and may give the seed away.
  const probe = toBytes('posthorn')
  if (sign && given && !(await key.verify?.(probe, await sign(probe))))
    throw new WebhookError('invalid-secret', 'the two halves of this Ed25519 key do not belong together')
  return key
}

async function openKey(given?: Uint8Array<ArrayBuffer>, secret?: CryptoKey): Promise<CryptoKey> {
  if (given) return crypto.subtle.importKey('raw', given, 'Ed25519', true, ['verify'])
  if (!secret) throw new WebhookError('invalid-secret', 'an Ed25519 key is a public key, a seed or both')
  const { kty, crv, x } = (await crypto.subtle.exportKey('jwk', secret)) as PublicJwk
  return crypto.subtle.importKey('jwk', { kty, crv, x } as never, 'Ed25519', true, ['verify'])
}

export function pkcs8(seed: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(ED25519_PKCS8.length + seed.length)
  whole.set(ED25519_PKCS8)
  whole.set(seed, ED25519_PKCS8.length)
  return whole
}

async function rsaKey(material: Extract<KeyMaterial, { algorithm: 'rsa-sha256' }>): Promise<Key> {
  const { publicKey, privateKey, id } = material
  const open =
    publicKey &&
    (await (publicKey instanceof Uint8Array
      ? crypto.subtle.importKey('spki', publicKey, RSA, false, ['verify'])
      : crypto.subtle.importKey('jwk', { kty: 'RSA', n: publicKey.n, e: publicKey.e } as never, RSA, false, [
          'verify',
        ])))
  const secret = privateKey && (await crypto.subtle.importKey('pkcs8', privateKey, RSA, false, ['sign']))
  if (!open && !secret) throw new WebhookError('invalid-secret', 'an RSA key is a public key, a private key or both')
  return {
    algorithm: 'rsa-sha256',
    id: id ?? null,
    text: '',
    verify: open ? (signed, signature) => crypto.subtle.verify(RSA, open, signature, signed) : null,
    sign: secret ? async (signed) => new Uint8Array(await crypto.subtle.sign(RSA, secret, signed)) : null,
  }
}
