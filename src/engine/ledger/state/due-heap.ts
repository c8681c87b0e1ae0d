/** What falls due, earliest first: a binary heap over numbers from which anything can be taken out again. */
import { ShardedMap } from './sharded-map.ts'

/** Where each item is in the heap. An item is in at most one heap that shares a record of places. */
export interface HeapPlaces {
  at(item: number): number
  move(item: number, at: number): void
}

const NO_DUES = new Float64Array(0)
const NO_ITEMS = new Uint32Array(0)

export class DueHeap {
  size = 0
  #dues: Float64Array = NO_DUES
  #items: Uint32Array = NO_ITEMS
  readonly #places: HeapPlaces
  /** Of two that fall due at once, whether the first goes first. */
  readonly #before: (item: number, other: number) => boolean

  constructor(places: HeapPlaces, before: (item: number, other: number) => boolean = (item, other) => item < other) {
    this.#places = places
    this.#before = before
  }

  /** When the first falls due; Infinity where there is none. */
  get firstDue(): number {
    return this.size === 0 ? Infinity : this.#dues[0]!
  }

  /** The first to fall due; 0 where there is none. */
  get first(): number {
    return this.size === 0 ? 0 : this.#items[0]!
  }

  push(item: number, due: number): void {
    if (this.size === this.#items.length) this.#resize(Math.max(8, this.size * 2))
    this.#rise(this.size++, item, due)
  }

  remove(item: number): void {
    const at = this.#places.at(item)
    const last = --this.size
    const moved = this.#items[last]!
    const due = this.#dues[last]!
    if (at !== last) this.#settle(at, moved, due)
    if (this.size >= 64 && this.size * 4 < this.#items.length) this.#resize(this.#items.length / 2)
  }

  /** Changes when an item that is in the heap falls due. */
  change(item: number, due: number): void {
    this.#settle(this.#places.at(item), item, due)
  }

  #settle(at: number, item: number, due: number): void {
    const parent = (at - 1) >> 1
    if (at > 0 && this.#precedes(item, due, parent)) this.#rise(at, item, due)
    else this.#sink(at, item, due)
  }

  #rise(at: number, item: number, due: number): void {
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#precedes(item, due, parent)) break
      this.#put(at, this.#items[parent]!, this.#dues[parent]!)
      at = parent
    }
    this.#put(at, item, due)
  }

  /**
   * Down to the bottom first, then up: what takes the place of one that goes was at the bottom, and mostly belongs there. That is half the
   * comparisons.
   */
  #sink(at: number, item: number, due: number): void {
    for (let child = 2 * at + 1; child < this.size; child = 2 * at + 1) {
      if (child + 1 < this.size && this.#precedes(this.#items[child + 1]!, this.#dues[child + 1]!, child)) child++
      this.#put(at, this.#items[child]!, this.#dues[child]!)
      at = child
    }
    this.#rise(at, item, due)
  }

  #precedes(item: number, due: number, at: number): boolean {
    const other = this.#dues[at]!
    return due < other || (due === other && this.#before(item, this.#items[at]!))
  }

  #put(at: number, item: number, due: number): void {
    this.#items[at] = item
    this.#dues[at] = due
    this.#places.move(item, at)
  }

  #resize(length: number): void {
    const items = new Uint32Array(length)
    const dues = new Float64Array(length)
    items.set(this.#items.subarray(0, Math.min(length, this.#items.length)))
    dues.set(this.#dues.subarray(0, Math.min(length, this.#dues.length)))
    this.#items = items
    this.#dues = dues
  }
}

/** Places of items that few have, or of a table that starts small. */
export class SparsePlaces implements HeapPlaces {
  readonly #places = new ShardedMap<number, number>()

  at(item: number): number {
    return this.#places.get(item) ?? 0
  }

  has(item: number): boolean {
    return this.#places.has(item)
  }

  move(item: number, at: number): void {
    this.#places.set(item, at)
  }

  forget(item: number): void {
    this.#places.delete(item)
  }
}
