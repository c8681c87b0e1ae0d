/**
 * Delivers to one endpoint: a run is one signed call. What comes back becomes the message's end, another attempt or a wait, and the
 * attempt's record is settled with it in one commit.
 */
import type { Agent } from 'undici'
import type { Clock } from '../core/clock.ts'
import type { Change } from '../core/engine.ts'
import { describeError, isPosthornError } from '../core/error.ts'
import type { Histogram } from '../core/histogram.ts'
import type { Ids, Random } from '../core/id.ts'
import { toJsonBytes } from '../core/json.ts'
import { DEFAULT_PRIORITY, type StoredMessage } from '../core/message.ts'
import type { Run } from '../delivery/binding.ts'
import { bury, done, retry, snooze, type Outcome } from '../delivery/outcome.ts'
import { eventTypeOf, REPORT_QUEUE, taskOfQueue } from '../operation/index.ts'
import { verify as verifySealed, type Signed } from '../webhooks/index.ts'
import { faultOfAck } from './ack.ts'
import type { Attempt, AttemptRing } from './attempt.ts'
import type { MadeBody } from './body.ts'
import type { BodyCache } from './body-cache.ts'
import { topicOf, type StoredEndpoint } from './endpoint.ts'
import { exchange, EXCERPT_BYTES, parseRetryAfter, USER_AGENT, type Address, type Answered } from './exchange.ts'
import type { EndpointGate, Sign } from './gate.ts'
import type { CallbackProfile } from './profile.ts'
import { withoutSecrets, type SecretValue } from './secret.ts'
import type { Pen } from './pen.ts'
import type { TimeLimits } from './time-limit.ts'

export interface CourierDeps {
  readonly clock: Clock
  readonly ids: Ids
  readonly random: Random
  readonly agent: Agent
  readonly timeLimits: TimeLimits
  readonly bodies: BodyCache
  readonly source: string
  /** DNS name that CloudEvents WebHook asks senders to give. */
  readonly origin: string
  /** From the publish to the acknowledgement. */
  readonly delays: Histogram
}

/** One endpoint as it is delivered to. */
export interface Round {
  readonly endpoint: StoredEndpoint
  readonly profile: CallbackProfile
  readonly attempts: number
  readonly delaysMs: readonly number[]
  readonly gate: EndpointGate
  readonly ring: AttemptRing
  /** Of its URL. */
  readonly address: Address
  /** At once where it is at hand. */
  pen(): Pen | Promise<Pen>
  /** @throws PosthornError `callback-not-allowed` */
  checkUrl(): void
  /** Told what the receiver's answers mean for the endpoint as a whole. */
  tell(what: 'gone' | 'opened' | 'failed' | 'recovered' | 'delivered', sentAt: number, url: string): void
}

const STOP_HEADERS = ['webhook-no-retry', 'posthorn-no-retry']
const MOST_WAITS = 100
/** Until an endpoint whose secrets could not be read is looked at again. */
const NO_PEN_MS = 10_000
const JITTER = 0.1
/** Of an answer that is looked at, or taken back to the sender. */
const ANSWER_BYTES = 65_536
const ANSWERED_TYPE = 'posthorn.endpoint.answered'

interface Judgement {
  readonly outcome: Outcome
  readonly said: Attempt['outcome']
  readonly error: string | null
  readonly retryInMs: number | null
  readonly sign: Sign | null
}

export async function deliverTo(deps: CourierDeps, round: Round, run: Run): Promise<Outcome> {
  const { clock, ids } = deps
  const { stored } = run.delivery
  const id = ids.uuid()
  const at = clock.wallMs()
  const startedMs = clock.monotonicMs()
  let pen: Pen
  try {
    const cut = round.pen()
    pen = cut instanceof Promise ? await cut : cut
  } catch {
    // Nobody was called, and neither the event nor the receiver has a share in it: what is wrong is logged where it is found.
    round.gate.pause(NO_PEN_MS)
    return snooze(0)
  }
  const { url } = round.endpoint
  let answered: Answered | null = null
  let judged: Judgement
  try {
    answered = await call(deps, round, run, pen)
    const { ack } = round.profile
    const fault = ack === 'sealed' ? await faultOfSealed(round, pen, answered) : faultOfAck(ack, answered)
    // What is written down, here and in the message's own history, is read by others than who knows the secrets.
    if (answered.body !== '') answered = { ...answered, body: withoutSecrets(answered.body, pen.secretTexts) }
    judged = fault === null ? delivered() : judge(deps, round, stored, answered, fault)
  } catch (error) {
    if (isPosthornError(error) && error.code === 'aborted') throw error
    judged = later(deps, round, stored, describeError(error).message, null, 'failed')
  }
  const durationMs = clock.monotonicMs() - startedMs
  const sincePublishMs = Math.max(0, clock.wallMs() - stored.sentAt)
  const { outcome, said, error, retryInMs, sign } = judged
  run.note(
    round.ring.put({
      id,
      message: stored.id,
      event: stored.message.event.id,
      type: stored.message.event.type,
      topic: topicOf(stored.queue),
      attempt: run.attempt,
      at,
      durationMs: rounded(durationMs),
      sincePublishMs: rounded(sincePublishMs),
      outcome: said,
      status: answered?.status ?? null,
      error,
      retryInMs,
      answer: answered?.body.slice(0, EXCERPT_BYTES) ?? '',
    }),
  )
  if (said === 'delivered' || said === 'dead')
    for (const change of answers(deps, round, stored, answered, said)) run.note(change)
  if (said === 'delivered') deps.delays.record(sincePublishMs)
  const turn = sign === null ? null : round.gate.note(sign, durationMs)
  round.tell(
    answered?.status === 410 && said !== 'delivered'
      ? 'gone'
      : (turn ?? (said === 'delivered' ? 'delivered' : 'failed')),
    stored.sentAt,
    url,
  )
  return outcome
}

function call(deps: CourierDeps, round: Round, run: Run, pen: Pen): Promise<Answered> {
  const { endpoint, profile } = round
  const { message, id, sentAt } = run.delivery.stored
  const { event } = message
  round.checkUrl()
  const made = deps.bodies.make(profile.body, { id, event, body: message.body, payload: endpoint.payload, sentAt })
  const unsigned = { id, type: event.type, body: made.bytes }
  const head = pen.sealsBody ? { bytes: made.bytes, contentType: 'application/json' } : made
  if (pen.signNow !== null) return send(deps, round, run, pen, head, pen.signNow(unsigned))
  return pen.sign(unsigned).then((signed) => send(deps, round, run, pen, head, signed))
}

function send(
  deps: CourierDeps,
  round: Round,
  { delivery: { stored } }: Run,
  pen: Pen,
  made: MadeBody,
  signed: Signed,
): Promise<Answered> {
  const { endpoint, profile } = round
  const { event } = stored.message
  const headers: Record<string, string> = {
    'content-type': made.contentType,
    'user-agent': USER_AGENT,
    'accept': '*/*',
    ...profile.headers,
    ...made.headers,
    ...pen.headers,
  }
  if (typeof event['traceparent'] === 'string') headers['traceparent'] = event['traceparent']
  if (typeof event['tracestate'] === 'string') headers['tracestate'] = event['tracestate']
  if (profile.verification === 'handshake') headers['webhook-request-origin'] = deps.origin
  if (stored.failed > 0 && profile.retryHeaders !== undefined) {
    headers[profile.retryHeaders[0]] = String(stored.failed)
    headers[profile.retryHeaders[1]] = reasonOf(stored.failures.at(-1)?.message)
  }
  Object.assign(headers, signed.headers)
  const wantsBody = !(typeof profile.ack === 'object' && 'status' in profile.ack) || answerQueue(round, stored) !== null
  return exchange(
    {
      url: endpoint.url,
      address: withQuery(round.address, signed.query),
      headers,
      body: signed.body,
      totalMs: endpoint.timeoutMs ?? profile.timeoutMs,
      readBytes: wantsBody ? ANSWER_BYTES : EXCERPT_BYTES,
    },
    // Who stops gives the message back, and the call ends with the agent.
    { agent: deps.agent, clock: deps.clock, signal: null, timeLimits: deps.timeLimits },
  )
}

/** A sentence on why the answer is no acknowledgement; null where it is one. */
async function faultOfSealed({ profile }: Round, pen: Pen, answered: Answered): Promise<string | null> {
  const fault = faultOfAck({ status: 'success' }, answered)
  if (fault !== null) return fault
  return (await isSealedSuccess(profile, pen.newest, answered.body)) ? null : 'its answer is no sealed success'
}

/** DingTalk's: a JSON answer whose parts stand where a call has them in its query. */
export async function isSealedSuccess(profile: CallbackProfile, secret: SecretValue, body: string): Promise<boolean> {
  try {
    const { msg_signature, timeStamp, nonce, encrypt } = JSON.parse(body) as Record<string, string>
    const query = new URLSearchParams({ msg_signature: msg_signature!, timestamp: timeStamp!, nonce: nonce! })
    const incoming = {
      url: `http://answer/?${query.toString()}`,
      method: 'POST',
      headers: {},
      body: JSON.stringify({ encrypt }),
    }
    const verified = await verifySealed(incoming, { profile: profile.signing, secrets: secret as never })
    return verified.text() === 'success'
  } catch {
    return false
  }
}

const delivered = (): Judgement => ({
  outcome: done(undefined),
  said: 'delivered',
  error: null,
  retryInMs: null,
  sign: 'fine',
})

function judge(deps: CourierDeps, round: Round, stored: StoredMessage, answered: Answered, fault: string): Judgement {
  const { status, headers, body } = answered
  const error = `${fault}${body === '' ? '' : `: ${body.slice(0, EXCERPT_BYTES)}`}`
  const asked = parseRetryAfter(headers['retry-after'], deps.clock.wallMs())
  // Kept for when it is enabled again: nobody is there now (Standard Webhooks; CloudEvents WebHook).
  if (status === 410) return { outcome: snooze(0), said: 'held', error, retryInMs: null, sign: 'fine' }
  const stops = [...STOP_HEADERS, ...(round.profile.stopHeader === undefined ? [] : [round.profile.stopHeader])]
  if (stops.some((name) => headers[name] !== undefined && headers[name] !== '0' && headers[name] !== 'false')) {
    const reason = `${fault}, and asked for no further attempt`
    return { outcome: bury(reason, 'callback-failed'), said: 'dead', error: reason, retryInMs: null, sign: 'fine' }
  }
  if (asked !== null && (status === 429 || status === 503)) round.gate.pause(asked)
  if (status === 429 && stored.released < MOST_WAITS) {
    const afterMs = asked ?? delayOf(deps, round, stored)
    return { outcome: snooze(afterMs), said: 'held', error, retryInMs: Math.round(afterMs), sign: 'throttled' }
  }
  return later(deps, round, stored, error, asked, status >= 500 ? 'failed' : 'fine')
}

function later(
  deps: CourierDeps,
  round: Round,
  stored: StoredMessage,
  error: string,
  asked: number | null,
  sign: Sign,
): Judgement {
  const afterMs = asked ?? delayOf(deps, round, stored)
  const isLast = stored.failed + 1 >= round.attempts
  return {
    outcome: isLast ? bury(error, 'callback-failed') : retry({ afterMs, message: error }),
    said: isLast ? 'dead' : 'retry',
    error,
    retryInMs: isLast ? null : Math.round(afterMs),
    sign,
  }
}

function delayOf({ random }: CourierDeps, { delaysMs }: Round, { failed }: StoredMessage): number {
  const delayMs = delaysMs[Math.min(failed, delaysMs.length - 1)] ?? 60_000
  return delayMs * (1 + JITTER * random())
}

/** The receiver's answer on its way to who asked for it. */
function answers(
  { ids, clock, source }: CourierDeps,
  round: Round,
  stored: StoredMessage,
  answered: Answered | null,
  said: Attempt['outcome'],
): readonly Change[] {
  const queue = answerQueue(round, stored)
  if (queue === null) return []
  const { message } = stored
  const id = ids.uuid()
  const answer = {
    endpoint: round.endpoint.id,
    message: stored.id,
    event: { id: message.event.id, source: message.event.source, type: message.event.type },
    outcome: said,
    status: answered?.status ?? null,
    contentType: headerOf(answered, 'content-type'),
    body: answered?.body ?? '',
  }
  return [
    {
      do: 'send',
      queue,
      message: {
        id,
        event: {
          id,
          source,
          type: taskOfQueue(queue) === null ? ANSWERED_TYPE : eventTypeOf(queue),
          time: new Date(clock.wallMs()).toISOString(),
          datacontenttype: 'application/json',
          correlationid: String(message.event['correlationid'] ?? stored.id),
          causationid: stored.id,
        },
        body: toJsonBytes(answer),
        priority: DEFAULT_PRIORITY,
        ...(taskOfQueue(queue) === null ? {} : { report: REPORT_QUEUE }),
      },
    },
  ]
}

const answerQueue = ({ endpoint }: Round, { message }: StoredMessage): string | null =>
  message.replyTo ?? endpoint.answerTo

function headerOf(answered: Answered | null, name: string): string | null {
  const value = answered?.headers[name]
  return (Array.isArray(value) ? value[0] : value) ?? null
}

/** As Slack words it. */
function reasonOf(message: string | undefined): string {
  if (message === undefined) return 'unknown_error'
  if (message.includes('took too long')) return 'http_timeout'
  return /answered \d{3}/.test(message) ? 'http_error' : 'connection_failed'
}

function withQuery(address: Address, query: Readonly<Record<string, string>>): Address {
  let whole: URL | null = null
  for (const name in query) {
    whole ??= new URL(address.origin + address.path)
    whole.searchParams.set(name, query[name]!)
  }
  return whole === null ? address : { origin: address.origin, path: whole.pathname + whole.search }
}

const rounded = (ms: number): number => Math.round(ms * 10) / 10
