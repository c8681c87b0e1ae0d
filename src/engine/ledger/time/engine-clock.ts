/** Engine time: ms since the epoch as of when the engine opened, and from there on the monotonic clock, so that no step of the wall clock moves it. */
import type { Clock } from '../../../core/clock.ts'

export class EngineClock {
  readonly #clock: Clock
  readonly #base: number

  /** `openedAt`: engine time now. */
  constructor(clock: Clock, openedAt: number) {
    this.#clock = clock
    this.#base = openedAt - clock.monotonicMs()
  }

  engine(): number {
    return this.#base + this.#clock.monotonicMs()
  }

  wall(): number {
    return this.#clock.wallMs()
  }

  timer(afterMs: number, callback: () => void): Disposable {
    return this.#clock.timer(afterMs, callback)
  }
}
