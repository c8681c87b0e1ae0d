/** How many runs of one queue may be under way, and when it is worth asking for more. Counts only; nobody waits on it. */

export class Capacity {
  readonly limit: number
  #used = 0

  constructor(limit: number) {
    this.limit = limit
  }

  get used(): number {
    return this.#used
  }

  get free(): number {
    return this.limit - this.#used
  }

  /** Whether a quarter is free. One request for many messages costs little more than one for one. */
  get worthFilling(): boolean {
    return this.free * 4 >= this.limit
  }

  take(): void {
    this.#used++
  }

  give(): void {
    this.#used--
  }
}
