/**
 * What falls due, earliest first, from which anything can be taken out again: a binary heap over numbers, and beside it a line of those that came
 * in the order in which they fall due, as leases do. In the line an item costs the same however many there are.
 */
import { DueLine } from './due-line.ts'
import { ShardedMap } from './sharded-map.ts'

/** Where each item is in the heap. An item is in at most one heap that shares a record of places. */
export interface HeapPlaces {
  at(item: number): number
  move(item: number, at: number): void
}

const NO_DUES = new Float64Array(0)
const NO_ITEMS = new Uint32Array(0)
/** Of all heaps in which nothing ever stood: most queues have several. Nothing is added to it. */
const NO_LINE = new DueLine()
/** Added to the place of what stands in the line. */
const IN_LINE = 2 ** 31

export class DueHeap {
  /** Of the heap alone. */
  #size = 0
  #dues: Float64Array = NO_DUES
  #items: Uint32Array = NO_ITEMS
  #line: DueLine = NO_LINE
  readonly #places: HeapPlaces
  /** Of two that fall due at once, whether the first goes first. */
  readonly #before: (item: number, other: number) => boolean

  constructor(places: HeapPlaces, before: (item: number, other: number) => boolean = (item, other) => item < other) {
    this.#places = places
    this.#before = before
  }

  get size(): number {
    return this.#size + this.#line.size
  }

  /** When the first falls due; Infinity where there is none. */
  get firstDue(): number {
    const due = this.#line.firstDue
    return this.#size === 0 ? due : Math.min(due, this.#dues[0]!)
  }

  /** The first to fall due; 0 where there is none. */
  get first(): number {
    const { first, firstDue } = this.#line
    if (this.#size === 0) return first
    return first !== 0 && !this.#precedes(this.#items[0]!, this.#dues[0]!, first, firstDue) ? first : this.#items[0]!
  }

  push(item: number, due: number): void {
    if (this.#line === NO_LINE) this.#line = new DueLine()
    const line = this.#line
    if (line.size > 0 && !this.#precedes(line.last, line.lastDue, item, due)) return this.#pushToHeap(item, due)
    // Room is made by those who stand there for long while all behind them have gone.
    while (line.isThin) {
      const { first, firstDue } = line
      line.remove(this.#places.at(first) - IN_LINE)
      this.#pushToHeap(first, firstDue)
    }
    this.#places.move(item, IN_LINE + line.append(item, due))
  }

  remove(item: number): void {
    const at = this.#places.at(item)
    if (at >= IN_LINE) return this.#line.remove(at - IN_LINE)
    const last = --this.#size
    const moved = this.#items[last]!
    const due = this.#dues[last]!
    if (at !== last) this.#settle(at, moved, due)
    if (this.#size >= 64 && this.#size * 4 < this.#items.length) this.#resize(this.#items.length / 2)
  }

  /** Changes when an item that is in the heap falls due. */
  change(item: number, due: number): void {
    const at = this.#places.at(item)
    if (at < IN_LINE) return this.#settle(at, item, due)
    this.#line.remove(at - IN_LINE)
    this.push(item, due)
  }

  #pushToHeap(item: number, due: number): void {
    if (this.#size === this.#items.length) this.#resize(Math.max(8, this.#size * 2))
    this.#rise(this.#size++, item, due)
  }

  #settle(at: number, item: number, due: number): void {
    const parent = (at - 1) >> 1
    if (at > 0 && this.#goesBefore(item, due, parent)) this.#rise(at, item, due)
    else this.#sink(at, item, due)
  }

  #rise(at: number, item: number, due: number): void {
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#goesBefore(item, due, parent)) break
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
    for (let child = 2 * at + 1; child < this.#size; child = 2 * at + 1) {
      if (child + 1 < this.#size && this.#goesBefore(this.#items[child + 1]!, this.#dues[child + 1]!, child)) child++
      this.#put(at, this.#items[child]!, this.#dues[child]!)
      at = child
    }
    this.#rise(at, item, due)
  }

  #goesBefore(item: number, due: number, at: number): boolean {
    return this.#precedes(item, due, this.#items[at]!, this.#dues[at]!)
  }

  #precedes(item: number, due: number, other: number, otherDue: number): boolean {
    return due < otherDue || (due === otherDue && this.#before(item, other))
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
