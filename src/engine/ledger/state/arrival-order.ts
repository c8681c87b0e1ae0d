/**
 * All messages of one queue in order of arrival, for browsing: a linked list, and for every thousand arrivals a way in, so that a page can
 * go on from where the last one ended even when what it ended with is gone.
 */
import { CHUNK_MASK, type Slots } from './slots.ts'

const STEP = 1024

export class ArrivalOrder {
  head = 0
  tail = 0
  readonly #slots: Slots
  /** Which thousands there are, ascending, and the first slot of each. */
  readonly #steps: number[] = []
  readonly #firsts: number[] = []

  constructor(slots: Slots) {
    this.#slots = slots
  }

  /** Takes in a message that arrived after all others. */
  append(slot: number): void {
    const chunk = this.#slots.of(slot)
    const row = slot & CHUNK_MASK
    chunk.earlier[row] = this.tail
    chunk.later[row] = 0
    if (this.tail === 0) this.head = slot
    else this.#slots.of(this.tail).later[this.tail & CHUNK_MASK] = slot
    this.tail = slot
    const step = this.#step(slot)
    if (this.#steps.at(-1) !== step) {
      this.#steps.push(step)
      this.#firsts.push(slot)
    }
  }

  remove(slot: number): void {
    const chunk = this.#slots.of(slot)
    const before = chunk.earlier[slot & CHUNK_MASK]!
    const after = chunk.later[slot & CHUNK_MASK]!
    const step = this.#step(slot)
    // The first of all is the first of the first thousand.
    if (before === 0) this.#moveWayIn(0, step, after)
    else if (this.#step(before) !== step) this.#moveWayIn(this.#find(step), step, after)
    if (before === 0) this.head = after
    else this.#slots.of(before).later[before & CHUNK_MASK] = after
    if (after === 0) this.tail = before
    else this.#slots.of(after).earlier[after & CHUNK_MASK] = before
  }

  later(slot: number): number {
    return this.#slots.of(slot).later[slot & CHUNK_MASK]!
  }

  /** The first message that arrived after the one with this `seq`; 0: none. */
  after(seq: number): number {
    let slot = this.#firsts[this.#find(Math.floor(seq / STEP))] ?? 0
    while (slot !== 0 && this.#slots.of(slot).seq[slot & CHUNK_MASK]! <= seq) slot = this.later(slot)
    return slot
  }

  #moveWayIn(at: number, step: number, after: number): void {
    if (after !== 0 && this.#step(after) === step) this.#firsts[at] = after
    else {
      this.#steps.splice(at, 1)
      this.#firsts.splice(at, 1)
    }
  }

  /** Index of the first thousand that is not before the given one. */
  #find(step: number): number {
    let low = 0
    let high = this.#steps.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#steps[middle]! < step) low = middle + 1
      else high = middle
    }
    return low
  }

  #step(slot: number): number {
    return Math.floor(this.#slots.of(slot).seq[slot & CHUNK_MASK]! / STEP)
  }
}
