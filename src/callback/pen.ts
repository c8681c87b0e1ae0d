/** What signs the calls of one endpoint: its living secrets, and the platform's key where it asks for that. */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { createSigner, type Hmac, type Signer } from '../webhooks/index.ts'
import type { StoredEndpoint } from './endpoint.ts'
import type { CallbackProfile } from './profile.ts'
import { secretTexts, signingSecrets, type SecretValue, type Vault } from './secret.ts'

export interface Pen {
  readonly sign: Signer
  /** Of the platform's own, with every call. */
  readonly headers: Readonly<Record<string, string>>
  readonly newest: SecretValue
  readonly secretTexts: readonly string[]
  /** Whether the body is sealed, so that it is JSON whatever it was. */
  readonly sealsBody: boolean
  /** Wall time at which one of its secrets ceases to sign. */
  readonly untilMs: number
}

/** Made once of each key: that costs more than a signature. */
function createHmacs(): Hmac {
  const keys = new WeakMap<Uint8Array, KeyObject>()
  return (hash, bytes, signed) => {
    let key = keys.get(bytes)
    if (key === undefined) keys.set(bytes, (key = createSecretKey(bytes)))
    return new Uint8Array(createHmac(hash, key).update(signed).digest())
  }
}

/** @param platformKeys `whsk_…`, where the endpoint is signed with them */
export function createPen(
  { signature }: StoredEndpoint,
  profile: CallbackProfile,
  vault: Vault,
  platformKeys: readonly string[],
  now: () => number,
): Pen {
  const own = signingSecrets(profile, vault, now())
  const secrets = [...(signature === 'v1a' ? [] : own.map(({ value }) => value)), ...platformKeys]
  const { signing } = profile
  const sign = createSigner({ profile: signing, secrets: secrets as never, now, hmac: createHmacs() })
  const named = signing.id[0] !== undefined && 'header' in signing.id[0]
  return {
    // Where the id stands in the body, the body has it already.
    sign: ({ id, type, ...message }) =>
      sign({ ...message, ...(named ? { id } : {}), ...(typeIsHeader(signing) ? { type } : {}) }),
    headers: vault.headers,
    newest: own[0]!.value,
    secretTexts: [...secretTexts(vault), ...platformKeys],
    sealsBody: profile.name === 'feishu' || profile.name === 'dingtalk',
    untilMs: Math.min(
      Infinity,
      ...own.map(({ expiresAt }) => expiresAt ?? Infinity),
      ...(platformKeys.length > 0 ? [now() + 60_000] : []),
    ),
  }
}

function typeIsHeader({ type }: CallbackProfile['signing']): boolean {
  return type[0] !== undefined && 'header' in type[0]
}
