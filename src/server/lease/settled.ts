/**
 * Tells a client that asks again, because the answer to its settle was lost, that it was settled already: each outcome is a
 * commit whose id is made from the token and the outcome, and the engine knows it for ten minutes, restarts included. The
 * engine remembers a bounded number of ids, so only a bounded rate of them is used; beyond it a repetition is `stale`.
 */
import type { Clock } from '../../core/clock.ts'

const WINDOW_MS = 10 * 60_000
const IDS_PER_WINDOW = 250_000

export class Settled {
  readonly #clock: Clock
  #startedMs = -Infinity
  #used = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param token as the client has it: its signature names one hand-out and cannot be guessed */
  idFor(token: string, outcome: string): string | undefined {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#startedMs >= WINDOW_MS) {
      this.#startedMs = nowMs
      this.#used = 0
    }
    return ++this.#used > IDS_PER_WINDOW ? undefined : `settle:${token.slice(0, token.indexOf('.'))}:${outcome}`
  }
}
