/** Signs what is sent as a profile says, so that its receivers can verify it: the platform's side, and tests of receivers. */
import { encode } from './bytes.ts'
import { machineClock } from './clock.ts'
import { WebhookError } from './error.ts'
import type { Key } from './key.ts'
import { describePlace, writePlace, type Outgoing } from './place.ts'
import type { Parts, Profile } from './profile.ts'
import { toOwnBytes } from './request.ts'
import { createLocks, type Lock } from './secrets.ts'
import { readSigned, type SignedForm } from './signed.ts'

export interface SignOptions<Secret> {
  readonly profile: Profile<Secret>
  /** Several sign beside each other, where the platform's form has room: during a rotation the old one and the new one. */
  readonly secrets: Secret | readonly Secret[]
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined
}

export interface Unsigned {
  /** The same at every attempt. Default: none, where the platform has its id in the body. */
  readonly id?: string | undefined
  readonly type?: string | undefined
  readonly body: Uint8Array | string
  /** Milliseconds since 1970: of this attempt. Default: now. */
  readonly timestamp?: number | undefined
  /** Default: random. */
  readonly nonce?: string | undefined
}

export interface Signed {
  /** In lower case, to be added to the request. */
  readonly headers: Readonly<Record<string, string>>
  /** To be added to the address; mostly empty. */
  readonly query: Readonly<Record<string, string>>
  /** Exactly what must be sent; another body than was given where the platform seals it or signs inside of it. */
  readonly body: Uint8Array<ArrayBuffer>
}

export type Signer = (message: Unsigned) => Promise<Signed>

/** Reads the secrets once. @throws WebhookError `invalid-secret`, `invalid-option` */
export function createSigner<Secret>(options: SignOptions<Secret>): Signer {
  const { profile, secrets, now = machineClock.now } = options
  if (typeof profile?.read !== 'function')
    throw new WebhookError(
      'invalid-option',
      'profile: one like standardWebhooks, or what defineProfile makes, is needed',
    )
  const source = createLocks(profile, secrets)
  const form = readSigned(profile.signed)
  return async (message) => {
    const locks = await source({ refused: false })
    const [first] = locks
    const given = toOwnBytes(message.body)
    const body = profile.seal && first ? await profile.seal(given, first.secret) : given
    const outgoing: Outgoing = { headers: {}, query: {}, body }
    const parts = writeParts(profile, form, message, now, outgoing)
    const keys = signingKeys(profile, locks)
    if (profile.keyId && keys[0]?.id != null) writePlace(profile.keyId, keys[0].id, outgoing)
    const texts: string[] = []
    for (const key of keys) texts.push(await signatureOf(profile, form, key, { ...parts, body: outgoing.body }))
    writeSignature(profile, texts, outgoing)
    return outgoing
  }
}

/** @throws WebhookError `invalid-secret`, `invalid-option`, `missing-part`, `invalid-part` */
export async function sign<Secret>(message: Unsigned, options: SignOptions<Secret>): Promise<Signed> {
  return createSigner(options)(message)
}

/** Each where the profile has it. */
export function writeParts(
  profile: Profile<never>,
  form: SignedForm,
  message: Unsigned,
  now: () => number,
  outgoing: Outgoing,
): Parts {
  const [idPlace] = profile.id
  const [typePlace] = profile.type
  const id = message.id ?? ''
  if (form.needs('id') && id === '')
    throw new WebhookError('missing-part', `${profile.name} signs an id, so one must be given`)
  const separator = form.separatorAfter('id')
  if (separator !== '' && id.includes(separator))
    throw new WebhookError('invalid-part', `an id of ${profile.name} must not have ${JSON.stringify(separator)} in it`)
  if (idPlace && id !== '') writePlace(idPlace, id, outgoing)
  if (typePlace && message.type !== undefined) writePlace(typePlace, message.type, outgoing)
  const timestamp = profile.timestamp ? timeText(message.timestamp ?? now(), profile.timestamp.unit) : ''
  if (profile.timestamp) writePlace(profile.timestamp, timestamp, outgoing)
  const nonce = profile.nonce ? (message.nonce ?? crypto.randomUUID().replaceAll('-', '')) : ''
  if (profile.nonce) writePlace(profile.nonce, nonce, outgoing)
  return { id, timestamp, nonce, secret: '', body: outgoing.body }
}

function timeText(ms: number, unit: 's' | 'ms'): string {
  return String(Math.floor(unit === 's' ? ms / 1_000 : ms))
}

function signingKeys<Secret>(profile: Profile<Secret>, locks: readonly Lock<Secret>[]): readonly Key[] {
  const keys = locks.flatMap((lock, index) => {
    const able = lock.keys.filter((key) => key.sign)
    if (able.length > 0) return able
    throw new WebhookError('invalid-secret', `secrets[${index}]: this key can verify, but not sign`, { index })
  })
  if (keys.length === 1 || profile.signature.separator !== undefined) return keys
  throw new WebhookError(
    'invalid-option',
    `secrets: ${describePlace(profile.signature)} has room for one signature of ${profile.name}, and ${keys.length} keys would sign`,
  )
}

async function signatureOf(profile: Profile<never>, form: SignedForm, key: Key, parts: Parts): Promise<string> {
  const { labels, encoding } = profile.signature
  const label = Object.keys(labels).find((one) => labels[one] === key.algorithm)
  const [bytes] = form.variants({ ...parts, secret: key.text })
  if (label === undefined || !bytes || !key.sign)
    throw new WebhookError('invalid-option', `profile ${profile.name} has no label for ${key.algorithm}`)
  return label + encode(await key.sign(bytes), encoding)
}

export function writeSignature({ signature }: Profile<never>, texts: readonly string[], outgoing: Outgoing): void {
  const { separator = '' } = signature
  // A header that already has an entry (Stripe's time) gets the signatures after it.
  const before = 'header' in signature ? outgoing.headers[signature.header] : undefined
  const joined = texts.length === 1 ? texts[0]! : texts.join(separator)
  writePlace(signature, before === undefined ? joined : before + separator + joined, outgoing)
}
