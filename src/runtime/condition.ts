/** Waits for something to become true: whoever changes it says so, and nobody polls. */
import type { Clock } from '../core/clock.ts'

export class Condition {
  readonly #clock: Clock
  readonly #checks = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Something that may be waited for has changed. */
  changed(): void {
    if (this.#checks.size > 0) for (const check of this.#checks) check()
  }

  /** True as soon as `holds` does; false where `withinMs` was over first. null: no limit. */
  until(holds: () => boolean, withinMs: number | null): Promise<boolean> {
    if (holds()) return Promise.resolve(true)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const finish = (inTime: boolean) => {
      this.#checks.delete(check)
      timer?.[Symbol.dispose]()
      resolve(inTime)
    }
    const timer = withinMs === null ? null : this.#clock.timer(withinMs, () => finish(false))
    const check = () => {
      if (holds()) finish(true)
    }
    this.#checks.add(check)
    return promise
  }
}
