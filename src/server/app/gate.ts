/**
 * How fast an app may ask, and how much at once: a bucket of requests that fills evenly, and a count of those under way. Each process counts
 * for itself; apps that ask nothing for a while cost nothing.
 */
import type { AppPrincipal } from '../../app/index.ts'
import type { Clock } from '../../core/clock.ts'
import { PosthornError } from '../../core/error.ts'

/** Seconds of the rate that may come at once. */
const BURST_SECONDS = 2
const MOST = 10_000
const RETRY_SECONDS = 1

interface Bucket {
  requests: number
  atMs: number
  underWay: number
}

export interface Passage extends Disposable {
  /** `RateLimit-Policy` and `RateLimit` of the answer. */
  readonly headers: Readonly<Record<string, string>>
}

export class Gate {
  readonly #clock: Clock
  /** Those that asked last come last. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws PosthornError `quota-exceeded` */
  enter({ app, quotas: { ratePerSecond: rate, concurrency } }: AppPrincipal): Passage {
    const bucket = this.#bucketOf(app, rate)
    const headers = headersOf(rate, bucket.requests - 1)
    if (bucket.requests < 1) {
      const seconds = Math.ceil((1 - bucket.requests) / rate)
      throw exceeded('ratePerSecond', `${rate} requests a second`, seconds, headersOf(rate, bucket.requests))
    }
    if (bucket.underWay >= concurrency)
      throw exceeded('concurrency', `${concurrency} requests under way at once`, RETRY_SECONDS, headers)
    bucket.requests--
    bucket.underWay++
    let isOver = false
    return {
      headers,
      [Symbol.dispose]: () => {
        if (!isOver) bucket.underWay--
        isOver = true
      },
    }
  }

  #bucketOf(app: string, rate: number): Bucket {
    const nowMs = this.#clock.monotonicMs()
    const bucket = this.#buckets.get(app) ?? { requests: mostOf(rate), atMs: nowMs, underWay: 0 }
    bucket.requests = Math.min(mostOf(rate), bucket.requests + ((nowMs - bucket.atMs) / 1_000) * rate)
    bucket.atMs = nowMs
    this.#buckets.delete(app)
    this.#buckets.set(app, bucket)
    if (this.#buckets.size > MOST) this.#forgetIdle()
    return bucket
  }

  /** Those with nothing under way, the longest idle first: for so many apps at once a fresh bucket is the smaller evil. */
  #forgetIdle(): void {
    for (const [app, { underWay }] of this.#buckets) {
      if (this.#buckets.size <= MOST) return
      if (underWay === 0) this.#buckets.delete(app)
    }
  }
}

/** A slow rate lets one request through as well. */
const mostOf = (rate: number): number => Math.max(1, Math.floor(rate * BURST_SECONDS))

function headersOf(rate: number, left: number): Record<string, string> {
  const most = mostOf(rate)
  const missing = most - Math.max(0, left)
  return {
    'ratelimit-policy': `"requests";q=${most};w=${Math.max(1, Math.ceil(most / rate))}`,
    'ratelimit': `"requests";r=${Math.max(0, Math.floor(left))};t=${Math.ceil(missing / rate)}`,
  }
}

function exceeded(
  quota: string,
  what: string,
  retryAfterSeconds: number,
  headers: Readonly<Record<string, string>>,
): PosthornError {
  return new PosthornError('quota-exceeded', `this app may have ${what}`, {
    details: {
      quota,
      retryAfterSeconds,
      rateLimit: { policy: headers['ratelimit-policy'], state: headers['ratelimit'] },
    },
  })
}
