/**
 * Texts that many messages share (keys, groups, types, reasons, queues to report to) as numbers. A text that nothing refers to any more
 * is forgotten, but not at once: traffic of one message at a time would else name its type anew for every message.
 */
import type { Entries } from '../entries.ts'
import { ShardedMap } from './sharded-map.ts'

const IDLE_KEPT = 4096

export class NameTable {
  readonly texts: (string | undefined)[] = [undefined]
  #refs: Uint32Array = new Uint32Array(64)
  readonly #numbers = new ShardedMap<string, number>()
  readonly #free: number[] = []
  /** Names without references, oldest first; some may be in use again. */
  readonly #idle = new Set<number>()

  text(name: number): string {
    return this.texts[name] ?? ''
  }

  /** The number of a text, where it has one; else 0. */
  find(text: string): number {
    return this.#numbers.get(text) ?? 0
  }

  /** The number of a text, which gets one where it has none; 0 for undefined. */
  intern(text: string | undefined | null, effects: Entries): number {
    if (text === undefined || text === null) return 0
    const known = this.#numbers.get(text)
    if (known !== undefined) {
      // It is about to be used: it must not be forgotten for the next name of the same message.
      if ((this.#refs[known] ?? 0) === 0 && this.#idle.delete(known)) this.#idle.add(known)
      return known
    }
    const name = this.#free.pop() ?? this.texts.length
    effects.named(name, text)
    return name
  }

  set(name: number, text: string): void {
    while (this.texts.length < name) this.texts.push(undefined)
    this.texts[name] = text
    this.#numbers.set(text, name)
    this.#idleOut(name)
  }

  retain(name: number): void {
    if (name === 0) return
    if (name >= this.#refs.length) this.#resize(name)
    this.#refs[name]!++
  }

  release(name: number): void {
    if (name === 0) return
    if (--this.#refs[name]! === 0) this.#idleOut(name)
  }

  /** After a replay and the counting of references: names are indexed, and those nobody uses are free. */
  finish(): void {
    this.#numbers.clear()
    this.#idle.clear()
    this.#free.length = 0
    for (let name = 1; name < this.texts.length; name++) {
      const text = this.texts[name]
      if ((this.#refs[name] ?? 0) > 0 && text !== undefined) this.#numbers.set(text, name)
      else this.#forget(name)
    }
  }

  #idleOut(name: number): void {
    this.#idle.add(name)
    if (this.#idle.size < 2 * IDLE_KEPT) return
    let most = IDLE_KEPT
    for (const old of this.#idle) {
      if (most-- === 0) return
      this.#idle.delete(old)
      if ((this.#refs[old] ?? 0) === 0) this.#forget(old)
    }
  }

  #forget(name: number): void {
    const text = this.texts[name]
    if (text !== undefined && this.#numbers.get(text) === name) this.#numbers.delete(text)
    this.texts[name] = undefined
    this.#free.push(name)
  }

  #resize(name: number): void {
    const refs = new Uint32Array(Math.max(name + 1, this.#refs.length * 2))
    refs.set(this.#refs)
    this.#refs = refs
  }
}
