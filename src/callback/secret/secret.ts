/** An endpoint's secrets: made here or given, shown once, masked ever after, several beside each other while they are rotated. */
import { PosthornError } from '../../core/error.ts'
import { secretBytes } from '../../core/id.ts'
import { invalidOption, isPlain } from '../../core/option.ts'
import { generateSecret } from '../../webhooks/index.ts'
import type { CallbackProfile } from '../profile/profile.ts'

/** A text, or what a platform's profile asks for: an object of texts. */
export type SecretValue = string | Readonly<Record<string, string>>

export interface StoredSecret {
  readonly id: string
  readonly value: SecretValue
  /** Wall time. */
  readonly createdAt: number
  /** Wall time until which it signs beside a newer one; null: until it is rotated. */
  readonly expiresAt: number | null
}

/** What is sealed of an endpoint. */
export interface Vault {
  /** The newest first. */
  readonly secrets: readonly StoredSecret[]
  /** Headers of the platform's own: they may hold keys. */
  readonly headers: Readonly<Record<string, string>>
}

export const VAULT_PREFIX = 'system/endpoint-vault/'
export const MASK = '****'
/** At most so many sign beside each other. */
export const MOST_SECRETS = 4

/** What is shorter is no secret, or part of one that tells nothing. */
const SHORTEST_HIDDEN = 8

const text = (bytes: number): string => Buffer.from(secretBytes(bytes)).toString('base64url')

/** @throws PosthornError `invalid-option` where the profile's secret cannot be made by one side alone */
export function makeSecret({ name }: CallbackProfile): SecretValue {
  switch (name) {
    case 'standard-webhooks':
    case 'cloudevents':
    case 'cloudevents-binary':
    case 'cloudevents-batch':
      return generateSecret()
    case 'stripe':
      return `whsec_${text(32)}`
    case 'feishu':
      return { encryptKey: text(24), verificationToken: text(24) }
    case 'dingtalk':
      return {
        token: text(24),
        aesKey: Buffer.from(secretBytes(33)).toString('base64').slice(0, 43),
        owner: `posthorn${text(9)}`,
      }
    case 'wechat-pay':
      throw needed(name, "{ privateKey: '-----BEGIN PRIVATE KEY-----…', serial: '…', apiKey: '32 characters' }")
    case 'alipay':
      throw needed(name, "{ privateKey: '-----BEGIN PRIVATE KEY-----…' }")
    default:
      return text(32)
  }
}

/** Profiles whose secret is an object; that of all others is a text. */
const OBJECT_SECRETS: ReadonlySet<string> = new Set(['wechat-pay', 'alipay', 'feishu', 'dingtalk'])

/** One that was given, if the profile can sign with it. @throws PosthornError `invalid-option`, `masked-value`; it never holds the secret */
export function checkSecret({ name, signing }: CallbackProfile, given: unknown): SecretValue {
  const isText = typeof given === 'string' && given !== ''
  const isObject =
    isPlain(given) && Object.keys(given).length > 0 && Object.values(given).every((each) => typeof each === 'string')
  if (!isText && !isObject) throw unfit(name, 'a text, or an object of texts')
  if (isObject && !OBJECT_SECRETS.has(name)) throw unfit(name, 'a text')
  refuseMask('secret', given)
  if (JSON.stringify(given).length > 8_192) throw unfit(name, 'at most 8 KiB')
  try {
    if (signing.read(given as never).length > 0) return given as SecretValue
  } catch (error) {
    throw unfit(name, (error as Error).message)
  }
  throw unfit(name, 'one that it can sign with')
}

/** @throws PosthornError `masked-value` */
export function refuseMask(field: string, value: unknown): void {
  const texts = typeof value === 'string' ? [value] : isPlain(value) ? Object.values(value) : []
  for (const each of texts)
    if (typeof each === 'string' && each.startsWith(MASK))
      throw new PosthornError(
        'masked-value',
        `${field} holds '${MASK}…', which is how a secret is shown: write the value itself, or leave the field out`,
        { details: { field } },
      )
}

/** Enough to tell two apart, and too little to guess one. */
export function maskSecret(value: SecretValue): string | Readonly<Record<string, string>> {
  if (typeof value === 'string') return mask(value)
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, mask(each)]))
}

export const mask = (value: string): string => (value.length < 16 ? MASK : `${MASK}${value.trimEnd().slice(-4)}`)

/** Those that sign now, the newest first. A profile that has room for one signature signs with the newest. */
export function signingSecrets(
  { signing }: CallbackProfile,
  { secrets }: Vault,
  nowMs: number,
): readonly StoredSecret[] {
  const living = secrets.filter(({ expiresAt }, at) => at === 0 || expiresAt === null || expiresAt > nowMs)
  return signing.signature.separator === undefined ? living.slice(0, 1) : living
}

/** Everything that may not appear in what is written down of an attempt. */
export function secretTexts({ secrets, headers }: Vault): readonly string[] {
  const values = secrets.flatMap(({ value }) => (typeof value === 'string' ? [value] : Object.values(value)))
  const all = [...values, ...Object.values(headers)]
  return all
    .flatMap((each) => [each, each.replace(/^wh(sec|sk)_/, '').replace(/^(Bearer|Basic) /i, '')])
    .filter((each) => each.length >= SHORTEST_HIDDEN)
}

export function withoutSecrets(shown: string, secrets: readonly string[]): string {
  if (shown === '') return shown
  let left = shown
  for (const secret of secrets) if (left.includes(secret)) left = left.replaceAll(secret, MASK)
  // What was read of an answer may end in the middle of one.
  for (const secret of secrets)
    for (let length = secret.length - 1; length >= SHORTEST_HIDDEN; length--)
      if (left.endsWith(secret.slice(0, length))) return left.slice(0, -length) + MASK
  return left
}

const needed = (profile: string, right: string): PosthornError =>
  new PosthornError('invalid-option', `endpoint: secret is missing: profile '${profile}' needs ${right}`, {
    details: { field: 'secret' },
  })

const unfit = (profile: string, right: string): PosthornError => {
  const error = invalidOption('endpoint', 'secret', '', `what profile '${profile}' signs with: ${right}`)
  return new PosthornError('invalid-option', error.message.replace('secret is ""', 'secret is not shown'), {
    details: { field: 'secret' },
  })
}
