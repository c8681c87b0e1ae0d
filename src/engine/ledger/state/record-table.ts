/**
 * Records: by key, in order, and by when they expire. Values are blocks of the store. Settings (`queue/`, `subscription/`, `topic/`) stand in the
 * order too; their values are made where they are read.
 */
import { DueHeap, SparsePlaces } from './due-heap.ts'
import type { RecordRow } from '../entries.ts'
import { Numbered } from './numbered.ts'
import { ShardedMap } from './sharded-map.ts'
import { SortedTexts } from './sorted-texts.ts'

/** Parts an alias from the key it is of. Below every character of a key, so that the order of the texts holds. */
const OF = ' '

export class RecordTable {
  readonly rows: Numbered<RecordRow> = new Numbered()
  readonly #byKey = new ShardedMap<string, RecordRow>()
  /** Keys of records and settings, and each alias with its key behind it. */
  #texts = new SortedTexts()
  readonly #expiryPlaces = new SparsePlaces()
  readonly expiry: DueHeap = new DueHeap(this.#expiryPlaces)

  find(key: string): RecordRow | undefined {
    return this.#byKey.get(key)
  }

  /** The key that an alias stands for: of several, the first in order. */
  keyOf(alias: string): string | undefined {
    for (const text of this.#texts.from(alias + OF))
      return text.startsWith(alias + OF) ? text.slice(alias.length + 1) : undefined
    return undefined
  }

  put(row: RecordRow): void {
    const old = this.#byKey.get(row.key)
    if (old !== undefined) {
      if (old.record === row.record && isSame(old.aliases, row.aliases)) return this.#replace(old, row)
      this.#unindex(old)
    }
    this.rows.set(row.record, row)
    this.#byKey.set(row.key, row)
    this.#texts.add(row.key)
    for (const alias of row.aliases) this.#texts.add(alias + OF + row.key)
    if (row.expiresAt !== null) this.expiry.push(row.record, row.expiresAt)
  }

  /** One that is put again and again stays where it stands in the order. */
  #replace(old: RecordRow, row: RecordRow): void {
    const { record, expiresAt } = row
    this.rows.set(record, row)
    this.#byKey.set(row.key, row)
    if (old.expiresAt === expiresAt) return
    if (expiresAt === null) {
      this.expiry.remove(record)
      this.#expiryPlaces.forget(record)
    } else if (old.expiresAt === null) this.expiry.push(record, expiresAt)
    else this.expiry.change(record, expiresAt)
  }

  remove(record: number): void {
    const row = this.rows.get(record)
    if (row === undefined) return
    this.#unindex(row)
    this.rows.delete(record)
  }

  addSettings(key: string): void {
    this.#texts.add(key)
  }

  removeSettings(key: string): void {
    this.#texts.delete(key)
  }

  /** Pairs of text and key from `start` on, in order. */
  *from(start: string): Generator<{ readonly text: string; readonly key: string }, void, undefined> {
    for (const text of this.#texts.from(start)) {
      const at = text.indexOf(OF)
      yield { text, key: at === -1 ? text : text.slice(at + 1) }
    }
  }

  /** After a replay. */
  finish(settings: readonly string[]): void {
    this.rows.finish()
    this.#byKey.clear()
    const texts = [...settings]
    for (const row of this.rows) {
      this.#byKey.set(row.key, row)
      texts.push(row.key)
      for (const alias of row.aliases) texts.push(alias + OF + row.key)
      if (row.expiresAt !== null) this.expiry.push(row.record, row.expiresAt)
    }
    this.#texts = SortedTexts.of(texts)
  }

  #unindex(row: RecordRow): void {
    this.#byKey.delete(row.key)
    this.#texts.delete(row.key)
    for (const alias of row.aliases) this.#texts.delete(alias + OF + row.key)
    if (row.expiresAt === null) return
    this.expiry.remove(row.record)
    this.#expiryPlaces.forget(row.record)
  }
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((text, at) => text === others[at])
}
