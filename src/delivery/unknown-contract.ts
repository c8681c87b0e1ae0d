/**
 * Messages whose type or version this worker does not know, as happens while a new version is being rolled out. They are given
 * back, uncounted, to workers that may know them, and buried when for a long time none did. When this worker first saw one is
 * remembered here and not read from the message: one that waited long in a backlog was not refused by anybody.
 */
import { backoffMs, type Backoff } from '../core/backoff.ts'
import { DEFAULTS } from '../core/default.ts'

const BACKOFF: Backoff = { kind: 'exponential', baseMs: 1_000, capMs: 60_000, factor: 2, jitter: 'none' }
const REMEMBERED = 10_000

interface Sighting {
  readonly firstMs: number
  times: number
}

export class UnknownContracts {
  readonly #sightings = new Map<string, Sighting>()

  /** How long to give it back for; null: it is to be buried. */
  see(queue: string, id: string, nowMs: number): number | null {
    const name = `${queue} ${id}`
    const sighting = this.#sightings.get(name)
    if (sighting === undefined) {
      this.#makeRoom(nowMs)
      this.#sightings.set(name, { firstMs: nowMs, times: 1 })
      return BACKOFF.baseMs
    }
    if (nowMs - sighting.firstMs >= DEFAULTS.unknownContractMs) {
      this.#sightings.delete(name)
      return null
    }
    return backoffMs(BACKOFF, ++sighting.times, null, () => 0)
  }

  /** Those that came no more were handled elsewhere. The oldest come first. */
  #makeRoom(nowMs: number): void {
    for (const [name, sighting] of this.#sightings) {
      if (this.#sightings.size < REMEMBERED && nowMs - sighting.firstMs < 2 * DEFAULTS.unknownContractMs) return
      this.#sightings.delete(name)
    }
  }
}
