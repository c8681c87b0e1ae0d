/**
 * How one platform signs its callbacks, as data: where the parts stand, what is signed and how it is written. What data cannot say
 * (sealed bodies, questions that a platform asks when an address is registered) is a function of a few lines beside it.
 */
import { toBytes, type Encoding } from './bytes.ts'
import { WebhookError } from './error.ts'
import type { Algorithm, KeyMaterial } from './key.ts'
import type { Place } from './place.ts'
import type { Arrived } from './request.ts'
import type { Verified } from './verified.ts'

export interface Profile<Secret = string> {
  readonly name: string
  /** Names one event, the same at every attempt; the first place that has it counts. Without one, a digest of what was signed is the id. */
  readonly id: readonly Place[]
  readonly type: readonly Place[]
  /** Null: the platform signs no time, so a request that somebody recorded stays valid. */
  readonly timestamp: TimestampPlace | null
  readonly nonce?: Place | undefined
  /** Names the key that signed, where a platform has several. */
  readonly keyId?: Place | undefined
  readonly signature: SignaturePlace
  /**
   * What is signed: a text in which `{id}`, `{timestamp}`, `{nonce}`, `{secret}` and `{body}` stand for those; or a function, whose
   * results are tried in turn.
   */
  readonly signed: string | ((parts: Parts) => readonly Uint8Array<ArrayBuffer>[])
  /** How far the timestamp may be from this clock, either way. */
  readonly toleranceMs: number
  /** @throws WebhookError `invalid-secret` */
  readonly read: (secret: Secret) => readonly KeyMaterial[]
  /** Makes the body that handlers see of the one that came, once it is verified. */
  readonly open?: ((body: Uint8Array<ArrayBuffer>, secret: Secret) => Promise<Uint8Array<ArrayBuffer>>) | undefined
  /** The reverse, before signing. */
  readonly seal?: ((body: Uint8Array<ArrayBuffer>, secret: Secret) => Promise<Uint8Array<ArrayBuffer>>) | undefined
  /** Answers what is a question and no event; `accepted`: as an event is; null: it is an event. */
  readonly challenge?: ((event: Verified, secret: Secret) => Answer | 'accepted' | null) | undefined
  /** The same for questions that come without a signature. Must prove in another way who asks. */
  readonly unsignedChallenge?: ((arrived: Arrived, secret: Secret) => Promise<Answer | null>) | undefined
  /** What the platform takes as an acknowledgement. Default: status 204. */
  readonly accepted?: Answer | ((secret: Secret, nowMs: number) => Promise<Answer>) | undefined
  /** How a refusal is worded. Default: a problem of RFC 9457. */
  readonly refused?: ((status: number, detail: string) => Answer) | undefined
  /** How long the platform waits for the answer. */
  readonly answerWithinMs: number
  /** How long after the first attempt it may repeat an event: what recognises duplicates must remember as long. */
  readonly repeatedForMs: number
}

export type TimestampPlace = Place & { readonly unit: 's' | 'ms' }

export type SignaturePlace = Place & {
  readonly encoding: Encoding
  /** What an entry begins with, and how it is then signed; others are ignored. An empty label: the text is the signature. */
  readonly labels: Readonly<Record<string, Algorithm>>
  /** Between entries, where there may be several. */
  readonly separator?: string | undefined
}

export interface Parts {
  readonly id: string
  readonly timestamp: string
  readonly nonce: string
  readonly secret: string
  readonly body: Uint8Array<ArrayBuffer>
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
}

/** For a platform of your own. Its secrets are texts unless `read` says otherwise. */
export interface ProfileOptions<Secret> {
  readonly name: string
  readonly signature: SignaturePlace
  readonly signed: Profile<Secret>['signed']
  readonly id?: Place | undefined
  readonly type?: Place | undefined
  readonly timestamp?: TimestampPlace | undefined
  readonly nonce?: Place | undefined
  readonly keyId?: Place | undefined
  readonly toleranceMs?: number | undefined
  readonly read?: Profile<Secret>['read'] | undefined
  readonly accepted?: Answer | undefined
  readonly answerWithinMs?: number | undefined
  readonly repeatedForMs?: number | undefined
}

export const TOLERANCE_MS = 300_000

/** The names that a template may use. */
const PARTS = ['id', 'timestamp', 'nonce', 'secret', 'body'] as const

/** @throws WebhookError `invalid-option` */
export function defineProfile(options: ProfileOptions<string>): Profile
export function defineProfile<Secret>(
  options: ProfileOptions<Secret> & { readonly read: Profile<Secret>['read'] },
): Profile<Secret>
export function defineProfile(options: ProfileOptions<string>): Profile {
  const { name, id, type, timestamp = null, signature, signed } = options
  const algorithms = [...new Set(Object.values(signature.labels))]
  if (algorithms.length === 0)
    throw new WebhookError('invalid-option', `profile ${name}: signature.labels names no algorithm`)
  if (typeof signed === 'string') checkTemplate(name, signed, { id, nonce: options.nonce, timestamp })
  const read = options.read ?? readText(name, algorithms)
  return {
    ...options,
    id: id ? [id] : [],
    type: type ? [type] : [],
    timestamp,
    read,
    toleranceMs: options.toleranceMs ?? TOLERANCE_MS,
    answerWithinMs: options.answerWithinMs ?? 10_000,
    repeatedForMs: options.repeatedForMs ?? 3 * 86_400_000,
  }
}

/** Several templates would sign the same bytes where a part could hold what stands after it. */
function checkTemplate(name: string, signed: string, places: Readonly<Record<string, Place | null | undefined>>): void {
  const used = [...signed.matchAll(/\{([^}]*)\}/g)].map(([, part = '']) => part)
  const unknown = used.find((part) => !PARTS.some((known) => known === part))
  if (unknown !== undefined)
    throw new WebhookError(
      'invalid-option',
      `profile ${name}: signed uses {${unknown}}, and there are only ${PARTS.join(', ')}`,
    )
  if (!used.includes('body')) throw new WebhookError('invalid-option', `profile ${name}: signed must have {body} in it`)
  for (const [part, place] of Object.entries(places)) {
    if (used.includes(part) && !place)
      throw new WebhookError(
        'invalid-option',
        `profile ${name}: signed uses {${part}}, so ${part} must say where it stands`,
      )
  }
  if (places['timestamp'] && !used.includes('timestamp'))
    throw new WebhookError(
      'invalid-option',
      `profile ${name}: signed must have {timestamp} in it, or anybody could renew it`,
    )
}

function readText(name: string, algorithms: readonly Algorithm[]): (secret: string) => readonly KeyMaterial[] {
  return (secret) =>
    algorithms.map((algorithm) => {
      switch (algorithm) {
        case 'hmac-sha256':
        case 'hmac-sha512':
        case 'hmac-sha1':
          return { algorithm, bytes: toBytes(secret) }
        case 'sha256':
        case 'sha1':
          return { algorithm, text: secret }
        case 'ed25519':
        case 'rsa-sha256':
          throw new WebhookError(
            'invalid-option',
            `profile ${name}: ${algorithm} has no one form of key, so read must say how one is read`,
          )
      }
    })
}
