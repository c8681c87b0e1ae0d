/**
 * What an app has stored, against its quotas. It is measured at most once a second, at the cost of the app's own things, and counted on from
 * there by what this process accepts. Beyond a quota goes at most what is under way at a measure, and what other processes accept in a second.
 */
import {
  belongingsOf,
  queuesOf,
  subscriptionQueuesOf,
  type AppOperation,
  type AppPrincipal,
  type Quotas,
} from '../../app/index.ts'
import { queuesOfEndpoints } from '../../callback/index.ts'
import type { Clock } from '../../core/clock.ts'
import type { Engine } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { fromJsonBytes } from '../../core/json.ts'
import { AnswerCount } from '../route/answer-count.ts'
import { KEPT_MS } from '../route/idempotency.ts'

export interface UsageDeps {
  readonly engine: Engine
  readonly clock: Clock
  /** Names this process among those that count on the same engine. */
  readonly process: string
}

/** What is stored of an app. */
export interface Stored {
  bytes: number
  operations: number
}

const FRESH_MS = 1_000
const MOST = 10_000
const RETRY_SECONDS = 5

interface Entry {
  readonly stored: Stored
  readonly untilMs: number
}

export class Usage {
  readonly #deps: UsageDeps
  readonly #entries = new Map<string, Entry>()
  readonly #measuring = new Map<string, Promise<Entry>>()
  readonly #remembered = new Map<string, AnswerCount>()
  #counts = 0

  constructor(deps: UsageDeps) {
    this.#deps = deps
  }

  /** Takes room for what is about to be committed. What is then refused is given back at the next measure. @throws PosthornError `quota-exceeded` */
  async take({ app, quotas }: AppPrincipal, wanted: Stored): Promise<void> {
    const { stored } = await this.#entryOf(app)
    for (const quota of ['bytes', 'operations'] as const)
      if (wanted[quota] > 0 && stored[quota] + wanted[quota] > quotas[quota])
        throw exceeded(quota, stored[quota], quotas[quota])
    stored.bytes += wanted.bytes
    stored.operations += wanted.operations
  }

  /** Whether one more of them may be made. @throws PosthornError `quota-exceeded` */
  async checkCount({ app, quotas }: AppPrincipal, quota: 'queues' | 'subscriptions' | 'endpoints'): Promise<void> {
    const count = await countOf(this.#deps.engine, app, quota)
    if (count >= quotas[quota]) throw exceeded(quota, count, quotas[quota])
  }

  /** Counts what is remembered for it for a day: answers to Idempotency-Keys and dedupe texts. */
  remembered({ app, quotas }: AppPrincipal): AnswerCount {
    const known = this.#remembered.get(app)
    if (known !== undefined && known.most === quotas.remembered) return known
    const { engine, clock, process } = this.#deps
    if (this.#remembered.size >= MOST) this.#remembered.delete(this.#remembered.keys().next().value!)
    const count = new AnswerCount({
      engine,
      clock,
      // What one before it has stored is to it another's, and so counted.
      process: `${process}.${++this.#counts}`,
      most: quotas.remembered,
      keptMs: KEPT_MS,
      prefix: `system/app-answers/${app}/`,
      full: (used, most) => exceeded('remembered', used, most),
    })
    this.#remembered.set(app, count)
    return count
  }

  /** Measured now. */
  async look(app: string): Promise<Stored & Readonly<Record<'queues' | 'subscriptions' | 'endpoints', number>>> {
    const { engine } = this.#deps
    const { stored } = await this.#measure(app)
    return {
      ...stored,
      queues: await countOf(engine, app, 'queues'),
      subscriptions: await countOf(engine, app, 'subscriptions'),
      endpoints: await countOf(engine, app, 'endpoints'),
    }
  }

  async #entryOf(app: string): Promise<Entry> {
    const known = this.#entries.get(app)
    if (known !== undefined && known.untilMs > this.#deps.clock.monotonicMs()) return known
    let measuring = this.#measuring.get(app)
    if (measuring === undefined) {
      measuring = this.#measure(app).finally(() => this.#measuring.delete(app))
      this.#measuring.set(app, measuring)
    }
    return measuring
  }

  async #measure(app: string): Promise<Entry> {
    const { engine, clock } = this.#deps
    const subscriptions = await subscriptionQueuesOf(engine, app)
    const endpoints = await queuesOfEndpoints(engine, app)
    const depths = await engine.depth([...(await queuesOf(engine, app)), ...subscriptions, ...endpoints])
    const operations = (await belongingsOf(engine, app, 'living')).map(
      ({ value }) => (fromJsonBytes(value) as AppOperation).bytes,
    )
    const sizes = [...depths.map(({ bytes }) => bytes), ...operations]
    const entry = {
      stored: { bytes: sizes.reduce((sum, size) => sum + size, 0), operations: operations.length },
      untilMs: clock.monotonicMs() + FRESH_MS,
    }
    if (this.#entries.size >= MOST) this.#entries.delete(this.#entries.keys().next().value!)
    this.#entries.set(app, entry)
    return entry
  }
}

async function countOf(engine: Engine, app: string, quota: 'queues' | 'subscriptions' | 'endpoints'): Promise<number> {
  if (quota === 'queues') return (await queuesOf(engine, app)).length
  return (await belongingsOf(engine, app, quota === 'subscriptions' ? 'subscription' : 'endpoint')).length
}

function exceeded(quota: keyof Quotas, used: number, most: number): PosthornError {
  return new PosthornError(
    'quota-exceeded',
    `this app has ${used} of ${most} ${NAMES[quota] ?? quota}: there is room for no more of it`,
    {
      details: {
        quota,
        retryAfterSeconds: RETRY_SECONDS,
        rateLimit: {
          policy: `"${quota}";q=${most}`,
          state: `"${quota}";r=${Math.max(0, most - used)};t=${RETRY_SECONDS}`,
        },
      },
    },
  )
}

const NAMES: Partial<Record<keyof Quotas, string>> = {
  bytes: 'bytes stored',
  operations: 'operations that have not ended',
  remembered: 'Idempotency-Keys and dedupe texts of the last day',
}
