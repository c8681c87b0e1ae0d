/** The engine's one timer: it fires at the next moment at which time alone decides something. */
import type { EngineClock } from './engine-clock.ts'

/** The wall clock may step, so what waits for it is looked at again after so long. */
const LONGEST_MS = 60_000

export class DueTimer {
  readonly #clock: EngineClock
  readonly #fire: () => void
  #timer: Disposable | null = null
  #armedFor = Infinity

  constructor(clock: EngineClock, fire: () => void) {
    this.#clock = clock
    this.#fire = fire
  }

  /** Fires in so many ms at the latest. One that is set for earlier stays: setting timers costs more than one that fires in vain. */
  arm(now: number, inMs: number): void {
    if (inMs === Infinity) return
    const at = now + Math.min(inMs, LONGEST_MS)
    if (this.#timer !== null && this.#armedFor <= at) return
    this.#timer?.[Symbol.dispose]()
    this.#armedFor = at
    this.#timer = this.#clock.timer(at - now, () => {
      this.#timer = null
      this.#armedFor = Infinity
      this.#fire()
    })
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    this.#armedFor = Infinity
  }
}
