/**
 * One callback: a POST of a CloudEvent in structured mode. No redirects, no credentials, and of the answer nothing is read
 * but its status, its Retry-After and the beginning of its body, for the record of the failure.
 */
import { request, type Agent } from 'undici'
import type { Clock } from '../core/clock.ts'
import { STRUCTURED_TYPE } from '../core/cloud-event/media-type.ts'
import { toStructured } from '../core/cloud-event/structured.ts'
import { PosthornError } from '../core/error.ts'
import type { Message } from '../core/message.ts'

export interface Delivered {
  readonly status: number
  /** What the receiver asked for; null where it asked for nothing. */
  readonly retryAfterMs: number | null
  /** The first bytes of the answer as text. */
  readonly excerpt: string
}

export interface DeliverOptions {
  readonly agent: Agent
  readonly clock: Clock
  readonly signal: AbortSignal
  /** For the whole exchange. */
  readonly totalMs?: number | undefined
}

const TOTAL_MS = 30_000
const EXCERPT_BYTES = 512
const EXCERPT_MS = 2_000
const LONGEST_RETRY_AFTER_MS = 24 * 3_600_000

/** @throws PosthornError `address-forbidden`, `callback-failed` (no answer: connection, time, size), `aborted` */
export async function deliver(url: string, message: Message, options: DeliverOptions): Promise<Delivered> {
  const limit = new AbortController()
  const timer = options.clock.timer(options.totalMs ?? TOTAL_MS, () => limit.abort())
  try {
    const answer = await request(url, {
      method: 'POST',
      dispatcher: options.agent,
      headers: headersOf(message),
      body: toStructured(message.event, message.body),
      signal: AbortSignal.any([limit.signal, options.signal]),
    })
    return {
      status: answer.statusCode,
      retryAfterMs: parseRetryAfter(answer.headers['retry-after'], options.clock.wallMs()),
      excerpt: await readExcerpt(answer.body, options.clock),
    }
  } catch (error) {
    throw toPosthornError(error, url, options.signal, limit.signal)
  } finally {
    timer[Symbol.dispose]()
  }
}

/** Milliseconds of a Retry-After: seconds or an HTTP date, at most a day; null where there is none or it says nothing. */
export function parseRetryAfter(value: string | string[] | undefined, nowMs: number): number | null {
  const text = Array.isArray(value) ? value[0] : value
  if (text === undefined) return null
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1_000 : Date.parse(text) - nowMs
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS)
}

function headersOf({ event }: Message): Record<string, string> {
  const headers: Record<string, string> = { 'content-type': STRUCTURED_TYPE, 'user-agent': 'posthorn', 'accept': '*/*' }
  for (const name of ['traceparent', 'tracestate']) if (typeof event[name] === 'string') headers[name] = event[name]
  return headers
}

/** The status counts, so a body that is slow or breaks off is left as it is. */
async function readExcerpt(body: AsyncIterable<Uint8Array> & { destroy(): unknown }, clock: Clock): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  using _timer = clock.timer(EXCERPT_MS, () => void body.destroy())
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      size += chunk.byteLength
      // Leaving the loop destroys the stream: a receiver that never ends costs a connection and no memory.
      if (size >= EXCERPT_BYTES) break
    }
  } catch {
    // Nothing more is needed.
  }
  return Buffer.concat(chunks).subarray(0, EXCERPT_BYTES).toString('utf8')
}

function toPosthornError(error: unknown, url: string, outer: AbortSignal, limit: AbortSignal): unknown {
  if (error instanceof PosthornError) return error
  const origin = new URL(url).origin
  if (outer.aborted) return new PosthornError('aborted', `the callback to ${origin} was given up`, { cause: error })
  const why = limit.aborted
    ? 'took too long'
    : `failed: ${(error as Error).message || (error as NodeJS.ErrnoException).code}`
  return new PosthornError('callback-failed', `the callback to ${origin} ${why}`, { cause: error })
}
