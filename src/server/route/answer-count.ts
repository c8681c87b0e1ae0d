/**
 * How many answers to Idempotency-Keys are remembered, so that they have a bound of their own and never use up the engine's
 * records, which operations need to end. Counted by the hour; the counts are stored now and then, so that a restart finds them:
 * a crash forgets the last few hundred at most.
 */
import type { Clock } from '../../core/clock.ts'
import type { Engine } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { fromJsonBytes, toJsonBytes } from '../../core/json.ts'

export interface AnswerCountDeps {
  readonly engine: Engine
  readonly clock: Clock
  /** Names this process among those that count on the same engine. */
  readonly process: string
  readonly most: number
  readonly keptMs: number
  /** Of the records that hold the counts. Default: those of the platform. */
  readonly prefix?: string | undefined
  /** The error where there is no room. Default: `full`. */
  readonly full?: ((used: number, most: number) => PosthornError) | undefined
}

const PREFIX = 'system/answer-count/'
const HOUR_MS = 3_600_000
/** Counts of others are read again after so long. */
const LOOK_MS = 60_000
/** Own counts are stored when so many have come, or a hundredth of the bound. */
const STORE_EVERY = 1_000
const RETRY_SECONDS = 60
const PAGE = 500

export class AnswerCount {
  readonly #deps: AnswerCountDeps
  /** By hour. */
  readonly #own = new Map<number, number>()
  #others = new Map<number, number>()
  #lookAtMs = -Infinity
  #looking: Promise<void> | null = null
  #unstored = 0

  constructor(deps: AnswerCountDeps) {
    this.#deps = deps
  }

  get most(): number {
    return this.#deps.most
  }

  /** @throws PosthornError `full` */
  async check(): Promise<void> {
    const { clock, most, full } = this.#deps
    if (clock.monotonicMs() >= this.#lookAtMs)
      await (this.#looking ??= this.#look().finally(() => (this.#looking = null)))
    const count = this.#count()
    if (count < most) return
    if (full !== undefined) throw full(count, most)
    throw new PosthornError(
      'full',
      `${count} answers to Idempotency-Keys are remembered, each for 24 hours: this server remembers at most ${most}. The same request without a key is not held up`,
      { details: { limit: most, retryAfterSeconds: RETRY_SECONDS } },
    )
  }

  /** One more is remembered. */
  add(): void {
    const { clock, most } = this.#deps
    const hour = hourOf(clock)
    this.#own.set(hour, (this.#own.get(hour) ?? 0) + 1)
    if (++this.#unstored < Math.min(STORE_EVERY, Math.ceil(most / 100))) return
    this.#unstored = 0
    void this.#store(hour)
  }

  #count(): number {
    const { clock, keptMs } = this.#deps
    const oldest = Math.floor((clock.wallMs() - keptMs) / HOUR_MS)
    let count = 0
    for (const hours of [this.#own, this.#others])
      for (const [hour, answers] of hours)
        if (hour >= oldest) count += answers
        else hours.delete(hour)
    return count
  }

  async #look(): Promise<void> {
    const { engine, clock, process, prefix = PREFIX } = this.#deps
    const others = new Map<number, number>()
    for (let after: string | null = null, more = true; more;) {
      const page = await engine.list({ prefix, after, limit: PAGE })
      for (const { key, value } of page.items) {
        const [hour, of] = key.slice(prefix.length).split('/')
        if (of !== process) others.set(Number(hour), (others.get(Number(hour)) ?? 0) + (fromJsonBytes(value) as number))
      }
      after = page.next
      more = after !== null
    }
    this.#others = others
    this.#lookAtMs = clock.monotonicMs() + LOOK_MS
  }

  /** What cannot be stored is counted here all the same. */
  async #store(hour: number): Promise<void> {
    const { engine, keptMs, process, prefix = PREFIX } = this.#deps
    try {
      await engine.commit([
        {
          changes: [
            {
              do: 'put',
              key: `${prefix}${hour}/${process}`,
              value: toJsonBytes(this.#own.get(hour) ?? 0),
              expiresAt: (hour + 1) * HOUR_MS + keptMs,
            },
          ],
        },
      ])
    } catch {
      // The engine is away or closed: the next time.
    }
  }
}

const hourOf = (clock: Clock): number => Math.floor(clock.wallMs() / HOUR_MS)
