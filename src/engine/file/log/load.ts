/** How much of its time the thread has nothing to do: where it has none left, it is the bottleneck and not the disk. */
import { performance, type EventLoopUtilization } from 'node:perf_hooks'

/** After so many frames it is looked at anew. */
const FRAMES = 32
/** Syncs that begin early are there to leave the thread no rest: how much it would have is seen without them, in one look of so many. */
const LOOKS = 16

export class Load {
  readonly #busyShare: number
  #before: EventLoopUtilization = performance.eventLoopUtilization()
  #frame = 0
  #frames = 0
  #looks = 0
  #isHigh = false

  /** @param busyShare of its time that the thread is at work, from which on its load is high */
  constructor(busyShare: number) {
    this.#busyShare = busyShare
  }

  /** @param frame that is open */
  isHigh(frame: number): boolean {
    if (frame === this.#frame) return this.#isHigh
    this.#frame = frame
    if (++this.#frames < FRAMES) return this.#isHigh
    this.#frames = 0
    const now = performance.eventLoopUtilization()
    if (this.#isHigh) this.#isHigh = performance.eventLoopUtilization(now, this.#before).utilization >= this.#busyShare
    else this.#isHigh = ++this.#looks % LOOKS === 0 && this.#busyShare <= 1
    this.#before = now
    return this.#isHigh
  }
}
