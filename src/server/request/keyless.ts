/**
 * How often somebody may ask what needs no key: a bucket of requests to each address, which fills evenly. What comes too fast is refused
 * before its body is read. Each process counts for itself; who asks nothing for a while costs nothing.
 */
import type { Clock } from '../../core/clock.ts'
import { PosthornError } from '../../core/error.ts'

/** Seconds of the rate that may come at once. */
const BURST_SECONDS = 2
const MOST = 10_000

interface Bucket {
  requests: number
  atMs: number
}

export class KeylessRate {
  readonly #clock: Clock
  readonly #perSecond: number
  /** Those that asked last come last. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock
    this.#perSecond = perSecond
  }

  /** @param from the address that asks; those that are not known share one bucket. @throws PosthornError `too-many-requests` */
  enter(from: string = ''): void {
    const name = blockOf(from)
    const nowMs = this.#clock.monotonicMs()
    const most = this.#perSecond * BURST_SECONDS
    const { requests, atMs } = this.#buckets.get(name) ?? { requests: most, atMs: nowMs }
    const bucket = { requests: Math.min(most, requests + ((nowMs - atMs) / 1_000) * this.#perSecond), atMs: nowMs }
    this.#buckets.delete(name)
    this.#buckets.set(name, bucket)
    // The longest idle: for so many at once a fresh bucket is the smaller evil.
    if (this.#buckets.size > MOST) this.#buckets.delete(this.#buckets.keys().next().value!)
    if (bucket.requests < 1)
      throw new PosthornError(
        'too-many-requests',
        `without a key ${this.#perSecond} requests a second are taken from one address`,
        { details: { retryAfterSeconds: Math.ceil((1 - bucket.requests) / this.#perSecond) } },
      )
    bucket.requests--
  }
}

/** Of IPv6 whoever has one address has the 2^64 beside it. */
function blockOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const before = head === '' ? [] : head.split(':')
  const zeros = tail === undefined ? 0 : 8 - before.length - (tail === '' ? 0 : tail.split(':').length)
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...(tail ?? '').split(':')]
  return groups.slice(0, 4).join(':')
}
