/**
 * Verifies one request against a profile and secrets: parts, time, signature, in this order, and says exactly what is wrong. Every
 * entry of the signature is tried with every secret that fits it, so that both sides can rotate whenever they like.
 */
import { decode, toHex } from './bytes.ts'
import { machineClock } from './clock.ts'
import { WebhookError } from './error.ts'
import type { Algorithm } from './key.ts'
import { describePlace, readFirst, readPlace, type Place } from './place.ts'
import type { Parts, Profile } from './profile.ts'
import { toArrived, withBody, type Arrived, type Incoming } from './request.ts'
import { createLocks, type Lock, type LockSource, type Secrets } from './secrets.ts'
import { readSigned, type SignedForm } from './signed.ts'
import { toVerified, type Verified } from './verified.ts'

export interface VerifyOptions<Secret> {
  readonly profile: Profile<Secret>
  /** All that may have signed: during a rotation the old one and the new one. Or a function that looks them up, like `jwks(url)`. */
  readonly secrets: Secrets<Secret>
  /** How far the timestamp may be from this clock, either way. Default: the profile's, mostly five minutes. */
  readonly toleranceMs?: number | undefined
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined
}

export type Verifier = (incoming: Incoming) => Promise<Verified>

/** Reads the secrets once. @throws WebhookError `invalid-secret`, `invalid-option` */
export function createVerifier<Secret>(options: VerifyOptions<Secret>): Verifier {
  const check = createCheck(options)
  return async (incoming) => (await check(toArrived(incoming))).event
}

/**
 * Verifies one request.
 * @throws WebhookError `missing-part`, `invalid-part`, `stale-timestamp`, `bad-signature`, `invalid-body`, `keys-unavailable`,
 * `invalid-secret`, `invalid-option`
 */
export async function verify<Secret>(incoming: Incoming, options: VerifyOptions<Secret>): Promise<Verified> {
  return createVerifier(options)(incoming)
}

export interface Checked<Secret> {
  readonly event: Verified
  readonly secret: Secret
}

export interface Check<Secret> {
  (arrived: Arrived): Promise<Checked<Secret>>
  readonly locks: LockSource<Secret>
}

export function createCheck<Secret>(options: VerifyOptions<Secret>): Check<Secret> {
  const { profile, toleranceMs = profile?.toleranceMs, now = machineClock.now } = options
  if (typeof profile?.read !== 'function')
    throw new WebhookError(
      'invalid-option',
      'profile: one like standardWebhooks, or what defineProfile makes, is needed',
    )
  if (!(toleranceMs >= 0))
    throw new WebhookError('invalid-option', `toleranceMs: 0 or more is needed, and this is ${toleranceMs}`)
  const locks = createLocks(profile, options.secrets)
  const form = readSigned(profile.signed)
  const check = async (arrived: Arrived): Promise<Checked<Secret>> => {
    const entries = readEntries(profile, arrived)
    const { parts, timestamp } = readParts(profile, form, arrived)
    if (timestamp !== null) checkTime(timestamp, now(), toleranceMs)
    const found = await find(profile, form, entries, parts, arrived, locks)
    const body = await open(profile, arrived.body, found.lock.secret)
    const opened = body === arrived.body ? arrived : withBody(arrived, body)
    const event = toVerified({
      profile: profile.name,
      // Without the secret, which some platforms have in what they sign.
      id: readFirst(profile.id, opened) ?? `sha256:${await digest(form.variants(parts))}`,
      type: readFirst(profile.type, opened),
      timestamp,
      body,
      headers: arrived.headers,
      secret: found.index,
      parsed: opened.json,
    })
    return { event, secret: found.lock.secret }
  }
  return Object.assign(check, { locks })
}

interface Entry {
  readonly algorithm: Algorithm
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** An honest request has a handful; each costs a check with each secret. */
const MOST_ENTRIES = 16

function readEntries({ signature, name }: Profile<never>, arrived: Arrived): readonly Entry[] {
  const text = required(signature, arrived, name)
  const { separator, labels, encoding } = signature
  const entries = separator === undefined ? [text] : text.split(separator).filter((entry) => entry.trim() !== '')
  if (entries.length > MOST_ENTRIES)
    throw new WebhookError(
      'invalid-part',
      `${describePlace(signature)} has ${entries.length} entries, more than ${MOST_ENTRIES}`,
      partOf(signature),
    )
  const known = entries.flatMap((entry) => {
    const label = Object.keys(labels).find((one) => entry.trim().startsWith(one))
    const algorithm = label === undefined ? undefined : labels[label]
    const bytes = label === undefined ? null : decode(entry.trim().slice(label.length), encoding)
    return algorithm && bytes && bytes.length > 0 ? [{ algorithm, bytes }] : []
  })
  if (known.length > 0) return known
  const forms = Object.keys(labels).map((label) => `${label}${encoding}`)
  throw new WebhookError(
    'bad-signature',
    `${describePlace(signature)} has no signature in it that is known here; it would look like ${forms.join(' or ')}`,
    { ...partOf(signature), entries: entries.length },
  )
}

interface Read {
  readonly parts: Parts
  /** Milliseconds since 1970. */
  readonly timestamp: number | null
}

function readParts(profile: Profile<never>, form: SignedForm, arrived: Arrived): Read {
  const { name } = profile
  const part = (key: 'id' | 'nonce', places: readonly Place[]): string => {
    const [place] = places
    if (!place || !form.uses(key)) return ''
    const text = form.needs(key) ? required(place, arrived, name) : (readPlace(place, arrived) ?? '')
    const separator = form.separatorAfter(key)
    if (separator !== '' && text.includes(separator))
      throw new WebhookError(
        'invalid-part',
        `${describePlace(place)} has ${JSON.stringify(separator)} in it, which ends it in what is signed`,
        partOf(place),
      )
    return text
  }
  const text = profile.timestamp ? required(profile.timestamp, arrived, name) : ''
  const timestamp = profile.timestamp ? readTime(profile.timestamp, text, profile.timestamp.unit) : null
  const nonce = profile.nonce ? part('nonce', [profile.nonce]) : ''
  return { parts: { id: part('id', profile.id), timestamp: text, nonce, secret: '', body: arrived.body }, timestamp }
}

function readTime(place: Place, text: string, unit: 's' | 'ms'): number {
  const ms = /^\d{1,15}$/.test(text) ? Number(text) * (unit === 's' ? 1_000 : 1) : Number.NaN
  if (Number.isSafeInteger(ms)) return ms
  const wanted = unit === 's' ? 'whole seconds' : 'whole milliseconds'
  throw new WebhookError('invalid-part', `${describePlace(place)} is not in ${wanted} since 1970`, partOf(place))
}

function checkTime(timestamp: number, now: number, toleranceMs: number): void {
  const ageMs = now - timestamp
  if (Math.abs(ageMs) <= toleranceMs) return
  const far = `${Math.round(Math.abs(ageMs) / 1_000)} s ${ageMs > 0 ? 'old' : 'ahead of this clock'}`
  throw new WebhookError('stale-timestamp', `the request is ${far}, and ${toleranceMs / 1_000} s are tolerated`, {
    ageMs,
    toleranceMs,
  })
}

interface Found<Secret> {
  readonly lock: Lock<Secret>
  readonly index: number
}

async function find<Secret>(
  profile: Profile<Secret>,
  form: SignedForm,
  entries: readonly Entry[],
  parts: Parts,
  arrived: Arrived,
  source: LockSource<Secret>,
): Promise<Found<Secret>> {
  const keyId = profile.keyId ? readPlace(profile.keyId, arrived) : null
  const locks = await source({ refused: false })
  const found = await tryAll(form, entries, parts, locks, keyId)
  if (found) return found
  const newer = await source({ refused: true })
  const second = newer === locks ? null : await tryAll(form, entries, parts, newer, keyId)
  if (second) return second
  const tried = newer.length
  const named = keyId === null ? '' : ` (the request names the key ${JSON.stringify(keyId.slice(0, 100))})`
  throw new WebhookError(
    'bad-signature',
    `${count(entries.length, 'signature')} of the request, tried with ${count(tried, 'secret')}: none fits${named}`,
    { profile: profile.name, signatures: entries.length, secrets: tried },
  )
}

async function tryAll<Secret>(
  form: SignedForm,
  entries: readonly Entry[],
  parts: Parts,
  locks: readonly Lock<Secret>[],
  keyId: string | null,
): Promise<Found<Secret> | null> {
  for (const [index, lock] of locks.entries()) {
    for (const key of lock.keys) {
      if (keyId !== null && key.id !== null && key.id !== keyId) continue
      const fitting = entries.filter(({ algorithm }) => algorithm === key.algorithm)
      if (fitting.length === 0 || !key.verify) continue
      for (const signed of form.variants({ ...parts, secret: key.text })) {
        for (const { bytes } of fitting) if (await key.verify(signed, bytes)) return { lock, index }
      }
    }
  }
  return null
}

async function open<Secret>(
  profile: Profile<Secret>,
  body: Uint8Array<ArrayBuffer>,
  secret: Secret,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!profile.open) return body
  try {
    return await profile.open(body, secret)
  } catch (error) {
    if (error instanceof WebhookError) throw error
    throw new WebhookError('invalid-body', 'the signature fits, but the body cannot be opened with this secret')
  }
}

function required(place: Place, arrived: Arrived, profile: string): string {
  const text = readPlace(place, arrived)
  if (text !== null && text !== '') return text
  throw new WebhookError(
    'missing-part',
    `${describePlace(place)} is missing, which ${profile} always has`,
    partOf(place),
  )
}

function partOf(place: Place): Readonly<Record<string, unknown>> {
  return 'header' in place ? { header: place.header } : { ...place }
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

async function digest([bytes = new Uint8Array()]: readonly Uint8Array<ArrayBuffer>[]): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)))
}
