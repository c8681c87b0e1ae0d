/**
 * Hand-outs whose answers were lost and that had not happened when it was looked: the server may be at work on them yet. What they hand out after that
 * nobody is told of, so it goes back, some time later: else it would stand until the lease is over.
 */
import type { Clock } from '../../../core/clock.ts'
import type { LeaseNumber } from './lease-numbers.ts'

/** A statement takes a moment as a rule, and at most 30 s (connection/setting.ts). */
const WAITS_MS = [500, 5_000, 31_000]
/** At a time; those beyond it lapse. */
const MOST = 100

export interface LateHandOutsParts {
  readonly clock: Clock
  /** Makes all messages ready again that were handed out under the number. Resolves when they are, or never will be. */
  readonly takeBack: (lease: LeaseNumber, queues: readonly string[]) => Promise<void>
}

interface Expected {
  readonly queues: readonly string[]
  readonly timers: readonly Disposable[]
}

export class LateHandOuts {
  readonly #parts: LateHandOutsParts
  readonly #expected = new Map<LeaseNumber, Expected>()

  constructor(parts: LateHandOutsParts) {
    this.#parts = parts
  }

  /** The number is given to nobody any more. */
  expect(lease: LeaseNumber, queues: readonly string[]): void {
    if (this.#expected.size >= MOST) return
    const { clock, takeBack } = this.#parts
    const timers = WAITS_MS.map((waitMs, at) =>
      clock.timer(waitMs, () => {
        if (at === WAITS_MS.length - 1) this.#expected.delete(lease)
        void takeBack(lease, queues)
      }),
    )
    this.#expected.set(lease, { queues, timers })
  }

  /** Takes back what has come by now. What comes after that lapses. */
  async close(): Promise<void> {
    const expected = [...this.#expected]
    this.#expected.clear()
    await Promise.all(
      expected.map(([lease, { queues, timers }]) => {
        for (const timer of timers) timer[Symbol.dispose]()
        return this.#parts.takeBack(lease, queues)
      }),
    )
  }
}
