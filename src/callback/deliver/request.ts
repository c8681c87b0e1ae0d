/** The call of an event, or of a batch of them, as its receiver gets it: body, signature and headers. Thousands of these are made each second. */
import { hash } from 'node:crypto'
import type { StoredMessage } from '../../core/message.ts'
import type { Run } from '../../delivery/binding.ts'
import type { Signed } from '../../webhooks/index.ts'
import { EXCERPT_BYTES, type Address, type Exchange } from '../call/exchange.ts'
import { batchBody, type Delivered, type MadeBody } from '../profile/body.ts'
import type { Pen } from '../sign/pen.ts'
import { answerQueue } from './answer.ts'
import type { CourierDeps, Round } from './round.ts'

/** Of an answer that is looked at, or taken back to the sender. */
const ANSWER_BYTES = 65_536

/** At once where its pen signs at once. @param at wall time of the call */
export function requestOf(
  deps: CourierDeps,
  round: Round,
  runs: readonly Run[],
  pen: Pen,
  at: number,
): Exchange | Promise<Exchange> {
  const { payload } = round.endpoint
  const { stored } = runs[0]!.delivery
  const isAlone = runs.length === 1
  const made = isAlone
    ? deps.bodies.make(round.profile.body, deliveredOf(stored, payload))
    : batchBody(runs.map(({ delivery }) => deliveredOf(delivery.stored, payload)))
  const id = isAlone ? stored.id : batchId(runs)
  const unsigned = { id, type: stored.message.event.type, body: made.bytes, timestamp: at }
  if (pen.signNow !== null) return signedRequest(deps, round, runs, pen, made, pen.signNow(unsigned))
  return pen.sign(unsigned).then((signed) => signedRequest(deps, round, runs, pen, made, signed))
}

const deliveredOf = ({ id, message, sentAt }: StoredMessage, payload: Delivered['payload']): Delivered => ({
  id,
  event: message.event,
  body: message.body,
  payload,
  sentAt,
})

/** A batch is called by what is in it: the same events together have the same name again. */
function batchId(runs: readonly Run[]): string {
  return `batch_${hash('sha256', runs.map(({ delivery }) => delivery.stored.id).join(), 'base64url')}`
}

function signedRequest(
  deps: CourierDeps,
  round: Round,
  runs: readonly Run[],
  pen: Pen,
  made: MadeBody,
  signed: Signed,
): Exchange {
  const { endpoint, profile } = round
  const wantsBody =
    !(typeof profile.ack === 'object' && 'status' in profile.ack) ||
    runs.some(({ delivery }) => answerQueue(round, delivery.stored) !== null)
  return {
    url: endpoint.url,
    address: withQuery(round.address, signed.query),
    headers: headersOf(deps, round, runs, pen, made, signed),
    body: signed.body,
    totalMs: endpoint.timeoutMs ?? profile.timeoutMs,
    readBytes: wantsBody ? ANSWER_BYTES : EXCERPT_BYTES,
  }
}

/** Each name and its value; what comes later stands in the place of what has its name. */
function headersOf(
  deps: CourierDeps,
  { profile }: Round,
  runs: readonly Run[],
  pen: Pen,
  made: MadeBody,
  signed: Signed,
): string[] {
  const { stored } = runs[0]!.delivery
  const { traceparent, tracestate } = stored.message.event
  const headers = pen.headerList.slice()
  put(headers, 'content-type', pen.sealsBody ? 'application/json' : made.contentType)
  if (made.headers !== undefined && !pen.sealsBody)
    for (const name in made.headers) put(headers, name, made.headers[name]!)
  // In a batch each event has its own.
  if (runs.length === 1) {
    if (typeof traceparent === 'string') put(headers, 'traceparent', traceparent)
    if (typeof tracestate === 'string') put(headers, 'tracestate', tracestate)
  }
  if (profile.verification === 'handshake') put(headers, 'webhook-request-origin', deps.origin)
  if (stored.failed > 0 && profile.retryHeaders !== undefined) {
    put(headers, profile.retryHeaders[0], String(stored.failed))
    put(headers, profile.retryHeaders[1], reasonOf(stored.failures.at(-1)?.message))
  }
  for (const name in signed.headers) put(headers, name, signed.headers[name]!)
  return headers
}

/** So few are sooner looked through than kept by their names. */
function put(headers: string[], name: string, value: string): void {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== name) continue
    headers[at + 1] = value
    return
  }
  headers.push(name, value)
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
