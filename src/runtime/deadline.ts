/**
 * Many deadlines, one timer. Deadlines of one duration fall due in the order of their setting, so each duration has a linked
 * list and setting or clearing a deadline is a few pointers; the timer stands at the earliest head and is left where it is
 * when that one is cleared.
 */
import type { Clock } from '../core/clock.ts'

/** Something with a deadline; at most one at a time. Meant to be extended. */
export class Deadline {
  dueMs: number = Infinity
  before: Deadline | null = null
  after: Deadline | null = null
  /** Where it is set; null: nowhere. */
  list: { remove(deadline: Deadline): void } | null = null
}

export class DeadlineList<T extends Deadline> {
  readonly durationMs: number
  /** What falls due within so many milliseconds more is taken along, so that work on deadlines comes in batches. */
  readonly slackMs: number
  readonly due: (deadlines: readonly T[]) => void
  readonly #wheel: DeadlineWheel
  #head: T | null = null
  #tail: T | null = null

  constructor(wheel: DeadlineWheel, durationMs: number, slackMs: number, due: (deadlines: readonly T[]) => void) {
    this.#wheel = wheel
    this.durationMs = durationMs
    this.slackMs = slackMs
    this.due = due
  }

  get headMs(): number {
    return this.#head === null ? Infinity : this.#head.dueMs
  }

  /** Sets the deadline to `durationMs` after `fromMs`. */
  set(entry: T, fromMs: number): void {
    if (entry.list !== null) clearDeadline(entry)
    entry.list = this
    entry.dueMs = fromMs + this.durationMs
    let before = this.#tail
    // Only one set from an earlier moment than the last passes this.
    while (before !== null && before.dueMs > entry.dueMs) before = before.before as T | null
    entry.before = before
    entry.after = before === null ? this.#head : before.after
    if (entry.before === null) this.#head = entry
    else entry.before.after = entry
    if (entry.after === null) this.#tail = entry
    else entry.after.before = entry
    this.#wheel.arm(entry.dueMs)
  }

  remove(entry: T): void {
    if (entry.before === null) this.#head = entry.after as T | null
    else entry.before.after = entry.after
    if (entry.after === null) this.#tail = entry.before as T | null
    else entry.after.before = entry.before
    entry.before = entry.after = entry.list = null
    entry.dueMs = Infinity
  }

  /** Takes out what is due, and tells of it. */
  sweep(nowMs: number): void {
    if (this.headMs > nowMs) return
    const deadlines: T[] = []
    while (this.#head !== null && this.#head.dueMs <= nowMs + this.slackMs) {
      deadlines.push(this.#head)
      this.remove(this.#head)
    }
    this.due(deadlines)
  }

  /** All of it, in order. */
  *[Symbol.iterator](): Generator<T> {
    for (let entry = this.#head; entry !== null; entry = entry.after as T | null) yield entry
  }
}

export function clearDeadline(entry: Deadline): void {
  entry.list?.remove(entry)
}

export class DeadlineWheel {
  readonly #clock: Clock
  readonly #lists: Pick<DeadlineList<Deadline>, 'headMs' | 'sweep'>[] = []
  #timer: Disposable | null = null
  #armedMs = Infinity

  constructor(clock: Clock) {
    this.#clock = clock
  }

  list<T extends Deadline>(
    durationMs: number,
    slackMs: number,
    due: (deadlines: readonly T[]) => void,
  ): DeadlineList<T> {
    const list = new DeadlineList<T>(this, durationMs, slackMs, due)
    this.#lists.push(list)
    return list
  }

  arm(dueMs: number): void {
    if (dueMs >= this.#armedMs) return
    this.#timer?.[Symbol.dispose]()
    this.#armedMs = dueMs
    this.#timer = this.#clock.timer(dueMs - this.#clock.monotonicMs(), this.#fire)
  }

  /** Takes the timer away; the deadlines stay and the next one set arms it again. */
  stop(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    this.#armedMs = Infinity
  }

  readonly #fire = (): void => {
    this.#timer = null
    this.#armedMs = Infinity
    const nowMs = this.#clock.monotonicMs()
    for (const list of this.#lists) list.sweep(nowMs)
    for (const list of this.#lists) if (list.headMs !== Infinity) this.arm(list.headMs)
  }
}
