/** The events that a topic keeps: positions ascending, in pages, trimmed from the front. The content is a block of the store. */

const PAGE_EVENTS = 4096

/** One page: events in order of position. */
export class RetainedPage {
  readonly positions: Float64Array = new Float64Array(PAGE_EVENTS)
  readonly times: Float64Array = new Float64Array(PAGE_EVENTS)
  readonly blocks: Uint32Array = new Uint32Array(PAGE_EVENTS)
  readonly types: Uint32Array = new Uint32Array(PAGE_EVENTS)
  length = 0
}

export interface RetainedItem {
  readonly position: number
  readonly at: number
  readonly block: number
  readonly type: number
}

export class RetainedLog {
  /** By number; numbers go on for ever, so that a page's name never names another. */
  readonly pages: Map<number, RetainedPage> = new Map()
  firstPage = 0
  /** Events of the first page that are trimmed. */
  #trimmed = 0
  length = 0
  lastPosition = 0

  append(position: number, at: number, block: number, type: number): void {
    let page = this.pages.get(this.firstPage + this.pages.size - 1)
    if (page === undefined || page.length === PAGE_EVENTS)
      this.pages.set(this.firstPage + this.pages.size, (page = new RetainedPage()))
    page.positions[page.length] = position
    page.times[page.length] = at
    page.blocks[page.length] = block
    page.types[page.length++] = type
    this.lastPosition = position
    this.length++
  }

  /** Position of the first event that is kept; Infinity where none is. */
  get firstPosition(): number {
    return this.length === 0 ? Infinity : this.pages.get(this.firstPage)!.positions[this.#trimmed]!
  }

  first(): RetainedItem | undefined {
    for (const item of this.#from(0)) return item
    return undefined
  }

  removeFirst(): void {
    const page = this.pages.get(this.firstPage)!
    this.length--
    if (++this.#trimmed < page.length) return
    if (page.length < PAGE_EVENTS && this.pages.size === 1) {
      page.length = 0
      this.#trimmed = 0
      return
    }
    this.pages.delete(this.firstPage++)
    this.#trimmed = 0
  }

  /** Events after a position. */
  after(position: number): Generator<RetainedItem, void, undefined> {
    return this.#from(this.#count((page, at) => page.positions[at]! <= position))
  }

  /** Events that were published at this time or later. */
  since(at: number): Generator<RetainedItem, void, undefined> {
    return this.#from(this.#count((page, index) => page.times[index]! < at))
  }

  *#from(index: number): Generator<RetainedItem, void, undefined> {
    for (index += this.#trimmed; index < this.#trimmed + this.length; index++) {
      const page = this.pages.get(this.firstPage + Math.floor(index / PAGE_EVENTS))!
      const row = index % PAGE_EVENTS
      yield { position: page.positions[row]!, at: page.times[row]!, block: page.blocks[row]!, type: page.types[row]! }
    }
  }

  /** How many events from the front pass a test that no later one passes. */
  #count(isBefore: (page: RetainedPage, at: number) => boolean): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const index = middle + this.#trimmed
      const page = this.pages.get(this.firstPage + Math.floor(index / PAGE_EVENTS))!
      if (isBefore(page, index % PAGE_EVENTS)) low = middle + 1
      else high = middle
    }
    return low
  }
}
