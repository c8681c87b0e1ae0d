/**
 * Finds the slot of a message by its queue and id: open addressing over pairs of a slot and its hash, the ids themselves stay in their columns,
 * which are read only where the hashes agree. Split into many shards, so that growing one never stops the world.
 */
import { secretBytes } from '../../../core/id.ts'
import { CHUNK_MASK, type Slots } from './slots.ts'

const SHARDS = 256
/** Slots that are put in, or taken out, together. */
const TOGETHER = 64
/** Entries a table begins with. */
const SMALLEST = 16

/** Two words an entry: the slot, 0 where there is none, and its hash. */
type Table = Uint32Array

export class IdIndex {
  readonly #slots: Slots
  readonly #tables: (Table | null)[] = Array.from({ length: SHARDS }, () => null)
  readonly #sizes: Uint32Array = new Uint32Array(SHARDS)
  /** Slots to be put in, to be taken out, and their hashes: one after the other each would wait for memory, together they wait once. */
  readonly #entering = new Uint32Array(2 * TOGETHER)
  readonly #leaving = new Uint32Array(2 * TOGETHER)
  #enteringCount = 0
  #leavingCount = 0
  /** What was touched, kept only so that it is read. */
  readonly #touched = new Uint32Array(1)
  /** The greatest UUIDv7 that was ever added: those made in a row are new without being looked for. */
  readonly #newest: Uint32Array = new Uint32Array(4)
  /** Unknown to those who choose ids, so that they cannot make them collide. */
  readonly #seed: number = new Uint32Array(secretBytes(4).slice().buffer)[0]!

  constructor(slots: Slots) {
    this.#slots = slots
  }

  /** The slot of the message, or 0. */
  find(queue: number, id0: number, id1: number, id2: number, id3: number): number {
    if (isVersion7(id1) && this.#isNewer(id0, id1, id2, id3)) return 0
    this.#settle()
    const hash = hashOf(this.#seed, queue, id0, id1, id2, id3)
    const table = this.#tables[hash >>> 24]!
    if (table === null) return 0
    const mask = table.length - 1
    for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
      const slot = table[at]!
      if (slot === 0) return 0
      if (table[at + 1] !== hash) continue
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
    const chunk = this.#slots.of(slot)
    const row = slot & CHUNK_MASK
    const id0 = chunk.id0[row]!
    const id1 = chunk.id1[row]!
    const id2 = chunk.id2[row]!
    const id3 = chunk.id3[row]!
    if (isVersion7(id1) && this.#isNewer(id0, id1, id2, id3)) {
      this.#newest[0] = id0
      this.#newest[1] = id1
      this.#newest[2] = id2
      this.#newest[3] = id3
    }
    const at = 2 * this.#enteringCount++
    this.#entering[at] = slot
    this.#entering[at + 1] = hashOf(this.#seed, chunk.queue[row]!, id0, id1, id2, id3)
    if (this.#enteringCount === TOGETHER) this.#settle()
  }

  /** Takes out a slot whose columns are still as they were when it was added. */
  remove(slot: number): void {
    const at = 2 * this.#leavingCount++
    this.#leaving[at] = slot
    this.#leaving[at + 1] = this.#hash(slot)
    if (this.#leavingCount === TOGETHER) this.#settle()
  }

  #isNewer(id0: number, id1: number, id2: number, id3: number): boolean {
    const newest = this.#newest
    if (id0 !== newest[0]) return id0 > newest[0]!
    if (id1 !== newest[1]) return id1 > newest[1]!
    return id2 === newest[2] ? id3 > newest[3]! : id2 > newest[2]!
  }

  /** Puts in and takes out. In this order: what leaves may have entered just before; a slot that is used again has another id, or the same place. */
  #settle(): void {
    const entering = this.#entering
    const leaving = this.#leaving
    const enteringEnd = 2 * this.#enteringCount
    const leavingEnd = 2 * this.#leavingCount
    this.#enteringCount = this.#leavingCount = 0
    this.#touch(entering, enteringEnd)
    this.#touch(leaving, leavingEnd)
    for (let at = 0; at < enteringEnd; at += 2) this.#putIn(entering[at]!, entering[at + 1]!)
    for (let at = 0; at < leavingEnd; at += 2) this.#takeOut(leaving[at]!, leaving[at + 1]!)
  }

  #putIn(slot: number, hash: number): void {
    const shard = hash >>> 24
    let table = this.#tables[shard]!
    if (table === null) table = this.#tables[shard] = new Uint32Array(SMALLEST * 2)
    else if (this.#sizes[shard]! * 8 >= table.length * 3) table = this.#rebuild(shard, table, table.length * 2)
    place(table, slot, hash)
    this.#sizes[shard]!++
  }

  /** Reads where each belongs, which none waits for the other to do. */
  #touch(entries: Uint32Array, end: number): void {
    let touched = 0
    for (let at = 0; at < end; at += 2) {
      const hash = entries[at + 1]!
      const table = this.#tables[hash >>> 24]!
      if (table !== null) touched |= table[(hash << 1) & (table.length - 1)]!
    }
    this.#touched[0] = touched
  }

  #takeOut(slot: number, hash: number): void {
    const shard = hash >>> 24
    const table = this.#tables[shard]!
    if (table === null) return
    const mask = table.length - 1
    let at = (hash << 1) & mask
    while (table[at] !== slot || table[at + 1] !== hash) {
      if (table[at] === 0) return
      at = (at + 2) & mask
    }
    close(table, at)
    this.#sizes[shard]!--
    if (table.length > SMALLEST * 2 && this.#sizes[shard]! * 16 < table.length)
      this.#rebuild(shard, table, table.length / 2)
  }

  #rebuild(shard: number, table: Table, length: number): Table {
    const fresh = new Uint32Array(length)
    for (let at = 0; at < table.length; at += 2) if (table[at] !== 0) place(fresh, table[at]!, table[at + 1]!)
    this.#tables[shard] = fresh
    return fresh
  }

  #hash(slot: number): number {
    const chunk = this.#slots.of(slot)
    const row = slot & CHUNK_MASK
    return hashOf(this.#seed, chunk.queue[row]!, chunk.id0[row]!, chunk.id1[row]!, chunk.id2[row]!, chunk.id3[row]!)
  }
}

/** Of a UUID by its second word. */
const isVersion7 = (id1: number): boolean => (id1 & 0xf000) === 0x7000

function place(table: Table, slot: number, hash: number): void {
  const mask = table.length - 1
  let at = (hash << 1) & mask
  while (table[at] !== 0) at = (at + 2) & mask
  table[at] = slot
  table[at + 1] = hash
}

/** Moves back what was displaced by the entry that goes, so that no tombstones are needed. */
function close(table: Table, hole: number): void {
  const mask = table.length - 1
  for (let at = (hole + 2) & mask; table[at] !== 0; at = (at + 2) & mask) {
    const home = (table[at + 1]! << 1) & mask
    if (((at - home) & mask) < ((at - hole) & mask)) continue
    table[hole] = table[at]!
    table[hole + 1] = table[at + 1]!
    hole = at
  }
  table[hole] = 0
}

/** Mixes so that ids made in a row, or chosen badly, still spread (the finaliser of MurmurHash3). */
function hashOf(seed: number, queue: number, id0: number, id1: number, id2: number, id3: number): number {
  let hash = Math.imul(queue ^ seed, 0x9e3779b1) ^ id0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) ^ id1
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) ^ id2
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) ^ id3
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 16), 0x27d4eb2f)
  return (hash ^ (hash >>> 15)) >>> 0
}
