/**
 * Finds the slot of a message by its queue and id: open addressing over slot numbers, the ids themselves stay in their columns.
 * Split into many shards, so that growing one never stops the world.
 */
import { CHUNK_MASK, type Slots } from './slots.ts'

const SHARDS = 256
const SMALLEST = 16

export class IdIndex {
  readonly #slots: Slots
  readonly #tables: (Uint32Array | null)[] = Array.from({ length: SHARDS }, () => null)
  readonly #sizes: Uint32Array = new Uint32Array(SHARDS)

  constructor(slots: Slots) {
    this.#slots = slots
  }

  /** The slot of the message, or 0. */
  find(queue: number, id0: number, id1: number, id2: number, id3: number): number {
    const hash = hashOf(queue, id0, id1, id2, id3)
    const table = this.#tables[hash >>> 24]!
    if (table === null) return 0
    const mask = table.length - 1
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const slot = table[at]!
      if (slot === 0) return 0
      const chunk = this.#slots.of(slot)
      const row = slot & CHUNK_MASK
      if (
        chunk.id3[row] === id3 &&
        chunk.id1[row] === id1 &&
        chunk.id2[row] === id2 &&
        chunk.id0[row] === id0 &&
        chunk.queue[row] === queue
      )
        return slot
    }
  }

  add(slot: number): void {
    const hash = this.#hash(slot)
    const shard = hash >>> 24
    let table = this.#tables[shard]!
    if (table === null) table = this.#tables[shard] = new Uint32Array(SMALLEST)
    else if (this.#sizes[shard]! * 4 >= table.length * 3) table = this.#grow(shard, table)
    place(table, slot, hash)
    this.#sizes[shard]!++
  }

  /** Takes out a slot whose columns are still as they were when it was added. */
  remove(slot: number): void {
    const hash = this.#hash(slot)
    const shard = hash >>> 24
    const table = this.#tables[shard]!
    if (table === null) return
    const mask = table.length - 1
    let at = hash & mask
    while (table[at] !== slot) {
      if (table[at] === 0) return
      at = (at + 1) & mask
    }
    this.#close(table, at)
    this.#sizes[shard]!--
    if (table.length > SMALLEST && this.#sizes[shard]! * 8 < table.length) this.#rebuild(shard, table, table.length / 2)
  }

  /** Moves back what was displaced by the entry that goes, so that no tombstones are needed. */
  #close(table: Uint32Array, hole: number): void {
    const mask = table.length - 1
    for (let at = (hole + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const home = this.#hash(table[at]!) & mask
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        table[hole] = table[at]!
        hole = at
      }
    }
    table[hole] = 0
  }

  #grow(shard: number, table: Uint32Array): Uint32Array {
    return this.#rebuild(shard, table, table.length * 2)
  }

  #rebuild(shard: number, table: Uint32Array, length: number): Uint32Array {
    const fresh = new Uint32Array(length)
    for (const slot of table) if (slot !== 0) place(fresh, slot, this.#hash(slot))
    this.#tables[shard] = fresh
    return fresh
  }

  #hash(slot: number): number {
    const chunk = this.#slots.of(slot)
    const row = slot & CHUNK_MASK
    return hashOf(chunk.queue[row]!, chunk.id0[row]!, chunk.id1[row]!, chunk.id2[row]!, chunk.id3[row]!)
  }
}

function place(table: Uint32Array, slot: number, hash: number): void {
  const mask = table.length - 1
  let at = hash & mask
  while (table[at] !== 0) at = (at + 1) & mask
  table[at] = slot
}

/** Mixes so that ids made in a row, or chosen badly, still spread (the finaliser of MurmurHash3). */
function hashOf(queue: number, id0: number, id1: number, id2: number, id3: number): number {
  let hash = Math.imul(queue, 0x9e3779b1) ^ id0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) ^ id1
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) ^ id2
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) ^ id3
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 16), 0x27d4eb2f)
  return (hash ^ (hash >>> 15)) >>> 0
}
