/**
 * What the main thread did with its time, as Linux counts it: on a processor, or ready to run without one. The first is counted on at each tick of
 * the system (up to 4 ms apart), the second exactly.
 */
import { closeSync, openSync, readSync } from 'node:fs'

export interface ThreadTimes {
  readonly runMs: number
  readonly waitMs: number
}

export class ThreadTime {
  readonly #file: number
  readonly #bytes = Buffer.alloc(128)

  private constructor(file: number) {
    this.#file = file
  }

  /** null where the system does not tell. */
  static open(): ThreadTime | null {
    try {
      return new ThreadTime(openSync('/proc/self/schedstat', 'r'))
    } catch {
      return null
    }
  }

  /** Since the process began. */
  now(): ThreadTimes {
    const count = readSync(this.#file, this.#bytes, 0, this.#bytes.byteLength, 0)
    const [ran, waited] = this.#bytes.toString('latin1', 0, count).split(' ')
    return { runMs: Number(ran) / 1e6, waitMs: Number(waited) / 1e6 }
  }

  close(): void {
    closeSync(this.#file)
  }
}
