/**
 * What has happened to messages of late, for clients that follow it. Kept only while somebody asks, and only the last of it: who
 * asks too seldom is told how much he missed.
 */
import type { Clock } from '../../core/clock.ts'
import type { Engine, Happening } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import type { Ids } from '../../core/id.ts'

export interface TrailDeps {
  readonly engine: Pick<Engine, 'follow' | 'capabilities'>
  readonly clock: Clock
  readonly ids: Ids
  /** Aborts when all waits are to end. */
  readonly ending: AbortSignal
}

export interface Look {
  readonly queue: string | null
  /** The `next` of a look before; null: from now on. */
  readonly after: string | null
  readonly limit: number
  readonly waitMs: number
  readonly signal: AbortSignal
}

export interface Seen {
  readonly items: readonly Happening[]
  readonly next: string
  /** How much of what happened since is not kept any more; null: nobody knows, because the trail is another. */
  readonly missed: number | null
}

const KEPT = 10_000
/** Where nobody asks for so long, it ceases to listen. */
const IDLE_MS = 60_000

export class Trail {
  readonly #deps: TrailDeps
  readonly #waiting = new Set<() => void>()
  #kept: Happening[] = []
  /** Number of the first that is kept. */
  #first = 0
  #name = ''
  #following: Disposable | null = null
  #idle: Disposable | null = null

  constructor(deps: TrailDeps) {
    this.#deps = deps
    deps.ending.addEventListener('abort', () => {
      this.#wake()
      this.dispose()
    })
  }

  /**
   * What happened since; waits for the first of it.
   * @throws PosthornError `unsupported`
   */
  async look({ queue, after, limit, waitMs, signal }: Look): Promise<Seen> {
    this.#listen()
    const { from, missed } = this.#place(after)
    const untilMs = this.#deps.clock.monotonicMs() + waitMs
    for (let at = from; ;) {
      const items: Happening[] = []
      for (at = Math.max(at, this.#first); at < this.#end && items.length < limit; at++) {
        const happening = this.#kept[at - this.#first]!
        if (queue === null || happening.queue === queue) items.push(happening)
      }
      const leftMs = untilMs - this.#deps.clock.monotonicMs()
      const isOver = leftMs <= 0 || signal.aborted || this.#deps.ending.aborted
      if (items.length > 0 || isOver || missed !== 0) return { items, next: `${this.#name}.${at}`, missed }
      await this.#sleep(leftMs, signal)
    }
  }

  dispose(): void {
    this.#idle?.[Symbol.dispose]()
    this.#following?.[Symbol.dispose]()
    this.#following = null
    this.#kept = []
  }

  get #end(): number {
    return this.#first + this.#kept.length
  }

  #place(after: string | null): Pick<Seen, 'missed'> & { readonly from: number } {
    if (after === null) return { from: this.#end, missed: 0 }
    const [name, number] = after.split('.')
    const from = Number(number)
    if (name !== this.#name || !Number.isSafeInteger(from) || from > this.#end)
      return { from: this.#first, missed: null }
    return { from, missed: Math.max(0, this.#first - from) }
  }

  #listen(): void {
    const { engine, clock, ids } = this.#deps
    this.#idle?.[Symbol.dispose]()
    this.#idle = clock.timer(IDLE_MS, () => this.#rest())
    if (this.#following !== null) return
    if (engine.follow === undefined)
      throw new PosthornError(
        'unsupported',
        `the engine '${engine.capabilities.engine}' does not tell what happens to messages; 'memory:', 'file:DIR' and 'sqlite:FILE' do`,
      )
    // What was kept before is not followed by what comes now.
    this.#name = ids.uuid().slice(-12)
    this.#first = 0
    this.#kept = []
    this.#following = engine.follow((happenings) => this.#keep(happenings))
  }

  /** Somebody may wait still, without having asked anew. */
  #rest(): void {
    if (this.#waiting.size > 0) this.#idle = this.#deps.clock.timer(IDLE_MS, () => this.#rest())
    else this.dispose()
  }

  #keep(happenings: readonly Happening[]): void {
    this.#kept.push(...happenings)
    // Seldom, and many at once: to shift an array for each would cost more than to keep it.
    if (this.#kept.length > 2 * KEPT) {
      this.#first += this.#kept.length - KEPT
      this.#kept = this.#kept.slice(-KEPT)
    }
    this.#wake()
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const woken = Promise.withResolvers<void>()
    const wake = (): void => woken.resolve()
    this.#waiting.add(wake)
    signal.addEventListener('abort', wake)
    using _timer = this.#deps.clock.timer(ms, wake)
    await woken.promise
    signal.removeEventListener('abort', wake)
    this.#waiting.delete(wake)
  }
}
