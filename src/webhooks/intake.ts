/**
 * One request from beginning to end, whatever server it came through: read it, verify it, recognise a double, hand it on, and answer
 * with success only when it is stored. Never throws: whatever happens is an answer.
 */
import { machineClock, within, type WebhookClock } from './clock.ts'
import { isWebhookError, WEBHOOK_ERRORS, WebhookError, type WebhookErrorCode } from './error.ts'
import type { Answer, Profile } from './profile.ts'
import { toArrived, type Arrived, type HeaderSource } from './request.ts'
import type { Seen } from './seen.ts'
import type { Verified } from './verified.ts'
import { createCheck, type Check, type VerifyOptions } from './verify.ts'

export interface ReceiverOptions<Secret> extends Omit<VerifyOptions<Secret>, 'now'> {
  /**
   * Stores the event and does nothing else: success is answered when it resolves. A throw is answered with 503 and Retry-After, or with
   * the error's own `status` where that is 4xx or 5xx, so that the platform tries again.
   */
  readonly onEvent: (event: Verified, context: { readonly signal: AbortSignal }) => unknown
  /** What recognises doubles before `onEvent`. Default: none; those under way are always joined. */
  readonly seen?: Seen | undefined
  /** Default: 1 MiB. */
  readonly maxBodyBytes?: number | undefined
  /** For everything, the body's arrival included. Default: a little less than the platform waits. */
  readonly answerWithinMs?: number | undefined
  /** What is asked for where storing failed. Default: 10 s. */
  readonly retryAfterMs?: number | undefined
  /** Told of each request, for logs and metrics. */
  readonly observe?: ((outcome: ReceivedOutcome) => void) | undefined
  readonly clock?: WebhookClock | undefined
}

export interface ReceivedOutcome {
  /** `challenge`: a platform's question, answered. `refused`: it is not to be believed. `failed`: believed, and not stored. */
  readonly outcome: 'accepted' | 'duplicate' | 'challenge' | 'refused' | 'failed'
  readonly status: number
  /** Once it is verified. */
  readonly id: string | null
  readonly code: WebhookErrorCode | null
  /** A sentence for people; never a secret. */
  readonly reason: string | null
  /** What was thrown, by verification, by `onEvent` or by `seen`. */
  readonly error: unknown
  readonly durationMs: number
}

/** What a server hands over. */
export interface Handed {
  readonly method: string
  readonly url: string
  readonly headers: HeaderSource
  /** @throws WebhookError `body-too-large`, `body-consumed` */
  readonly body: (maxBytes: number, signal: AbortSignal) => Promise<Uint8Array>
}

export type Intake = (request: Handed) => Promise<Answer>

type Ending = Pick<ReceivedOutcome, 'outcome'> & Partial<ReceivedOutcome> & { readonly answer: Answer }

interface Deps<Secret> {
  readonly options: ReceiverOptions<Secret>
  readonly check: Check<Secret>
  readonly clock: WebhookClock
  /** Events whose storing is under way, by id. */
  readonly running: Map<string, Promise<unknown>>
}

/** @throws WebhookError `invalid-secret`, `invalid-option` */
export function createIntake<Secret>(options: ReceiverOptions<Secret>): Intake {
  for (const name of ['maxBodyBytes', 'answerWithinMs', 'retryAfterMs'] as const) {
    const value = options[name]
    if (value !== undefined && !(value > 0))
      throw new WebhookError('invalid-option', `${name}: more than 0 is needed, and this is ${value}`)
  }
  const { clock = machineClock } = options
  if (typeof options.onEvent !== 'function') throw new WebhookError('invalid-option', 'onEvent: a function is needed')
  const deps: Deps<Secret> = { options, clock, check: createCheck({ ...options, now: clock.now }), running: new Map() }
  const { answerWithinMs = options.profile.answerWithinMs } = options
  return async (request) => {
    const from = clock.now()
    const ending = await within(clock, answerWithinMs, (signal) => take(deps, request, signal)).catch(
      (error: unknown) => refuse(options, error),
    )
    const { answer, ...facts } = ending
    tell(options, {
      id: null,
      code: null,
      reason: null,
      error: null,
      ...facts,
      status: answer.status,
      durationMs: clock.now() - from,
    })
    return answer
  }
}

async function take<Secret>(deps: Deps<Secret>, request: Handed, signal: AbortSignal): Promise<Ending> {
  const { profile, maxBodyBytes = 1_048_576 } = deps.options
  if (request.method !== 'POST')
    throw new WebhookError('method-not-allowed', `webhooks come by POST, and this is ${request.method.slice(0, 20)}`)
  const body = await inTime(request.body(maxBodyBytes, signal), signal, 'its body did not arrive in time')
  const arrived = toArrived({ headers: request.headers, url: request.url, body })
  const asked = await answerUnsigned(deps, arrived)
  if (asked) return { outcome: 'challenge', answer: asked }
  const { event, secret } = await deps.check(arrived)
  const challenge = profile.challenge?.(event, secret) ?? null
  const accepted = (): Promise<Answer> => acceptedBy(profile, secret, deps.clock)
  if (challenge !== null)
    return { outcome: 'challenge', id: event.id, answer: challenge === 'accepted' ? await accepted() : challenge }
  try {
    const stored = await inTime(store(deps, event, signal), signal, 'onEvent took too long')
    return { ...stored, id: event.id, answer: await accepted() }
  } catch (error) {
    return { ...fail(deps.options, error), id: event.id }
  }
}

/** A double of what is under way waits for that one's outcome: it must not be told success before. */
async function store<Secret>(
  { options, running }: Deps<Secret>,
  event: Verified,
  signal: AbortSignal,
): Promise<Pick<Ending, 'outcome' | 'error'>> {
  const { onEvent, seen } = options
  const before = running.get(event.id)
  if (before) {
    await before
    return { outcome: 'duplicate' }
  }
  const storing = (async () => {
    if (await seen?.has(event.id)) return 'duplicate'
    await onEvent(event, { signal })
    return 'accepted'
  })()
  running.set(event.id, storing)
  try {
    const outcome = await storing
    if (outcome === 'duplicate') return { outcome }
    // It is stored: that a later double may not be recognised is no reason to ask for one.
    const error = await Promise.resolve(seen?.add(event.id)).then(
      () => null,
      (thrown: unknown) => thrown,
    )
    return { outcome: 'accepted', error }
  } finally {
    running.delete(event.id)
  }
}

async function answerUnsigned<Secret>(deps: Deps<Secret>, arrived: Arrived): Promise<Answer | null> {
  const { unsignedChallenge } = deps.options.profile
  if (!unsignedChallenge) return null
  for (const { secret } of await deps.check.locks({ refused: false })) {
    const answer = await unsignedChallenge(arrived, secret)
    if (answer) return answer
  }
  return null
}

async function acceptedBy<Secret>(profile: Profile<Secret>, secret: Secret, clock: WebhookClock): Promise<Answer> {
  const { accepted = { status: 204 } } = profile
  return typeof accepted === 'function' ? accepted(secret, clock.now()) : accepted
}

async function inTime<Value>(work: Promise<Value>, signal: AbortSignal, reason: string): Promise<Value> {
  const late = Promise.withResolvers<never>()
  const onAbort = (): void => late.reject(new WebhookError('too-slow', reason))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, late.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** It is not to be believed, or cannot be decided: what verification threw says so itself. */
function refuse<Secret>(options: ReceiverOptions<Secret>, error: unknown): Ending {
  if (isWebhookError(error)) {
    const { status, code, message: reason } = error
    const outcome = status >= 500 ? 'failed' : 'refused'
    return { outcome, code, reason, error, answer: answerOf(options, status, code, reason) }
  }
  return fail(options, error)
}

/** What others threw is told to `observe` only: its text may be anything. */
function fail<Secret>(options: ReceiverOptions<Secret>, error: unknown): Ending {
  if (isWebhookError(error)) return { ...refuse(options, error), outcome: 'failed' }
  const given = (error as { readonly status?: unknown } | null | undefined)?.status
  const status = typeof given === 'number' && Number.isInteger(given) && given >= 400 && given < 600 ? given : 503
  const reason = WEBHOOK_ERRORS['not-stored'].title
  return {
    outcome: 'failed',
    code: 'not-stored',
    reason,
    error,
    answer: answerOf(options, status, 'not-stored', reason),
  }
}

function answerOf<Secret>(
  options: ReceiverOptions<Secret>,
  status: number,
  code: WebhookErrorCode,
  detail: string,
): Answer {
  // What is wrong with the set-up is for its owner alone.
  const shown = status === 500 ? 'the receiver is not set up well' : detail
  const { status: final, headers, body } = options.profile.refused?.(status, shown) ?? toProblem(status, code, shown)
  const extra: Record<string, string> = { 'cache-control': 'no-store' }
  if (status === 405) extra['allow'] = 'POST'
  if (status === 429 || status >= 500)
    extra['retry-after'] = String(Math.max(1, Math.ceil((options.retryAfterMs ?? 10_000) / 1_000)))
  return { status: final, headers: { ...extra, ...headers }, body }
}

/** RFC 9457. */
function toProblem(status: number, code: WebhookErrorCode, detail: string): Answer {
  const { title } = WEBHOOK_ERRORS[code]
  const problem = { type: `urn:posthorn:webhook-error:${code}`, title, status, code, detail }
  return { status, headers: { 'content-type': 'application/problem+json' }, body: JSON.stringify(problem) }
}

/** A log that fails must not cost an event. */
function tell<Secret>(options: ReceiverOptions<Secret>, outcome: ReceivedOutcome): void {
  try {
    options.observe?.(outcome)
  } catch {
    // Nobody is left to be told.
  }
}
