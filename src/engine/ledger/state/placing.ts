/**
 * Where messages stand, which follows from their columns: lists of what arrived, is ready, dead or ended, lines of keys, heaps of what falls
 * due, and the counts of their queues. Each change of state is one move, out of what the old state is in and into what the new one is in.
 */
import { ARRIVED, DEAD, DELAYED, FLAG, HELD, LEASED, READY } from '../entries.ts'
import { lineIn } from './message-column.ts'
import type { Queue } from './queue.ts'
import { SlotList } from './slot-list.ts'
import { CHUNK_MASK, type Chunk, type Slots } from './slots.ts'

/** Who wants to know of what moves. */
export interface PlacingListener {
  /** The queue must be looked at again for when it is next due. */
  touch(queue: Queue): void
  becameReady(queue: Queue): void
}

export class Placing {
  /** Ready as soon as their frame is durable, in the order of the decisions. */
  readonly arrived: SlotList
  /** The frame that must be durable before what becomes ready now may be handed out; 0: it may at once. */
  seatAfter = 0
  readonly #slots: Slots
  readonly #queue: (number: number) => Queue
  readonly #listener: PlacingListener

  constructor(slots: Slots, queue: (number: number) => Queue, listener: PlacingListener) {
    this.arrived = new SlotList(slots)
    this.#slots = slots
    this.#queue = queue
    this.#listener = listener
  }

  /** Puts a message where its state says. */
  link(slot: number, chunk: Chunk, row: number): void {
    const queue = this.#queue(chunk.queue[row]!)
    let state = chunk.state[row]!
    const flags = chunk.flags[row]!
    if ((flags & FLAG.head) !== 0) queue.lines.takeHead(lineIn(flags, chunk.key[row]!), slot)
    if (state === READY && this.seatAfter > 0) {
      state = chunk.state[row] = ARRIVED
      chunk.due[row] = this.seatAfter
    }
    if (state <= LEASED) queue.bytes += chunk.bytes[row]!
    if (state <= DELAYED) this.#awaitExpiry(slot, chunk, row, queue)
    this.#list(slot, state, chunk, row, queue)
  }

  #list(slot: number, state: number, chunk: Chunk, row: number, queue: Queue): void {
    queue.counts[state]!++
    this.#listener.touch(queue)
    if (state === READY) {
      queue.ready.add(slot)
      this.#listener.becameReady(queue)
    } else if (state === ARRIVED) this.arrived.append(slot)
    else if (state === HELD) queue.lines.hold(lineIn(chunk.flags[row]!, chunk.key[row]!), slot)
    else if (state === LEASED) queue.due.push(slot, chunk.due[row]!)
    else if (state === DELAYED)
      ((chunk.flags[row]! & FLAG.wallDue) !== 0 ? queue.wallDue : queue.due).push(slot, chunk.due[row]!)
    else (state === DEAD ? queue.dead : queue.ended).append(slot)
  }

  /** Takes a message out of where its state says. */
  unlink(slot: number, chunk: Chunk, row: number): void {
    const queue = this.#queue(chunk.queue[row]!)
    const state = chunk.state[row]!
    queue.counts[state]!--
    this.#listener.touch(queue)
    if (state <= LEASED) queue.bytes -= chunk.bytes[row]!
    if (state <= DELAYED && chunk.expires !== null && queue.expiryPlaces.has(slot)) {
      ;((chunk.flags[row]! & FLAG.wallExpires) !== 0 ? queue.wallExpiry : queue.expiry).remove(slot)
      queue.expiryPlaces.forget(slot)
    }
    if (state === READY) queue.ready.remove(slot)
    else if (state === ARRIVED) this.arrived.remove(slot)
    else if (state === HELD) queue.lines.unhold(lineIn(chunk.flags[row]!, chunk.key[row]!), slot)
    else if (state === LEASED) queue.due.remove(slot)
    else if (state === DELAYED) ((chunk.flags[row]! & FLAG.wallDue) !== 0 ? queue.wallDue : queue.due).remove(slot)
    else (state === DEAD ? queue.dead : queue.ended).remove(slot)
  }

  #awaitExpiry(slot: number, chunk: Chunk, row: number, queue: Queue): void {
    const expires = chunk.expires?.get(row)
    if (expires === undefined) return
    ;((chunk.flags[row]! & FLAG.wallExpires) !== 0 ? queue.wallExpiry : queue.expiry).push(slot, expires)
  }

  /** What arrived in frames up to this one is ready. */
  seat(frame: number): void {
    for (let slot = this.arrived.head; slot !== 0; slot = this.arrived.head) {
      const chunk = this.#slots.of(slot)
      const row = slot & CHUNK_MASK
      if (chunk.due[row]! > frame) return
      const queue = this.#queue(chunk.queue[row]!)
      this.arrived.remove(slot)
      queue.counts[ARRIVED]!--
      chunk.state[row] = READY
      chunk.due[row] = 0
      this.#list(slot, READY, chunk, row, queue)
    }
  }
}
