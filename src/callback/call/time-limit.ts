/** Time limits of calls: one timer for all of them, because one each costs more than what it watches over, and hardly any ever fires. */
import type { Clock } from '../../core/clock.ts'
import { Deadline, DeadlineWheel, type DeadlineList } from '../../runtime/deadline.ts'

/** Limits are rounded up to these, so that there are few of them however many settings there are. */
const STEP_MS = 100

/** Something with a time limit, one at a time. */
export abstract class Limited extends Deadline {
  abstract tooLate(): void
}

export class TimeLimits {
  readonly #clock: Clock
  readonly #wheel: DeadlineWheel
  readonly #lists = new Map<number, DeadlineList<Limited>>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#wheel = new DeadlineWheel(clock)
  }

  /** From now on, in place of the limit before. */
  set(limited: Limited, limitMs: number, nowMs: number = this.#clock.monotonicMs()): void {
    const stepsMs = Math.ceil(limitMs / STEP_MS) * STEP_MS
    let list = this.#lists.get(stepsMs)
    if (list === undefined) {
      list = this.#wheel.list<Limited>(stepsMs, 0, (late) => late.forEach((each) => each.tooLate()))
      this.#lists.set(stepsMs, list)
    }
    list.set(limited, nowMs)
  }
}
