/** One run as its handler sees it. Everything that not every handler needs is made when it is first asked for. */
import type { Change, Delivery } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { logWith, type Log } from '../runtime/log.ts'
import type { Conclusion, Run } from './binding.ts'
import type { Outcome } from './outcome.ts'

const NONE: readonly Change[] = []

export class ActiveRun implements Run {
  readonly delivery: Delivery
  isJoining = false
  isJoined = false
  conclusion: Conclusion | null = null
  readonly #log: Log
  #controller: AbortController | null = null
  #reason: PosthornError | null = null
  #effects: Change[] | null = null
  #notes: Change[] | null = null
  #made: Outcome[] | null = null
  #over = false

  constructor(delivery: Delivery, log: Log) {
    this.delivery = delivery
    this.#log = log
  }

  get id(): string {
    return this.delivery.stored.id
  }

  get attempt(): number {
    return this.delivery.stored.failed + 1
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController()
      if (this.#reason !== null) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  get aborted(): boolean {
    return this.#reason !== null
  }

  get effects(): readonly Change[] {
    return this.#effects ?? NONE
  }

  /** What goes with the outcome, whatever that is. */
  get notes(): readonly Change[] {
    return this.#notes ?? NONE
  }

  get log(): Log {
    return logWith(this.#log, { queue: this.delivery.stored.queue, id: this.id, attempt: this.attempt })
  }

  get over(): boolean {
    return this.#over
  }

  hold(change: Change): void {
    if (this.#over)
      throw new PosthornError(
        'invalid',
        `run ${this.attempt} of message ${this.id} is over: what it does now would have no effect, so await it before the handler returns`,
      )
    if (this.#effects === null) this.#effects = [change]
    else this.#effects.push(change)
  }

  note(change: Change): void {
    if (this.#over) return
    if (this.#notes === null) this.#notes = [change]
    else this.#notes.push(change)
  }

  forgetNotes(): void {
    this.#notes = null
  }

  make<T extends Outcome>(outcome: T): T {
    if (this.#made === null) this.#made = [outcome]
    else this.#made.push(outcome)
    return outcome
  }

  forgotten(ended: unknown): PosthornError | null {
    const made = this.#made
    this.#made = null
    if (made === null || made.some((outcome) => outcome === ended)) return null
    const calls = made.map(({ kind }) => `ctx.${kind}(…)`)
    return new PosthornError(
      'outcome-not-returned',
      `the handler made ${calls.join(' and ')} and neither returned nor threw it: write 'return ${calls[0]}'`,
    )
  }

  close(): void {
    this.#over = true
  }

  abort(reason: PosthornError): void {
    if (this.#reason !== null) return
    this.#reason = reason
    this.#controller?.abort(reason)
  }
}
