/**
 * The places of a worker's queues: as many as may run at once. A run that has ended leaves its place before its end is durable, so
 * that a worker is not idle while the engine makes ends durable, and one with few places does not wait for a disk with every
 * message (docs/adr/0005-places-before-durability.md). What a crash repeats is still no more than what ended in the time of one commit.
 */
import type { Handling } from './handling.ts'
import type { ServedQueue } from './served-queue.ts'

export class Places {
  readonly #freed: (served: ServedQueue) => void
  /** Of all queues together, on their way to their end beside those that run, at most. */
  readonly #most: number
  #beside = 0

  /** `freed` is told when another may be leased. */
  constructor(freed: (served: ServedQueue) => void, most: number) {
    this.#freed = freed
    this.#most = most
  }

  /** Its end is on its way, and changes nothing that the next run could look for. */
  leave(handling: Handling): void {
    const { served } = handling
    if (!handling.hasPlace || served.settlingBeside >= served.beside || this.#beside >= this.#most) return
    handling.hasPlace = false
    served.settlingBeside++
    this.#beside++
    this.#free(served)
  }

  over({ served, hasPlace }: Handling): void {
    if (hasPlace) return this.#free(served)
    served.settlingBeside--
    this.#beside--
  }

  #free(served: ServedQueue): void {
    served.capacity.give()
    this.#freed(served)
  }
}
