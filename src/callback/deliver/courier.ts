/**
 * Delivers to one endpoint: a run is one signed call. What comes back becomes the message's end, another attempt or a wait, and the
 * attempt's record is settled with it in one commit.
 */
import { describeError, isPosthornError } from '../../core/error.ts'
import type { Run } from '../../delivery/binding.ts'
import { snooze, type Outcome } from '../../delivery/outcome.ts'
import type { Signed } from '../../webhooks/index.ts'
import { exchange, EXCERPT_BYTES, USER_AGENT, type Address, type Answered } from '../call/exchange.ts'
import { topicOf } from '../endpoint/endpoint.ts'
import { faultOfAck } from '../profile/ack.ts'
import type { MadeBody } from '../profile/body.ts'
import { withoutSecrets } from '../secret/secret.ts'
import type { Pen } from '../sign/pen.ts'
import { isSealedSuccess } from '../sign/sealed-answer.ts'
import { answerQueue, answers } from './answer.ts'
import { delivered, judge, later, type Judgement } from './judgement.ts'
import type { CourierDeps, Round } from './round.ts'

/** Until an endpoint whose secrets could not be read is looked at again. */
const NO_PEN_MS = 10_000
/** Of an answer that is looked at, or taken back to the sender. */
const ANSWER_BYTES = 65_536

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
