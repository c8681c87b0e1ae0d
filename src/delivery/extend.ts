/**
 * Keeps leases alive while their messages are here: extended at a third of their time, many in one call. The answers are how a
 * worker learns that a lease was lost or a cancel was asked for, where no hint told it before.
 */
import type { Clock } from '../core/clock.ts'
import { DEFAULTS } from '../core/default.ts'
import type { Ledger } from '../core/engine.ts'
import type { DeadlineList, DeadlineWheel } from '../runtime/deadline.ts'
import type { Away } from './away.ts'
import type { Handling, LostReason } from './handling.ts'

/** Tokens in one call, at most. */
const TOKENS = 1_000
/** Of a third: what falls due so soon after is extended along. */
const SLACK_SHARE = 0.2
const RETRY_SHARE = 0.25

export interface ExtenderDeps {
  readonly engine: Pick<Ledger, 'extend'>
  readonly clock: Clock
  readonly away: Away
  lose(handling: Handling, why: LostReason): void
  cancel(handling: Handling): void
}

/** For the leases of one duration. */
export class Extender {
  readonly #deps: ExtenderDeps
  readonly #leaseMs: number
  readonly #due: DeadlineList<Handling>
  readonly #retry: DeadlineList<Handling>

  constructor(deps: ExtenderDeps, wheel: DeadlineWheel, leaseMs: number) {
    this.#deps = deps
    this.#leaseMs = leaseMs
    const thirdMs = leaseMs * DEFAULTS.extendAfterShare
    this.#due = wheel.list(thirdMs, thirdMs * SLACK_SHARE, (handlings) => this.#extend(handlings))
    this.#retry = wheel.list(thirdMs * RETRY_SHARE, 0, (handlings) => this.#extend(handlings))
  }

  keep(handling: Handling, fromMs: number): void {
    this.#due.set(handling, fromMs)
  }

  #extend(handlings: readonly Handling[]): void {
    for (let at = 0; at < handlings.length; at += TOKENS) void this.#extendSome(handlings.slice(at, at + TOKENS))
  }

  async #extendSome(due: readonly Handling[]): Promise<void> {
    // Whose end is in a transaction just now would have all others wait for that.
    const handlings = due.filter(({ run }) => run?.isJoining !== true)
    if (handlings.length === 0) return
    const { engine, clock, away } = this.#deps
    const fromMs = clock.monotonicMs()
    try {
      const answers = await engine.extend(
        handlings.map(({ delivery }) => delivery.token),
        this.#leaseMs,
      )
      away.answered()
      handlings.forEach((handling, at) => this.#hear(handling, answers[at]!, fromMs))
    } catch (error) {
      away.failed(error)
      for (const handling of handlings) this.#unanswered(handling)
    }
  }

  #hear(handling: Handling, answer: 'kept' | 'stale' | 'cancel', fromMs: number): void {
    if (handling.state === 'over') return
    if (answer === 'stale') return this.#deps.lose(handling, fromMs >= handling.leaseUntilMs ? 'blocked' : 'stale')
    handling.leaseUntilMs = fromMs + this.#leaseMs
    this.#due.set(handling, fromMs)
    if (answer === 'cancel') this.#deps.cancel(handling)
  }

  #unanswered(handling: Handling): void {
    if (handling.state === 'over') return
    const nowMs = this.#deps.clock.monotonicMs()
    if (nowMs < handling.leaseUntilMs) this.#retry.set(handling, nowMs)
    else this.#deps.lose(handling, 'away')
  }
}
