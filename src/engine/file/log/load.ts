/** How much of its time the thread has nothing to do: where it has none left, it is the bottleneck and not the disk. */
import { performance, type EventLoopUtilization } from 'node:perf_hooks'

/** Asked so often, it is looked at anew. */
const ASKED = 64

export class Load {
  readonly #busyShare: number
  #before: EventLoopUtilization = performance.eventLoopUtilization()
  #asked = 0
  #isHigh = false

  /** @param busyShare of its time that the thread is at work, from which on its load is high */
  constructor(busyShare: number) {
    this.#busyShare = busyShare
  }

  get isHigh(): boolean {
    if (++this.#asked < ASKED) return this.#isHigh
    this.#asked = 0
    const now = performance.eventLoopUtilization()
    this.#isHigh = performance.eventLoopUtilization(now, this.#before).utilization >= this.#busyShare
    this.#before = now
    return this.#isHigh
  }
}
