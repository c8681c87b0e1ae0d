/**
 * Events of one endpoint that go together, where its receiver takes batches: those that are handed out at the same time are one call, and its
 * answer is that of each. What has failed goes alone from then on, so that an event which a receiver refuses takes no other with it.
 */
import type { Run } from '../../delivery/binding.ts'
import type { Outcome } from '../../delivery/outcome.ts'

export const MOST_EVENTS = 100
/** Of data; an event that is larger goes alone. */
export const MOST_BYTES = 262_144

interface Waiting {
  readonly run: Run
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

/** Makes one call with all of them, and gives the outcome of each in their order. */
type Deliver = (runs: readonly Run[]) => Promise<readonly Outcome[]>

export class Batch {
  readonly #deliver: Deliver
  #waiting: Waiting[] = []
  #sizeBytes = 0

  constructor(deliver: Deliver) {
    this.#deliver = deliver
  }

  join(run: Run): Promise<Outcome> {
    const { stored } = run.delivery
    if (stored.failed > 0) return this.#deliver([run]).then(([outcome]) => outcome!)
    const sizeBytes = stored.message.body.byteLength
    if (this.#waiting.length >= MOST_EVENTS || this.#sizeBytes + sizeBytes > MOST_BYTES) this.#go()
    this.#sizeBytes += sizeBytes
    return new Promise((resolve, reject) => {
      // What was handed out together is begun in one go, so that all of it is here by then.
      if (this.#waiting.push({ run, resolve, reject }) === 1) queueMicrotask(() => this.#go())
    })
  }

  #go(): void {
    const together = this.#waiting
    this.#waiting = []
    this.#sizeBytes = 0
    if (together.length === 0) return
    // A throw is an answer as well: nobody who waits is left.
    new Promise<readonly Outcome[]>((resolve) => resolve(this.#deliver(together.map(({ run }) => run)))).then(
      (outcomes) => together.forEach(({ resolve }, at) => resolve(outcomes[at]!)),
      (error: unknown) => together.forEach(({ reject }) => reject(error)),
    )
  }
}
