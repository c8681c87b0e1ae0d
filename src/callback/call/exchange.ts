/**
 * One call of a receiver: a POST through the guard, and of the answer its status, a few headers and the beginning of its body. No
 * redirects, no cookies, and no more time, bytes or headers than were given.
 */
import type { Dispatcher } from 'undici'
import type { Clock } from '../../core/clock.ts'
import { PosthornError } from '../../core/error.ts'
import { clearDeadline } from '../../runtime/deadline.ts'
import { Limited, TimeLimits } from './time-limit.ts'

export interface Exchange {
  readonly url: string
  /** Of the URL, for who calls it again and again. */
  readonly address?: Address | undefined
  readonly method?: 'POST' | 'OPTIONS' | undefined
  /** By name, or each name and behind it its value. */
  readonly headers: Record<string, string> | string[]
  readonly body: Uint8Array | string | null
  /** For the whole exchange. */
  readonly totalMs: number
  /** Of the answer's body. */
  readonly readBytes: number
}

/** A URL as a request has it. */
export interface Address {
  readonly origin: string
  readonly path: string
}

export interface ExchangeDeps {
  readonly agent: Pick<Dispatcher, 'dispatch'>
  readonly clock: Clock
  /** null: it ends with the agent at the latest. */
  readonly signal: AbortSignal | null
  /** Of all calls that are made together. */
  readonly timeLimits?: TimeLimits | undefined
}

export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** What was read of it, as text. */
  readonly body: string
}

/** Who is told once how a call ended. */
export interface Caller {
  answered(answered: Answered): void
  failed(error: Error): void
}

/** Once the status is known, a body that is slow is not waited for longer, and never beyond the limit of the whole. */
const BODY_MS = 2_000
const LONGEST_RETRY_AFTER_MS = 24 * 3_600_000
export const EXCERPT_BYTES = 512
export const USER_AGENT = 'posthorn'

/** @throws PosthornError `address-forbidden`, `callback-failed` (no answer: connection, time, size), `aborted` */
export function exchange(asked: Exchange, deps: ExchangeDeps): Promise<Answered> {
  return new Promise((resolve, reject) => call(asked, deps, { answered: resolve, failed: reject }))
}

/** As above for who makes thousands of calls a second: told and not promised. */
export function call(asked: Exchange, deps: ExchangeDeps, caller: Caller): void {
  const { url, address: { origin, path } = addressOf(url), method = 'POST', headers, body } = asked
  const reading = new Reading(asked, deps, caller)
  // The limit of the whole is kept here: limits of parts beside it would cut what a receiver may take.
  deps.agent.dispatch({ origin, path, method, headers, body, headersTimeout: 0, bodyTimeout: 0 }, reading)
}

export function addressOf(url: string): Address {
  const { origin, pathname, search } = new URL(url)
  return { origin, path: pathname + search }
}

/** Milliseconds of a Retry-After: seconds or an HTTP date, at most a day; null where there is none or it says nothing. */
export function parseRetryAfter(value: string | string[] | undefined, nowMs: number): number | null {
  const text = (Array.isArray(value) ? value[0] : value)?.trim()
  if (text === undefined || text === '') return null
  const ms = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS)
}

/** Takes an answer as undici hands it on: no stream is made of a few bytes. */
class Reading extends Limited implements Dispatcher.DispatchHandler {
  readonly #asked: Exchange
  readonly #deps: ExchangeDeps
  readonly #caller: Caller
  readonly #limits: TimeLimits
  readonly #giveUp: (() => void) | null = null
  readonly #endsAtMs: number
  #chunks: Buffer[] | null = null
  #controller: Dispatcher.DispatchController | null = null
  #size = 0
  #status = 0
  #headers: Answered['headers'] = {}
  #late = false
  #over = false

  constructor(asked: Exchange, deps: ExchangeDeps, caller: Caller) {
    super()
    this.#asked = asked
    this.#deps = deps
    this.#caller = caller
    this.#limits = deps.timeLimits ?? new TimeLimits(deps.clock)
    const nowMs = deps.clock.monotonicMs()
    this.#endsAtMs = nowMs + asked.totalMs
    this.#limits.set(this, asked.totalMs, nowMs)
    if (deps.signal === null) return
    this.#giveUp = () => this.#abort()
    deps.signal.addEventListener('abort', this.#giveUp, { once: true })
  }

  override tooLate(): void {
    this.#late = this.#status === 0
    this.#abort()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#over || this.#deps.signal?.aborted === true) this.#abort()
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Answered['headers']): void {
    // Interim answers (1xx) come before the one that counts.
    if (status < 200) return
    this.#status = status
    this.#headers = headers
    // Nothing is to come that could be slow.
    if (status === 204 || headers['content-length'] === '0') return
    const nowMs = this.#deps.clock.monotonicMs()
    if (nowMs + BODY_MS < this.#endsAtMs) this.#limits.set(this, BODY_MS, nowMs)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    ;(this.#chunks ??= []).push(chunk)
    this.#size += chunk.byteLength
    // A receiver that never ends costs a connection and no memory.
    if (this.#size >= this.#asked.readBytes) controller.abort(new Error('enough of the answer was read'))
  }

  onResponseEnd(): void {
    this.#end()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#end(error)
  }

  #abort(): void {
    if (this.#controller === null) return this.#end(new Error('there was no connection in time'))
    this.#controller.abort(new Error('it was given up'))
  }

  /** The status counts, so a body that is slow, long or breaks off is left as it is. */
  #end(error?: Error): void {
    if (this.#over) return
    this.#over = true
    clearDeadline(this)
    const { signal } = this.#deps
    if (this.#giveUp !== null) signal?.removeEventListener('abort', this.#giveUp)
    if (this.#status === 0) return this.#caller.failed(toPosthornError(error, this.#asked.url, signal, this.#late))
    this.#caller.answered({ status: this.#status, headers: this.#headers, body: this.#text() })
  }

  #text(): string {
    return this.#chunks === null ? '' : Buffer.concat(this.#chunks).subarray(0, this.#asked.readBytes).toString('utf8')
  }
}

function toPosthornError(error: unknown, url: string, outer: AbortSignal | null, late: boolean): PosthornError {
  if (error instanceof PosthornError) return error
  const { origin } = new URL(url)
  if (outer?.aborted === true)
    return new PosthornError('aborted', `the callback to ${origin} was given up`, { cause: error })
  const why = late ? 'took too long' : `failed: ${(error as Error).message || (error as NodeJS.ErrnoException).code}`
  return new PosthornError('callback-failed', `the callback to ${origin} ${why}`, { cause: error })
}
