/** One queue as the ledger has it: settings and totals, which are stored, and the lists, lines and heaps of its messages, which follow from the slots. */
import type { QueueSettings } from '../../../core/settings.ts'
import { ArrivalOrder } from './arrival-order.ts'
import { DueHeap, SparsePlaces, type HeapPlaces } from './due-heap.ts'
import {
  ACKED,
  ARRIVED,
  CANCELLED,
  DEAD,
  DELAYED,
  DISCARDED,
  EXPIRED,
  HELD,
  LEASED,
  READY,
  type QueueRow,
} from '../entries.ts'
import { KeyLines } from './key-line.ts'
import { Ready } from './ready.ts'
import { SlotList } from './slot-list.ts'
import { CHUNK_MASK, type Slots } from './slots.ts'

/** A subscription whose queue this is, as far as the queue must know. */
export interface Feeding {
  readonly row: { readonly number: number }
  readonly order: 'none' | 'key' | 'strict'
  readonly isLive: boolean
}

/** A queue that nothing is bound to any more goes after so long, as ended messages do. */
const UNBOUND_EXPIRY_MS = 3_600_000

export class Queue {
  readonly number: number
  readonly name: string
  settings: QueueSettings
  version: number
  unbound: boolean
  nextSeq = 1
  /** Endings since the queue began, by state. */
  readonly totals: Float64Array = new Float64Array(DISCARDED + 1)

  /** Messages by state. */
  readonly counts: Uint32Array = new Uint32Array(DISCARDED + 1)
  /** Size of what waits or is leased. */
  bytes = 0
  readonly ready: Ready
  readonly lines: KeyLines
  readonly arrivals: ArrivalOrder
  readonly dead: SlotList
  readonly ended: SlotList
  /** Leases, and delays on the engine's clock. */
  readonly due: DueHeap
  readonly wallDue: DueHeap
  readonly expiry: DueHeap
  readonly wallExpiry: DueHeap
  readonly expiryPlaces: SparsePlaces = new SparsePlaces()
  feeding: Feeding | null = null
  lastUsedAt = 0
  /** When it must be looked at next, on either clock. */
  nextDueAt: number = Infinity
  nextWallDueAt: number = Infinity
  /** Something happened that may change when it must be looked at next. */
  isTouched = false

  constructor(row: QueueRow, slots: Slots, places: HeapPlaces) {
    this.number = row.queue
    this.name = row.name
    this.settings = row.settings
    this.version = row.version
    this.unbound = row.unbound
    const earlier = (item: number, other: number): boolean =>
      slots.of(item).seq[item & CHUNK_MASK]! < slots.of(other).seq[other & CHUNK_MASK]!
    this.ready = new Ready(slots)
    this.lines = new KeyLines(slots)
    this.arrivals = new ArrivalOrder(slots)
    this.dead = new SlotList(slots)
    this.ended = new SlotList(slots)
    this.due = new DueHeap(places, earlier)
    this.wallDue = new DueHeap(places, earlier)
    this.expiry = new DueHeap(this.expiryPlaces, earlier)
    this.wallExpiry = new DueHeap(this.expiryPlaces, earlier)
  }

  /** Messages that wait or are leased: what limits count. */
  get living(): number {
    const { counts } = this
    return counts[ARRIVED]! + counts[READY]! + counts[HELD]! + counts[DELAYED]! + counts[LEASED]!
  }

  get leased(): number {
    return this.counts[LEASED]!
  }

  get endedCount(): number {
    const { counts } = this
    return counts[ACKED]! + counts[EXPIRED]! + counts[CANCELLED]! + counts[DISCARDED]!
  }

  get isEmpty(): boolean {
    return this.living === 0 && this.counts[DEAD] === 0
  }

  get idleExpiryMs(): number | null {
    return this.unbound ? UNBOUND_EXPIRY_MS : this.settings.idleExpiryMs
  }

  /** Whether so much more is beyond the limit. */
  isFull(messages: number, bytes: number): boolean {
    const { limit } = this.settings
    return (
      (limit.messages !== null && this.living + messages > limit.messages) ||
      (limit.bytes !== null && this.bytes + bytes > limit.bytes)
    )
  }

  isBelowHalf(): boolean {
    const { limit } = this.settings
    return (
      (limit.messages === null || this.living * 2 < limit.messages) &&
      (limit.bytes === null || this.bytes * 2 < limit.bytes)
    )
  }

  row(): QueueRow {
    return {
      queue: this.number,
      name: this.name,
      settings: this.settings,
      version: this.version,
      unbound: this.unbound,
    }
  }
}
