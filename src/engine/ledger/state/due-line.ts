/**
 * Items in the order in which they fall due, as they came: a ring in which what is taken out leaves a hole. Its ends are never holes. A place
 * stays the same however the ring grows.
 */

const SMALLEST = 8
/** A ring of so many is not made smaller: what a busy worker has comes and goes in no time. */
const SMALL = 4096
/** Places are counted anew after so many, far more than there are at once. */
const PLACES = 2 ** 31

export class DueLine {
  size = 0
  #items = new Uint32Array(SMALLEST)
  #dues = new Float64Array(SMALLEST)
  /** Counted on and on: the first, and the one behind the last. */
  #head = 0
  #end = 0

  /** 0 where there is none. */
  get first(): number {
    return this.size === 0 ? 0 : this.#items[this.#index(this.#head)]!
  }

  /** Infinity where there is none. */
  get firstDue(): number {
    return this.size === 0 ? Infinity : this.#dues[this.#index(this.#head)]!
  }

  get last(): number {
    return this.#items[this.#index(this.#end - 1)]!
  }

  get lastDue(): number {
    return this.#dues[this.#index(this.#end - 1)]!
  }

  /** Full, and mostly of holes. */
  get isThin(): boolean {
    const { length } = this.#items
    return this.#end - this.#head === length && this.size * 2 <= length
  }

  /** Behind the last. Gives its place. */
  append(item: number, due: number): number {
    if (this.#end - this.#head === this.#items.length) this.#resize(this.#items.length * 2)
    const place = this.#end++
    const index = this.#index(place)
    this.#items[index] = item
    this.#dues[index] = due
    this.size++
    return place % PLACES
  }

  remove(place: number): void {
    this.#items[this.#index(place)] = 0
    if (--this.size === 0) {
      this.#head = this.#end
    } else {
      while (this.#items[this.#index(this.#head)] === 0) this.#head++
      while (this.#items[this.#index(this.#end - 1)] === 0) this.#end--
    }
    const { length } = this.#items
    if (length > SMALL && (this.#end - this.#head) * 4 < length) this.#resize(length / 2)
  }

  /** Lengths are powers of two, so that a place counted anew has the same index. */
  #index(place: number): number {
    return (place % PLACES) & (this.#items.length - 1)
  }

  #resize(length: number): void {
    const items = new Uint32Array(length)
    const dues = new Float64Array(length)
    for (let place = this.#head; place < this.#end; place++) {
      const to = (place % PLACES) & (length - 1)
      items[to] = this.#items[this.#index(place)]!
      dues[to] = this.#dues[this.#index(place)]!
    }
    this.#items = items
    this.#dues = dues
  }
}
