/** Doubly linked lists of slots. All share the columns `next` and `prev`, because a slot is in at most one list. */
import { CHUNK_MASK, type Slots } from './slots.ts'

export class SlotList {
  head = 0
  tail = 0
  readonly #slots: Slots

  constructor(slots: Slots) {
    this.#slots = slots
  }

  append(slot: number): void {
    this.insertAfter(this.tail, slot)
  }

  /** `before` 0: at the head. */
  insertAfter(before: number, slot: number): void {
    const slots = this.#slots
    const chunk = slots.of(slot)
    const after = before === 0 ? this.head : slots.of(before).next[before & CHUNK_MASK]!
    chunk.prev[slot & CHUNK_MASK] = before
    chunk.next[slot & CHUNK_MASK] = after
    if (before === 0) this.head = slot
    else slots.of(before).next[before & CHUNK_MASK] = slot
    if (after === 0) this.tail = slot
    else slots.of(after).prev[after & CHUNK_MASK] = slot
  }

  remove(slot: number): void {
    const slots = this.#slots
    const chunk = slots.of(slot)
    const before = chunk.prev[slot & CHUNK_MASK]!
    const after = chunk.next[slot & CHUNK_MASK]!
    if (before === 0) this.head = after
    else slots.of(before).next[before & CHUNK_MASK] = after
    if (after === 0) this.tail = before
    else slots.of(after).prev[after & CHUNK_MASK] = before
  }

  next(slot: number): number {
    return this.#slots.of(slot).next[slot & CHUNK_MASK]!
  }
}
