/**
 * Calls a step again and again: when it is woken, and when the time has come that the step itself named. Never twice at once,
 * and always in a turn of the event loop of its own, so that a loop that is never idle still lets timers and sockets go on.
 */
import type { Clock } from '../core/clock.ts'

/** Milliseconds until the step wants to be called again; null: when it is woken. */
export type LoopStep = () => Promise<number | null>

const AFTER_FAULT_MS = 1_000

export class Loop {
  readonly #clock: Clock
  readonly #step: LoopStep
  readonly #fault: (error: unknown) => void
  #running = false
  /** Turns of the event loop to go until the step; 0: not scheduled. */
  #turns = 0
  #ticking: Promise<void> | null = null
  /** As `#ticking`, and already true while the step's first lines run. */
  #stepping = false
  #again = 0
  #timer: Disposable | null = null

  /** `fault` is told what a step threw, which no step should; the loop goes on. */
  constructor(clock: Clock, step: LoopStep, fault: (error: unknown) => void) {
    this.#clock = clock
    this.#step = step
    this.#fault = fault
  }

  start(): void {
    this.#running = true
    this.wake()
  }

  /** No step begins any more. Resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#running = false
    this.#sleep(null)
    await this.#ticking
  }

  /** The step is called in the next turn, or after so many; a wake during a step has it called once more. */
  wake(turns = 1): void {
    if (!this.#running) return
    if (this.#stepping) {
      this.#again = this.#again === 0 ? turns : Math.min(this.#again, turns)
    } else if (this.#turns > 0) {
      this.#turns = Math.min(this.#turns, turns)
    } else {
      this.#turns = turns
      setImmediate(this.#turn)
    }
  }

  /** Calls the step now, or joins the call under way. */
  tick(): Promise<void> {
    return (this.#ticking ??= this.#tick())
  }

  readonly #turn = (): void => {
    if (--this.#turns > 0) setImmediate(this.#turn)
    else if (this.#stepping) this.#again = 1
    else if (this.#running) void this.tick()
  }

  async #tick(): Promise<void> {
    this.#stepping = true
    let sleepMs: number | null
    try {
      sleepMs = await this.#step()
    } catch (error) {
      this.#fault(error)
      sleepMs = AFTER_FAULT_MS
    }
    this.#ticking = null
    this.#stepping = false
    const again = this.#again
    this.#again = 0
    if (again > 0) this.wake(again)
    else this.#sleep(sleepMs)
  }

  #sleep(ms: number | null): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    if (ms === null || !this.#running) return
    if (ms <= 0) return this.wake()
    this.#timer = this.#clock.timer(ms, () => this.wake())
  }
}
