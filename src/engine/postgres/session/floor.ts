/**
 * Where to begin to look. Rows that are gone stay in the indexes as long as anybody's transaction may see them, and they stand in front: who
 * looks from the beginning passes all of them. So a busy process finds out now and then, beside its work, below which places nothing is ready
 * and below which times nothing is handed out, and begins there. It is exact: what a transaction that is still open may make ready lies above.
 * Every other second it looks from the beginning all the same, so whatever were missed would be found then.
 */
import type { Clock } from '../../../core/clock.ts'
import type { Query } from './session.ts'

const RANKS = 10
const UNKNOWN: readonly number[] = Array.from({ length: RANKS }, () => 0)
/** So many messages handed out are worth a look. */
const WORTH = 100
const EVERY_MS = 250
const WHOLE_EVERY_MS = 1_500
/** After a look from the beginning. */
const VALID_MS = 2_500
/** Processes of other roles or under other names cannot be seen at work: they have so long. */
const SLACK_MS = 250

export interface FloorParts {
  readonly clock: Clock
  /** Runs it in one transaction, at a moment at which nothing is due; null where something is. */
  readonly atRest: (use: (query: Query) => Promise<void>) => Promise<void>
  /** The moment, where it is not the database's. */
  readonly now: () => number | null
}

export class Floor {
  readonly #parts: FloorParts
  #places = new Map<number, readonly number[]>()
  #until = 0
  #nextUntil = 0
  #wholeAtMs = -Infinity
  #validUntilMs = -Infinity
  #nextAtMs = -Infinity
  #given = new Set<number>()
  #count = 0
  #isLooking = false
  /** How often something has come back below. */
  #drops = 0

  constructor(parts: FloorParts) {
    this.#parts = parts
  }

  /** Nothing that is handed out has an earlier time. */
  get until(): number {
    return this.#isValid ? this.#until : 0
  }

  /** So has nothing that was handed out when it was looked last; what was handed out since may have an earlier one. 0: unknown. */
  get nextUntil(): number {
    return this.#isValid ? this.#nextUntil : 0
  }

  /** For each rank of each queue, in order: nothing that is ready has an earlier place. null where nothing is known of any. */
  of(queues: readonly number[]): readonly number[] | null {
    if (!this.#isValid || !queues.some((queue) => this.#places.has(queue))) return null
    return queues.flatMap((queue) => this.#places.get(queue) ?? UNKNOWN)
  }

  /** So many of the queue were handed out. */
  gave(queue: number, count: number): void {
    this.#given.add(queue)
    this.#count += count
    const isTime = this.#count >= WORTH && this.#parts.clock.monotonicMs() >= this.#nextAtMs
    if (isTime && !this.#isLooking) void this.#look()
  }

  /** Something is ready again at the place that it had, which may be below: nothing is known until it is looked again. */
  drop(): void {
    this.#drops++
    this.#validUntilMs = -Infinity
  }

  get #isValid(): boolean {
    return this.#parts.clock.monotonicMs() < this.#validUntilMs
  }

  async #look(): Promise<void> {
    const { atRest, clock, now } = this.#parts
    const queues = [...this.#given]
    const startMs = clock.monotonicMs()
    const drops = this.#drops
    this.#isLooking = true
    this.#nextAtMs = startMs + EVERY_MS
    const isWhole = startMs - this.#wholeAtMs >= WHOLE_EVERY_MS
    const before = isWhole ? null : this.of(queues)
    const from = [before ?? queues.flatMap(() => UNKNOWN), isWhole ? 0 : this.until]
    this.#given = new Set()
    this.#count = 0
    try {
      await atRest(async (query) => {
        // In this order: who is at work when asked is above the floor, and what those before have done is seen.
        const [work, found] = await Promise.all([query('oldest-work', [now()]), query('floors', [queues, ...from])])
        if (drops !== this.#drops) return
        const top = (work.rows[0]!.at as number) - SLACK_MS
        const places = new Map(queues.map((queue) => [queue, Array.from({ length: RANKS }, () => top)]))
        let first = Infinity
        for (const { queue, rank, place } of found.rows) {
          if (queue === null) first = place as number
          else places.get(queue as number)![rank as number] = Math.min(top, place as number)
        }
        this.#places = places
        this.#until = Math.min(top, first)
        this.#nextUntil = first === Infinity ? Math.max(top, this.#nextUntil) : first
        if (isWhole) this.#wholeAtMs = startMs
        this.#validUntilMs = this.#wholeAtMs + VALID_MS
      })
    } catch {
      // Without a floor it is looked from the beginning.
    } finally {
      this.#isLooking = false
    }
  }
}
