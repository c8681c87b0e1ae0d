/**
 * The places of a worker's queues: as many as may run at once. A run that has ended leaves its place before its end is durable, so
 * that a worker is not idle while the engine makes ends durable, and one with few places does not wait for a disk with every
 * message (docs/adr/0005-places-before-durability.md). What a crash repeats is still no more than what ended in the time of one commit.
 */
import type { Handling } from './handling.ts'
import type { ServedQueue } from './served-queue.ts'

/** Messages of one queue that may be on their way to their end beside those that run: what an engine takes in a few milliseconds. */
const MOST_BESIDE = 2_000

export class Places {
  readonly #freed: (served: ServedQueue) => void

  /** `freed` is told when another may be leased. */
  constructor(freed: (served: ServedQueue) => void) {
    this.#freed = freed
  }

  /** Its end is on its way, and changes nothing that the next run could look for. */
  leave(handling: Handling): void {
    const { served } = handling
    if (!handling.hasPlace || served.settlingBeside >= MOST_BESIDE) return
    handling.hasPlace = false
    served.settlingBeside++
    this.#free(served)
  }

  over({ served, hasPlace }: Handling): void {
    if (hasPlace) this.#free(served)
    else served.settlingBeside--
  }

  #free(served: ServedQueue): void {
    served.capacity.give()
    this.#freed(served)
  }
}
