/** What falls due in one sweep, taken in the order of time. */

export interface Item {
  /** Engine time at which it happens. */
  readonly at: number
  run(): Promise<void>
}

export class Agenda {
  readonly #items: Item[] = []

  add(item: Item): void {
    let low = 0
    for (let high = this.#items.length; low < high;) {
      const middle = (low + high) >>> 1
      if (this.#items[middle]!.at <= item.at) low = middle + 1
      else high = middle
    }
    this.#items.splice(low, 0, item)
  }

  next(): Item | undefined {
    return this.#items.shift()
  }
}
