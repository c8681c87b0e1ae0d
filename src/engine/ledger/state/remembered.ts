/**
 * Texts remembered for a while with what belongs to them: dedupe texts with the first id, commit ids with their results. In pages, which are
 * parts of a checkpoint and go as soon as all in them has run out.
 */

import { ShardedMap } from './sharded-map.ts'

const PAGE_ITEMS = 1024

export interface Remembering<Value> {
  readonly text: string
  readonly value: Value
  readonly until: number
}

export class Remembered<Value> {
  readonly pages: Map<number, Remembering<Value>[]> = new Map()
  readonly #byText = new ShardedMap<string, Remembering<Value>>()
  /** When the first of a page runs out, so that a full sweep need not look at what all still counts. */
  readonly #firstOut = new Map<number, number>()
  #lastPage = 0

  get size(): number {
    return this.#byText.size
  }

  find(text: string, now: number): Value | undefined {
    const known = this.#byText.get(text)
    return known === undefined || known.until <= now ? undefined : known.value
  }

  set(text: string, value: Value, until: number): void {
    const known = this.#byText.get(text)
    if (known !== undefined && known.until >= until) return
    const item = { text, value, until }
    this.#byText.set(text, item)
    let page = this.pages.get(this.#lastPage)
    if (page === undefined || page.length === PAGE_ITEMS) this.pages.set(++this.#lastPage, (page = []))
    page.push(item)
    this.#noteOut(this.#lastPage, until)
  }

  /** What still counts at that time. */
  *all(at: number): Generator<Remembering<Value>, void, undefined> {
    for (const page of this.pages.values())
      for (const item of page) if (item.until > at && this.#byText.get(item.text) === item) yield item
  }

  /** Forgets what has run out, oldest first, a bounded number of pages. */
  sweep(now: number, pages = 2): void {
    for (const [number, page] of this.pages) {
      if (pages-- === 0) return
      // Items are in the order in which they were remembered; the first that still counts stops the page.
      let gone = 0
      while (gone < page.length && page[gone]!.until <= now) this.#drop(page[gone++]!)
      if (gone === page.length) this.#deletePage(number)
      else {
        if (gone > 0) page.splice(0, gone)
        return
      }
    }
  }

  /** Forgets everything that has run out: where the limit is reached, and windows differ. */
  sweepAll(now: number): void {
    for (const [number, page] of this.pages) {
      if (this.#firstOut.get(number)! > now) continue
      const kept = page.filter((item) => item.until > now || (this.#drop(item), false))
      if (kept.length === 0) this.#deletePage(number)
      else {
        this.pages.set(number, kept)
        this.#firstOut.set(
          number,
          kept.reduce((first, { until }) => Math.min(first, until), Infinity),
        )
      }
    }
  }

  loadPage(number: number, items: readonly Remembering<Value>[]): void {
    this.#lastPage = Math.max(this.#lastPage, number)
    this.pages.set(number, [...items])
    for (const item of items) {
      this.#byText.set(item.text, item)
      this.#noteOut(number, item.until)
    }
  }

  #noteOut(page: number, until: number): void {
    this.#firstOut.set(page, Math.min(this.#firstOut.get(page) ?? Infinity, until))
  }

  #deletePage(number: number): void {
    this.pages.delete(number)
    this.#firstOut.delete(number)
  }

  #drop(item: Remembering<Value>): void {
    if (this.#byText.get(item.text) === item) this.#byText.delete(item.text)
  }
}
