/**
 * Messages: their columns, and what follows from them (id index, order of arrival, lists, lines, heaps, counts). Each change of state is one
 * move: out of what the old state is in, into what the new one is in. While a log is replayed only the columns are kept.
 */
import { ARRIVED, DEAD, DELAYED, FLAG, FREE, HELD, LEASED, READY, type MessageRow } from './entries.ts'
import { IdIndex } from './id-index.ts'
import { STRICT_LINE } from './key-line.ts'
import type { Queue } from './queue.ts'
import { SlotList } from './slot-list.ts'
import { CHUNK_MASK, Slots, type Chunk, type HistoryItem } from './slots.ts'

/** No line: the message waits for nobody. */
export const NO_LINE = -1

/** Failures that are kept of a message. */
const KEPT_HISTORY = 10

/** What messages refer to, and who wants to know of them. */
export interface Surroundings {
  queue(number: number): Queue
  retainName(name: number): void
  releaseName(name: number): void
  retainBlock(block: number): void
  releaseBlock(block: number): void
  /** The queue must be looked at again for when it is next due. */
  touch(queue: Queue): void
  becameReady(queue: Queue): void
}

export class MessageTable {
  readonly slots: Slots = new Slots()
  readonly ids: IdIndex = new IdIndex(this.slots)
  /** Ready as soon as their frame is durable, in the order of the decisions. */
  readonly arrived: SlotList = new SlotList(this.slots)
  /** Whether what follows from the columns is kept with them. */
  live = true
  /** The frame that must be durable before what becomes ready now may be handed out; 0: it may at once. */
  seatAfter = 0
  readonly #around: Surroundings

  constructor(around: Surroundings) {
    this.#around = around
  }

  /** The line in which a message stands: a key's name, `STRICT_LINE` or `NO_LINE`. */
  lineOf(slot: number): number {
    const chunk = this.slots.of(slot)
    const row = slot & CHUNK_MASK
    return lineIn(chunk.flags[row]!, chunk.key[row]!)
  }

  add(message: MessageRow): void {
    const { slot } = message
    if (this.live) this.slots.take()
    else this.slots.reach(slot)
    const chunk = this.slots.of(slot)
    write(chunk, slot & CHUNK_MASK, message)
    if (!this.live) return
    this.register(slot)
    this.link(slot)
  }

  /** Counts what a message refers to, and makes it known by its id and its arrival. */
  register(slot: number): void {
    const chunk = this.slots.of(slot)
    const row = slot & CHUNK_MASK
    const around = this.#around
    around.retainName(chunk.key[row]!)
    around.retainName(chunk.group[row]!)
    around.retainName(chunk.type[row]!)
    around.retainName(chunk.report[row]!)
    around.retainName(chunk.reason?.get(row) ?? 0)
    around.retainBlock(chunk.block[row]!)
    const about = chunk.about?.get(row)
    if (about !== undefined) around.retainBlock(about)
    for (const item of chunk.history?.get(row) ?? []) this.#retain(item)
    this.ids.add(slot)
    around.queue(chunk.queue[row]!).arrivals.append(slot)
  }

  /** Puts a message where its state says. */
  link(slot: number): void {
    const chunk = this.slots.of(slot)
    const row = slot & CHUNK_MASK
    this.#link(slot, chunk, row, this.#around.queue(chunk.queue[row]!))
  }

  ready(slot: number, place: number): void {
    const chunk = this.slots.of(slot)
    const row = slot & CHUNK_MASK
    chunk.place[row] = place
    if (lineIn(chunk.flags[row]!, chunk.key[row]!) !== NO_LINE) chunk.flags[row]! |= FLAG.head
    this.#move(slot, chunk, row, READY)
  }

  hold(slot: number, turn: number): void {
    const chunk = this.slots.of(slot)
    const row = slot & CHUNK_MASK
    chunk.place[row] = turn
    this.#move(slot, chunk, row, HELD)
  }

  delay(slot: number, due: number, wall: boolean): void {
    const chunk = this.slots.of(slot)
    const row = slot & CHUNK_MASK
    this.#out(slot, chunk, row)
    chunk.due[row] = due
    chunk.flags[row] = wall ? chunk.flags[row]! | FLAG.wallDue : chunk.flags[row]! & ~FLAG.wallDue
    this.#into(slot, chunk, row, DELAYED)
  }

  lease(slot: number, handout: number, until: number, process: boolean, era: number): void {
    const chunk = this.slots.of(slot)
    const row = slot & CHUNK_MASK
    this.#out(slot, chunk, row)
    chunk.handout[row] = handout
    chunk.due[row] = until
    chunk.acquired[row]!++
    chunk.flags[row] = process ? chunk.flags[row]! | FLAG.processHolder : chunk.flags[row]! & ~FLAG.processHolder
    this.#into(slot, chunk, row, LEASED)
    chunk.next[row] = era
  }

  extend(slot: number, until: number): void {
    const chunk = this.slots.of(slot)
    const row = slot & CHUNK_MASK
    chunk.due[row] = until
    if (!this.live) return
    const queue = this.#around.queue(chunk.queue[row]!)
    queue.due.change(slot, until)
    this.#around.touch(queue)
  }

  fail(slot: number, block: number, code: number): void {
    const chunk = this.slots.of(slot)
    const row = slot & CHUNK_MASK
    chunk.failed[row]!++
    this.remember(chunk, row, { block, code })
  }

  /** Adds to the history of a message, of which only the last are kept. */
  remember(chunk: Chunk, row: number, item: HistoryItem): void {
    const history = (chunk.history ??= new Map()).get(row) ?? []
    if (this.live) this.#retain(item)
    history.push(item)
    if (history.length > KEPT_HISTORY) this.#release(history.shift()!)
    chunk.history.set(row, history)
  }

  release(slot: number): void {
    this.slots.of(slot).released[slot & CHUNK_MASK]!++
  }

  requestCancel(slot: number): void {
    this.slots.of(slot).flags[slot & CHUNK_MASK]! |= FLAG.cancelRequested
  }

  /** DEAD or an ended state, kept. */
  finish(slot: number, state: number, at: number, reason: number): void {
    const chunk = this.slots.of(slot)
    const row = slot & CHUNK_MASK
    this.#out(slot, chunk, row)
    this.#leaveLine(slot, chunk, row)
    chunk.due[row] = at
    this.#setReason(chunk, row, reason)
    this.#into(slot, chunk, row, state)
  }

  redrive(slot: number): void {
    const chunk = this.slots.of(slot)
    const row = slot & CHUNK_MASK
    chunk.acquired[row] = 0
    chunk.failed[row] = 0
    chunk.released[row] = 0
    chunk.flags[row]! &= ~FLAG.cancelRequested
    this.#setReason(chunk, row, 0)
  }

  /** The message is no more. */
  free(slot: number): void {
    const chunk = this.slots.of(slot)
    const row = slot & CHUNK_MASK
    if (this.live) {
      this.#out(slot, chunk, row)
      this.#leaveLine(slot, chunk, row)
      this.#dismiss(slot, chunk, row)
    }
    chunk.state[row] = FREE
    chunk.expires?.delete(row)
    chunk.reason?.delete(row)
    chunk.about?.delete(row)
    chunk.history?.delete(row)
    if (this.live) this.slots.free(slot)
  }

  /** What arrived in frames up to this one is ready. */
  seat(frame: number): void {
    for (let slot = this.arrived.head; slot !== 0; slot = this.arrived.head) {
      const chunk = this.slots.of(slot)
      const row = slot & CHUNK_MASK
      if (chunk.due[row]! > frame) return
      const queue = this.#around.queue(chunk.queue[row]!)
      this.arrived.remove(slot)
      queue.counts[ARRIVED]!--
      chunk.state[row] = READY
      chunk.due[row] = 0
      this.#list(slot, READY, chunk, row, queue)
    }
  }

  #move(slot: number, chunk: Chunk, row: number, state: number): void {
    this.#out(slot, chunk, row)
    this.#into(slot, chunk, row, state)
  }

  #out(slot: number, chunk: Chunk, row: number): void {
    if (this.live) this.#unlink(slot, chunk, row, this.#around.queue(chunk.queue[row]!))
  }

  #into(slot: number, chunk: Chunk, row: number, state: number): void {
    chunk.state[row] = state
    if (this.live) this.#link(slot, chunk, row, this.#around.queue(chunk.queue[row]!))
  }

  #link(slot: number, chunk: Chunk, row: number, queue: Queue): void {
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
    this.#around.touch(queue)
    if (state === READY) {
      queue.ready.add(slot)
      this.#around.becameReady(queue)
    } else if (state === ARRIVED) this.arrived.append(slot)
    else if (state === HELD) queue.lines.hold(lineIn(chunk.flags[row]!, chunk.key[row]!), slot)
    else if (state === LEASED) queue.due.push(slot, chunk.due[row]!)
    else if (state === DELAYED) ((chunk.flags[row]! & FLAG.wallDue) !== 0 ? queue.wallDue : queue.due).push(slot, chunk.due[row]!)
    else (state === DEAD ? queue.dead : queue.ended).append(slot)
  }

  #unlink(slot: number, chunk: Chunk, row: number, queue: Queue): void {
    const state = chunk.state[row]!
    queue.counts[state]!--
    this.#around.touch(queue)
    if (state <= LEASED) queue.bytes -= chunk.bytes[row]!
    if (state <= DELAYED && queue.expiryPlaces.has(slot)) {
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

  #leaveLine(slot: number, chunk: Chunk, row: number): void {
    const flags = chunk.flags[row]!
    if ((flags & FLAG.head) === 0) return
    chunk.flags[row] = flags & ~FLAG.head
    if (this.live) this.#around.queue(chunk.queue[row]!).lines.leaveHead(lineIn(flags, chunk.key[row]!), slot)
  }

  #setReason(chunk: Chunk, row: number, reason: number): void {
    if (this.live) {
      this.#around.retainName(reason)
      this.#around.releaseName(chunk.reason?.get(row) ?? 0)
    }
    if (reason === 0) chunk.reason?.delete(row)
    else (chunk.reason ??= new Map()).set(row, reason)
  }

  #dismiss(slot: number, chunk: Chunk, row: number): void {
    const around = this.#around
    this.ids.remove(slot)
    around.queue(chunk.queue[row]!).arrivals.remove(slot)
    around.releaseName(chunk.key[row]!)
    around.releaseName(chunk.group[row]!)
    around.releaseName(chunk.type[row]!)
    around.releaseName(chunk.report[row]!)
    around.releaseName(chunk.reason?.get(row) ?? 0)
    around.releaseBlock(chunk.block[row]!)
    const about = chunk.about?.get(row)
    if (about !== undefined) around.releaseBlock(about)
    for (const item of chunk.history?.get(row) ?? []) this.#release(item)
  }

  #retain({ block, code }: HistoryItem): void {
    this.#around.retainBlock(block)
    this.#around.retainName(code)
  }

  #release({ block, code }: HistoryItem): void {
    if (!this.live) return
    this.#around.releaseBlock(block)
    this.#around.releaseName(code)
  }
}

function lineIn(flags: number, key: number): number {
  if ((flags & FLAG.strict) !== 0) return STRICT_LINE
  return key === 0 || (flags & FLAG.unlined) !== 0 ? NO_LINE : key
}

function write(chunk: Chunk, row: number, message: MessageRow): void {
  chunk.place[row] = message.place
  chunk.due[row] = message.due
  chunk.seq[row] = message.seq
  chunk.sentAt[row] = message.sentAt
  chunk.next[row] = 0
  chunk.id0[row] = message.id0
  chunk.id1[row] = message.id1
  chunk.id2[row] = message.id2
  chunk.id3[row] = message.id3
  chunk.queue[row] = message.queue
  chunk.block[row] = message.block
  chunk.bytes[row] = message.bytes
  chunk.key[row] = message.key
  chunk.group[row] = message.group
  chunk.type[row] = message.type
  chunk.report[row] = message.report
  chunk.acquired[row] = message.acquired
  chunk.failed[row] = message.failed
  chunk.released[row] = message.released
  chunk.state[row] = message.state
  chunk.flags[row] = message.flags
  chunk.priority[row] = message.priority
  if (message.expires !== 0) (chunk.expires ??= new Map()).set(row, message.expires)
  if (message.reason !== 0) (chunk.reason ??= new Map()).set(row, message.reason)
  if (message.about !== 0) (chunk.about ??= new Map()).set(row, message.about)
}
