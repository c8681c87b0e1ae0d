/** A completion callback to an address that a caller named: a CloudEvent in structured mode, signed with the platform's own key. */
import { STRUCTURED_TYPE } from '../../core/cloud-event/media-type.ts'
import { toStructured } from '../../core/cloud-event/structured.ts'
import type { Message } from '../../core/message.ts'
import type { Signer } from '../../webhooks/index.ts'
import { exchange, EXCERPT_BYTES, parseRetryAfter, USER_AGENT, type ExchangeDeps } from '../call/exchange.ts'

export interface Delivered {
  readonly status: number
  /** What the receiver asked for; null where it asked for nothing. */
  readonly retryAfterMs: number | null
  /** The first bytes of the answer as text. */
  readonly excerpt: string
}

export interface DeliverOptions extends ExchangeDeps {
  /** For the whole exchange. */
  readonly totalMs?: number | undefined
  readonly sign?: (() => Promise<Signer>) | undefined
}

const TOTAL_MS = 30_000

/** @throws PosthornError `address-forbidden`, `callback-failed` (no answer: connection, time, size), `aborted` */
export async function deliver(url: string, message: Message, options: DeliverOptions): Promise<Delivered> {
  const { clock, sign, totalMs = TOTAL_MS } = options
  const body = toStructured(message.event, message.body)
  const signed = await (await sign?.())?.({ id: message.id, body })
  const answer = await exchange(
    { url, headers: { ...headersOf(message), ...signed?.headers }, body, totalMs, readBytes: EXCERPT_BYTES },
    options,
  )
  return {
    status: answer.status,
    retryAfterMs: parseRetryAfter(answer.headers['retry-after'], clock.wallMs()),
    excerpt: answer.body,
  }
}

function headersOf({ event }: Message): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': STRUCTURED_TYPE, 'user-agent': USER_AGENT, 'accept': '*/*' }
  for (const name of ['traceparent', 'tracestate']) if (typeof event[name] === 'string') headers[name] = event[name]
  return headers
}
