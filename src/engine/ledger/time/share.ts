/**
 * Keeps hand-outs from taking the thread from callers who wait for their commits. A worker with a backlog comes back as soon as it has handled
 * what it was given, while a caller has one turn in each sync: left alone, four messages are handled for one that is sent. While callers
 * wait, what is handed out between two syncs is bounded by what they changed, and some more, so that a backlog becomes less; further
 * requests are answered when the callers have been told.
 */
import type { EngineClock } from './engine-clock.ts'

/** Handed out between two syncs beside one for each change: workers with few places do not notice that anybody waits. */
const MORE = 50
/** No request waits longer: where syncs are slow it is not the thread that callers wait for. */
const LONGEST_MS = 1

interface Rest {
  readonly over: PromiseWithResolvers<void>
  readonly timer: Disposable
}

export class Share {
  readonly #clock: EngineClock
  /** What callers have changed who have not been told, and the last frame that holds any of it. */
  #changes = 0
  #frame = 0
  /** Handed out while they waited, less what was due. */
  #given = 0
  #rest: Rest | null = null

  constructor(clock: EngineClock) {
    this.#clock = clock
  }

  /** Callers wait until this frame is durable, with so many changes. */
  awaited(changes: number, frame: number): void {
    this.#changes += changes
    this.#frame = frame
  }

  gave(count: number): void {
    this.#given = this.#changes > 0 ? this.#given + count : 0
  }

  /** A promise where a request comes after the callers. */
  turn(): Promise<void> | null {
    if (this.#changes === 0 || this.#given < this.#due) return null
    this.#rest ??= {
      over: Promise.withResolvers(),
      timer: this.#clock.timer(LONGEST_MS, () => this.#end(0)),
    }
    return this.#rest.over.promise
  }

  /** Everything up to this frame is durable. */
  reached(frame: number): void {
    if (this.#changes === 0 || frame < this.#frame) return
    const given = Math.max(0, this.#given - this.#due)
    this.#changes = 0
    this.#end(given)
  }

  /** Nobody will be told any more. */
  stop(): void {
    this.#changes = 0
    this.#end(0)
  }

  get #due(): number {
    return this.#changes + MORE
  }

  #end(given: number): void {
    this.#given = given
    const rest = this.#rest
    this.#rest = null
    rest?.timer[Symbol.dispose]()
    rest?.over.resolve()
  }
}
