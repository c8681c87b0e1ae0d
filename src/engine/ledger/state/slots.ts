/**
 * Messages as columns of numbers: a slot is a row, spread over the typed arrays of one chunk. Slots are named from 1 in lists, tokens
 * and the log; freed ones are used again, last freed first. Columns that many messages do not use (a key, a group, counts of hand-outs and failures) are
 * made for a chunk when first needed; what few messages have (an expiry, a reason, failures) is in small maps.
 */
import { lastingMemory } from './lasting-memory.ts'

/** Slots of a chunk: the step of growth and the range that a checkpoint copies at once. */
export const CHUNK_SLOTS = 16_384
export const CHUNK_SHIFT = 14
export const CHUNK_MASK: number = CHUNK_SLOTS - 1

const ROW_BYTES = 84

/** What a column that a chunk has not needed yet reads as. Nobody writes to it. */
const ZEROS = new Uint32Array(CHUNK_SLOTS)

export type LateColumn = 'key' | 'group' | 'report' | 'failed' | 'released' | 'handout' | 'acquired'

/** A late column to be read: `write` writes, because a chunk that has not needed it shares it with all the others that have not. */
export interface LateNumbers {
  readonly [row: number]: number
}

/** A failure of a message: the block that holds it, and the name of its code. */
export interface HistoryItem {
  readonly block: number
  readonly code: number
}

export const LATE_COLUMNS: readonly LateColumn[] = [
  'key',
  'group',
  'report',
  'failed',
  'released',
  'handout',
  'acquired',
]

export class Chunk {
  readonly place: Float64Array
  readonly due: Float64Array
  readonly seq: Float64Array
  readonly sentAt: Float64Array
  /** In a list: the slot after this. LEASED: the era of the lease. */
  readonly next: Uint32Array
  readonly id0: Uint32Array
  readonly id1: Uint32Array
  readonly id2: Uint32Array
  readonly id3: Uint32Array
  readonly queue: Uint32Array
  readonly block: Uint32Array
  readonly bytes: Uint32Array
  readonly type: Uint32Array
  key: LateNumbers = ZEROS
  group: LateNumbers = ZEROS
  report: LateNumbers = ZEROS
  failed: LateNumbers = ZEROS
  released: LateNumbers = ZEROS
  /** Hand-outs of the slot, whichever message was in it: it never goes back, so that an old token never fits again. */
  handout: LateNumbers = ZEROS
  acquired: LateNumbers = ZEROS
  readonly state: Uint8Array
  readonly flags: Uint8Array
  readonly priority: Uint8Array
  /** In a list: the slot before this. In a heap: the position there. Derived, like the two below. */
  readonly prev: Uint32Array
  /** The queue's messages in order of arrival. */
  readonly later: Uint32Array
  readonly earlier: Uint32Array

  expires: Map<number, number> | null = null
  reason: Map<number, number> | null = null
  about: Map<number, number> | null = null
  history: Map<number, HistoryItem[]> | null = null

  constructor() {
    const buffer = lastingMemory(CHUNK_SLOTS * ROW_BYTES)
    let at = 0
    const column = <T>(
      make: new (buffer: SharedArrayBuffer, offset: number, length: number) => T,
      width: number,
    ): T => {
      const array = new make(buffer, at, CHUNK_SLOTS)
      at += CHUNK_SLOTS * width
      return array
    }
    this.place = column(Float64Array, 8)
    this.due = column(Float64Array, 8)
    this.seq = column(Float64Array, 8)
    this.sentAt = column(Float64Array, 8)
    this.next = column(Uint32Array, 4)
    this.id0 = column(Uint32Array, 4)
    this.id1 = column(Uint32Array, 4)
    this.id2 = column(Uint32Array, 4)
    this.id3 = column(Uint32Array, 4)
    this.queue = column(Uint32Array, 4)
    this.block = column(Uint32Array, 4)
    this.bytes = column(Uint32Array, 4)
    this.type = column(Uint32Array, 4)
    this.state = column(Uint8Array, 1)
    this.flags = column(Uint8Array, 1)
    this.priority = column(Uint8Array, 1)
    at += CHUNK_SLOTS
    this.prev = column(Uint32Array, 4)
    this.later = column(Uint32Array, 4)
    this.earlier = column(Uint32Array, 4)
  }

  write(column: LateColumn, row: number, value: number): void {
    if (value !== 0 || this[column] !== ZEROS) this.own(column)[row] = value
  }

  has(column: LateColumn): boolean {
    return this[column] !== ZEROS
  }

  /** The column, made where the chunk has not needed it yet. */
  own(column: LateColumn): Uint32Array {
    if (this[column] === ZEROS)
      this[column] = new Uint32Array(lastingMemory(CHUNK_SLOTS * Uint32Array.BYTES_PER_ELEMENT))
    return this[column] as Uint32Array
  }

  /** The stored columns, in the order in which checkpoints have them; behind them come those in `LATE_COLUMNS`. */
  stored(): readonly (Float64Array | Uint32Array | Uint8Array)[] {
    return [
      this.place,
      this.due,
      this.seq,
      this.sentAt,
      this.next,
      this.id0,
      this.id1,
      this.id2,
      this.id3,
      this.queue,
      this.block,
      this.bytes,
      this.type,
      this.state,
      this.flags,
      this.priority,
    ]
  }
}

export class Slots {
  readonly chunks: Chunk[] = []
  /** The highest slot ever used. */
  high = 0
  #free = 0

  of(slot: number): Chunk {
    return this.chunks[slot >>> CHUNK_SHIFT]!
  }

  /** The slot that the next `take` takes. */
  next(): number {
    return this.#free === 0 ? this.high + 1 : this.#free
  }

  take(): number {
    if (this.#free === 0) {
      this.reach(this.high + 1)
      return this.high
    }
    const slot = this.#free
    this.#free = this.of(slot).next[slot & CHUNK_MASK]!
    return slot
  }

  /** Makes room for a slot that was given elsewhere: on replay. */
  reach(slot: number): void {
    while (slot >>> CHUNK_SHIFT >= this.chunks.length) this.chunks.push(new Chunk())
    if (slot > this.high) this.high = slot
  }

  free(slot: number): void {
    this.of(slot).next[slot & CHUNK_MASK] = this.#free
    this.#free = slot
  }
}
