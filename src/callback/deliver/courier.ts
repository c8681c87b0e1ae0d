/**
 * Delivers to one endpoint: a run, or a batch of them, is one signed call. What comes back becomes the message's end, another attempt or a wait, and the
 * attempt's record is settled with it in one commit.
 */
import { hash } from 'node:crypto'
import { describeError, isPosthornError } from '../../core/error.ts'
import type { StoredMessage } from '../../core/message.ts'
import type { Run } from '../../delivery/binding.ts'
import { snooze, type Outcome } from '../../delivery/outcome.ts'
import type { Signed } from '../../webhooks/index.ts'
import { exchange, EXCERPT_BYTES, type Address, type Answered } from '../call/exchange.ts'
import { topicOf } from '../endpoint/endpoint.ts'
import { faultOfAck } from '../profile/ack.ts'
import { batchBody, type Delivered, type MadeBody } from '../profile/body.ts'
import { withoutSecrets } from '../secret/secret.ts'
import type { Pen } from '../sign/pen.ts'
import { isSealedSuccess } from '../sign/sealed-answer.ts'
import { answerQueue, answers } from './answer.ts'
import type { EndpointGate } from './gate.ts'
import { delivered, judge, later, type Judgement } from './judgement.ts'
import type { CourierDeps, Round } from './round.ts'

/** Until an endpoint whose secrets could not be read is looked at again. */
const NO_PEN_MS = 10_000
/** Of an answer that is looked at, or taken back to the sender. */
const ANSWER_BYTES = 65_536

export function deliverTo(deps: CourierDeps, round: Round, run: Run): Promise<Outcome> {
  return deliver(deps, round, [run], ([outcome]) => outcome!)
}

/** One call; its answer is that of each of the events. */
export function deliverTogether(deps: CourierDeps, round: Round, runs: readonly Run[]): Promise<readonly Outcome[]> {
  return deliver(deps, round, runs, (outcomes) => outcomes)
}

/** Thousands of these run each second: one promise, of the exchange, and what is done when it is there. */
function deliver<T>(
  deps: CourierDeps,
  round: Round,
  runs: readonly Run[],
  give: (outcomes: readonly Outcome[]) => T,
): Promise<T> {
  const { clock } = deps
  const at = clock.wallMs()
  const startedMs = clock.monotonicMs()
  const withPen = (pen: Pen): Promise<T> => {
    const { url } = round.endpoint
    const ended = (answered: Answered | null, judgeOne: (stored: StoredMessage) => Judgement): T =>
      give(concludeAll(deps, round, runs, { answered, at, durationMs: clock.monotonicMs() - startedMs, url }, judgeOne))
    const failed = (error: unknown): T => {
      if (isPosthornError(error) && error.code === 'aborted') throw error
      const { message } = describeError(error)
      return ended(null, (stored) => later(deps, round, stored, message, null, 'failed'))
    }
    const came = (heard: Answered, fault: string | null): T => {
      // What is written down, here and in the message's own history, is read by others than who knows the secrets.
      const told = heard.body === '' ? heard : { ...heard, body: withoutSecrets(heard.body, pen.secretTexts) }
      const judging = told.status === 429 ? withOneDraw(deps) : deps
      return ended(told, fault === null ? delivered : (stored) => judge(judging, round, stored, told, fault))
    }
    let heard: Promise<Answered>
    try {
      heard = call(deps, round, runs, pen)
    } catch (error) {
      heard = Promise.reject(error)
    }
    const { ack } = round.profile
    return ack === 'sealed'
      ? heard
          .then(async (answer) => [answer, await faultOfSealed(round, pen, answer)] as const)
          .then(([answer, fault]) => came(answer, fault), failed)
      : heard.then((answer) => came(answer, faultOfAck(ack, answer)), failed)
  }
  const withoutPen = (): T => {
    // Nobody was called, and neither the event nor the receiver has a share in it: what is wrong is logged where it is found.
    round.gate.pause(NO_PEN_MS)
    return give(runs.map(() => snooze(0)))
  }
  const cut = round.pen()
  return cut instanceof Promise ? cut.then(withPen, withoutPen) : withPen(cut)
}

function concludeAll(
  deps: CourierDeps,
  round: Round,
  runs: readonly Run[],
  made: Made,
  judgeOne: (stored: StoredMessage) => Judgement,
): readonly Outcome[] {
  const judged = runs.map(({ delivery }) => judgeOne(delivery.stored))
  // The receiver answered once, however many events it was about.
  const { sign } = judged[0]!
  const turn = sign === null ? null : round.gate.note(sign, made.durationMs)
  return runs.map((run, place) => conclude(deps, round, run, made, judged[place]!, place === 0 ? turn : null))
}

/** What waits for a receiver that is called too often is due together again: spread by chance, each event would be a call of its own. */
function withOneDraw(deps: CourierDeps): CourierDeps {
  const drawn = deps.random()
  return { ...deps, random: () => drawn }
}

/** A call that was made. */
interface Made {
  readonly answered: Answered | null
  /** Wall time of its beginning. */
  readonly at: number
  readonly durationMs: number
  readonly url: string
}

/** What is written of one event, in the commit that settles it. */
function conclude(
  deps: CourierDeps,
  round: Round,
  run: Run,
  { answered, at, durationMs, url }: Made,
  { outcome, said, error, retryInMs }: Judgement,
  turn: ReturnType<EndpointGate['note']>,
): Outcome {
  const { stored } = run.delivery
  const sincePublishMs = Math.max(0, deps.clock.wallMs() - stored.sentAt)
  run.note(
    round.ring.put({
      id: deps.ids.uuid(),
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
  round.tell(
    answered?.status === 410 && said !== 'delivered'
      ? 'gone'
      : (turn ?? (said === 'delivered' ? 'delivered' : 'failed')),
    stored.sentAt,
    url,
  )
  return outcome
}

function call(deps: CourierDeps, round: Round, runs: readonly Run[], pen: Pen): Promise<Answered> {
  const { endpoint, profile } = round
  round.checkUrl()
  const together = runs.map(({ delivery: { stored } }): Delivered => {
    const { id, message, sentAt } = stored
    return { id, event: message.event, body: message.body, payload: endpoint.payload, sentAt }
  })
  const [first] = together as [Delivered, ...Delivered[]]
  const made = together.length === 1 ? deps.bodies.make(profile.body, first) : batchBody(together)
  const unsigned = { id: idOf(together), type: first.event.type, body: made.bytes }
  const head = pen.sealsBody ? { bytes: made.bytes, contentType: 'application/json' } : made
  if (pen.signNow !== null) return send(deps, round, runs, pen, head, pen.signNow(unsigned))
  return pen.sign(unsigned).then((signed) => send(deps, round, runs, pen, head, signed))
}

/** A batch is called by what is in it: the same events together have the same name again. */
function idOf(together: readonly Delivered[]): string {
  const ids = together.map(({ id }) => id)
  return ids.length === 1 ? ids[0]! : `batch_${hash('sha256', ids.join(), 'base64url')}`
}

function send(
  deps: CourierDeps,
  round: Round,
  runs: readonly Run[],
  pen: Pen,
  made: MadeBody,
  signed: Signed,
): Promise<Answered> {
  const { endpoint, profile } = round
  const { stored } = runs[0]!.delivery
  const { event } = stored.message
  const headers: Record<string, string> = { ...pen.headers, 'content-type': made.contentType }
  if (made.headers !== undefined) Object.assign(headers, made.headers)
  // In a batch each event has its own.
  const isTraced = runs.length === 1
  if (isTraced && typeof event['traceparent'] === 'string') headers['traceparent'] = event['traceparent']
  if (isTraced && typeof event['tracestate'] === 'string') headers['tracestate'] = event['tracestate']
  if (profile.verification === 'handshake') headers['webhook-request-origin'] = deps.origin
  if (stored.failed > 0 && profile.retryHeaders !== undefined) {
    headers[profile.retryHeaders[0]] = String(stored.failed)
    headers[profile.retryHeaders[1]] = reasonOf(stored.failures.at(-1)?.message)
  }
  Object.assign(headers, signed.headers)
  const wantsBody =
    !(typeof profile.ack === 'object' && 'status' in profile.ack) ||
    runs.some(({ delivery }) => answerQueue(round, delivery.stored) !== null)
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
