/**
 * The lines of one queue: messages that share a key stand in one, and only its head may be ready, delayed or handed out. Who is at the head
 * keeps its place until it ends; the others are held, in the order of their turns.
 */
import { ShardedMap } from './sharded-map.ts'
import { SlotList } from './slot-list.ts'
import type { Slots } from './slots.ts'

/** The line of a strictly ordered queue, in which every message stands. Names of keys begin at 1. */
export const STRICT_LINE = 0

interface Line {
  head: number
  held: SlotList | null
}

export class KeyLines {
  readonly #slots: Slots
  readonly #lines = new ShardedMap<number, Line>()

  constructor(slots: Slots) {
    this.#slots = slots
  }

  /** Lines in which anybody stands. */
  get size(): number {
    return this.#lines.size
  }

  /** Whether somebody is at the head of the line. */
  isBusy(key: number): boolean {
    return (this.#lines.get(key)?.head ?? 0) !== 0
  }

  /** Who is next when the head is free; 0: nobody. */
  firstHeld(key: number): number {
    return this.#lines.get(key)?.held?.head ?? 0
  }

  takeHead(key: number, slot: number): void {
    this.#line(key).head = slot
  }

  leaveHead(key: number, slot: number): void {
    const line = this.#lines.get(key)
    if (line?.head !== slot) return
    line.head = 0
    this.#prune(key, line)
  }

  hold(key: number, slot: number): void {
    const line = this.#line(key)
    ;(line.held ??= new SlotList(this.#slots)).append(slot)
  }

  unhold(key: number, slot: number): void {
    const line = this.#lines.get(key)
    if (line === undefined) return
    line.held?.remove(slot)
    if (line.held?.head === 0) line.held = null
    this.#prune(key, line)
  }

  #line(key: number): Line {
    let line = this.#lines.get(key)
    if (line === undefined) this.#lines.set(key, (line = { head: 0, held: null }))
    return line
  }

  #prune(key: number, line: Line): void {
    if (line.head === 0 && line.held === null) this.#lines.delete(key)
  }
}
