/** What signs the calls of one endpoint: its living secrets, and the platform's key where it asks for that. */
import { createInstantSigner, createSigner, type InstantSigner, type Mac, type Signer } from '../../webhooks/index.ts'
import { USER_AGENT } from '../call/exchange.ts'
import type { StoredEndpoint } from '../endpoint/endpoint.ts'
import type { CallbackProfile } from '../profile/profile.ts'
import { secretTexts, signingSecrets, type SecretValue, type Vault } from '../secret/secret.ts'

export interface Pen {
  readonly sign: Signer
  /** The same without waiting; null where it cannot be had so. */
  readonly signNow: InstantSigner | null
  /** That are the same in every call: of the profile, and of the platform's own. */
  readonly headers: Readonly<Record<string, string>>
  /** Each name of them and behind it its value. */
  readonly headerList: readonly string[]
  readonly newest: SecretValue
  readonly secretTexts: readonly string[]
  /** Whether the body is sealed, so that it is JSON whatever it was. */
  readonly sealsBody: boolean
  /** Wall time at which one of its secrets ceases to sign. */
  readonly untilMs: number
}

type Unsigned = Parameters<Signer>[0]

/** @param platformKeys `whsk_…`, where the endpoint is signed with them */
export function createPen(
  { signature }: StoredEndpoint,
  profile: CallbackProfile,
  vault: Vault,
  platformKeys: readonly string[],
  now: () => number,
  mac: Mac,
): Pen {
  const own = signingSecrets(profile, vault, now())
  const secrets = [...(signature === 'v1a' ? [] : own.map(({ value }) => value)), ...platformKeys]
  const { signing } = profile
  const signer = { profile: signing, secrets: secrets as never, now }
  const [sign, signNow] = [createSigner(signer), createInstantSigner({ ...signer, mac })]
  const named = signing.id[0] !== undefined && 'header' in signing.id[0]
  const typed = signing.type[0] !== undefined && 'header' in signing.type[0]
  // Where the id stands in the body, the body has it already.
  const toWrite = ({ id, type, body, timestamp, nonce }: Unsigned): Unsigned => ({
    id: named ? id : undefined,
    type: typed ? type : undefined,
    body,
    timestamp,
    nonce,
  })
  const headers: Record<string, string> = {
    'user-agent': USER_AGENT,
    'accept': '*/*',
    ...profile.headers,
    ...vault.headers,
  }
  return {
    sign: (message) => sign(toWrite(message)),
    signNow: signNow === null ? null : (message) => signNow(toWrite(message)),
    headers,
    headerList: Object.entries(headers).flat(),
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
