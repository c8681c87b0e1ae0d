/**
 * Hand-outs whose answers were lost and that had not happened when it was looked: the server may be at work on them yet. What they hand out after that
 * nobody is told of, so it goes back, some time later: else it would stand until the lease is over.
 */
import type { Clock } from '../../../core/clock.ts'

/** A statement takes a moment as a rule, and at most 30 s (connection/setting.ts). */
const WAITS_MS = [500, 5_000, 31_000]
/** At a time; those beyond it lapse. */
const MOST = 100

export interface LateHandOutsParts {
  readonly clock: Clock
  /** Which one it is: on another the number may be somebody else's. */
  readonly server: () => string | null
  /** Makes all messages ready again that were handed out under the number. */
  readonly takeBack: (lease: number, queues: readonly string[]) => void
}

export class LateHandOuts {
  readonly #parts: LateHandOutsParts
  readonly #timers = new Set<Disposable>()

  constructor(parts: LateHandOutsParts) {
    this.#parts = parts
  }

  /** The number is given to nobody any more. */
  expect(lease: number, queues: readonly string[]): void {
    if (this.#timers.size + WAITS_MS.length > MOST * WAITS_MS.length) return
    const { clock, server, takeBack } = this.#parts
    const asked = server()
    for (const waitMs of WAITS_MS) {
      const timer = clock.timer(waitMs, () => {
        this.#timers.delete(timer)
        if (server() === asked) takeBack(lease, queues)
      })
      this.#timers.add(timer)
    }
  }

  close(): void {
    for (const timer of this.#timers) timer[Symbol.dispose]()
    this.#timers.clear()
  }
}
