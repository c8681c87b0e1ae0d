/** What a route answers, before it is a Response or written to a socket. */
import { isPosthornError, PosthornError, toProblem, type ErrorCode, type Problem } from '../../core/error.ts'
import type { Log } from '../../runtime/log.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** A stream goes out as fast as its reader takes it, and is cancelled when he goes. */
  readonly body: string | Uint8Array | ReadableStream<Uint8Array> | null
  /** Called when the client went away before all of it was written. */
  readonly lost?: (() => void) | undefined
}

/** An answer whose body is a text. */
export interface TextAnswer extends Answer {
  readonly body: string
}

export const JSON_TYPE = 'application/json'
export const PROBLEM_TYPE = 'application/problem+json'

/** Every answer: nothing here may be cached by anybody, nor be taken for another type than it is. */
const COMMON = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return jsonText(status, JSON.stringify(value), headers)
}

export function jsonText(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { 'content-type': JSON_TYPE, ...COMMON, ...headers }, body }
}

export function empty(status: number, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { ...COMMON, ...headers }, body: null }
}

export function text(status: number, contentType: string, body: string): Answer {
  return { status, headers: { 'content-type': contentType, ...COMMON }, body }
}

/** Details of an error that become headers; all others become members of the problem. */
export interface ProblemHeaders {
  readonly retryAfterSeconds?: number | undefined
  readonly allow?: string | undefined
  /** Members of `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers). */
  readonly rateLimit?: { readonly policy: string; readonly state: string } | undefined
}

/** The connection cannot go on after these: where the next request begins is not known. */
const CLOSING: readonly string[] = ['request-timeout', 'headers-too-large', 'malformed-request']
/** Each would be told with every request, and is told elsewhere. */
const QUIET: readonly ErrorCode[] = ['draining', 'closed', 'disk-full']
const DEFAULT_RETRY_SECONDS = 1

/** What is cut off a problem: an answer must not grow with what a request holds, nor multiply it. */
const MOST = { items: 100, letters: 2_000, levels: 5 }

export function problem(error: PosthornError, instance?: string): Answer {
  const { retryAfterSeconds, allow, rateLimit, ...details } = error.details as ProblemHeaders & Record<string, unknown>
  return problemAnswer(bounded(toProblem(error.code, error.message, { instance, details }), MOST.levels) as Problem, {
    retryAfterSeconds,
    allow,
    rateLimit,
  })
}

export function problemOf(code: ErrorCode, detail: string, instance?: string): TextAnswer {
  return problemAnswer(toProblem(code, detail, { instance }), {})
}

/** Whatever was thrown. What is no error of Posthorn's is a defect: it is logged in full and answered without a detail. */
export function problemFrom(error: unknown, log: Log, instance?: string): Answer {
  if (isPosthornError(error)) {
    if (error.status >= 500 && !QUIET.includes(error.code)) log.error('a request failed', { error, instance })
    return problem(error, instance)
  }
  log.error('a request failed unexpectedly', { error, instance })
  return problemOf('internal', 'the server met a fault of its own; its log has the details', instance)
}

function problemAnswer(value: Problem, { retryAfterSeconds, allow, rateLimit }: ProblemHeaders): TextAnswer {
  const headers: Record<string, string> = { 'content-type': PROBLEM_TYPE, ...COMMON }
  const isLater =
    value.status === 429 || value.status === 503 || value.status === 507 || value.code === 'idempotency-in-flight'
  if (retryAfterSeconds !== undefined || isLater)
    headers['retry-after'] = String(retryAfterSeconds ?? DEFAULT_RETRY_SECONDS)
  if (allow !== undefined) headers['allow'] = allow
  if (rateLimit !== undefined) {
    headers['ratelimit-policy'] = rateLimit.policy
    headers['ratelimit'] = rateLimit.state
  }
  if (value.status === 401) headers['www-authenticate'] = 'Bearer realm="posthorn"'
  if (CLOSING.includes(value.code)) headers['connection'] = 'close'
  return { status: value.status, headers, body: JSON.stringify(value) }
}

function bounded(value: unknown, levels: number): unknown {
  if (typeof value === 'string') return value.length > MOST.letters ? `${value.slice(0, MOST.letters)}…` : value
  if (typeof value !== 'object' || value === null) return value
  if (levels === 0) return undefined
  if (Array.isArray(value)) return value.slice(0, MOST.items).map((item) => bounded(item, levels - 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MOST.items)
      .map(([name, member]) => [name, bounded(member, levels - 1)]),
  )
}

export function toResponse({ status, headers, body }: Answer, method: string = 'GET'): Response {
  // A Response of its own says nothing about connections: that is the business of whoever serves it.
  const { connection: _, ...rest } = headers
  return new Response(method === 'HEAD' ? null : (body as string | Uint8Array<ArrayBuffer> | ReadableStream | null), {
    status,
    headers: rest,
  })
}
