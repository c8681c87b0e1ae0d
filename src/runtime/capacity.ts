/** How many runs of one queue may be under way, and when it is worth asking for more. Counts only; nobody waits on it. */

/** Holds back hand-outs beyond a queue's own limit, for one queue or several together: a rate, a receiver that is down. */
export interface Gate {
  /** How many may be taken now. */
  room(): number
  /** Monotonic: when time alone may make more room; Infinity: only a change will. */
  readonly opensAtMs: number
  took(): void
  gave(): void
}

export class Capacity {
  readonly limit: number
  readonly gate: Gate | null
  #used = 0

  constructor(limit: number, gate: Gate | null = null) {
    this.limit = limit
    this.gate = gate
  }

  get used(): number {
    return this.#used
  }

  get free(): number {
    const free = this.limit - this.#used
    return this.gate === null || free <= 0 ? free : Math.min(free, this.gate.room())
  }

  /** Whether a quarter is free. One request for many messages costs little more than one for one. */
  get worthFilling(): boolean {
    return this.free * 4 >= this.limit
  }

  take(): void {
    this.#used++
    this.gate?.took()
  }

  give(): void {
    this.#used--
    this.gate?.gave()
  }
}
