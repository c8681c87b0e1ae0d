/**
 * What a worker has, in the order in which it came. A chain through the handlings themselves and not a Set: a Set that is added
 * to and taken from makes a new table every few hundred messages, and each of the old tables holds the next one. Once one of them
 * is old, none of them is young any more to the garbage collector, and all that they point to is kept for its long pauses.
 */
import type { Handling } from './handling.ts'

export class InFlight {
  #size = 0
  #first: Handling | null = null
  #last: Handling | null = null

  get size(): number {
    return this.#size
  }

  add(handling: Handling): void {
    this.#size++
    handling.earlier = this.#last
    if (this.#last === null) this.#first = handling
    else this.#last.later = handling
    this.#last = handling
  }

  /** Only of what was added, and once. */
  remove(handling: Handling): void {
    this.#size--
    const { earlier, later } = handling
    if (earlier === null) this.#first = later
    else earlier.later = later
    if (later === null) this.#last = earlier
    else later.earlier = earlier
    handling.earlier = handling.later = null
  }

  /** As they are now: what is done with one may take it out. */
  all(): readonly Handling[] {
    const all: Handling[] = []
    for (let each = this.#first; each !== null; each = each.later) all.push(each)
    return all
  }
}
