/**
 * Messages: their columns, and what follows from them: the id index, the order of arrival, references, and where each stands. While a log is
 * replayed only the columns are kept.
 */
import { DELAYED, FLAG, FREE, HELD, LEASED, READY, type MessageRow } from '../entries.ts'
import { IdIndex } from './id-index.ts'
import { lineIn, NO_LINE, writeColumns } from './message-column.ts'
import { Placing, type PlacingListener } from './placing.ts'
import type { Queue } from './queue.ts'
import { CHUNK_MASK, Slots, type Chunk, type HistoryItem } from './slots.ts'

/** Failures that are kept of a message. */
const KEPT_HISTORY = 10

/** What messages refer to, and who wants to know of them. */
export interface Surroundings extends PlacingListener {
  queue(number: number): Queue
  retainName(name: number): void
  releaseName(name: number): void
  retainBlock(block: number): void
  releaseBlock(block: number): void
}

export class MessageTable {
  readonly slots: Slots = new Slots()
  readonly ids: IdIndex = new IdIndex(this.slots)
  readonly placing: Placing
  /** Whether what follows from the columns is kept with them. */
  live = true
  readonly #around: Surroundings

  constructor(around: Surroundings) {
    this.#around = around
    this.placing = new Placing(this.slots, (number) => around.queue(number), around)
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
    writeColumns(chunk, slot & CHUNK_MASK, message)
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
    this.placing.link(slot, chunk, row)
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
    chunk.own('handout')[row] = handout
    chunk.due[row] = until
    chunk.own('acquired')[row]!++
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
    chunk.own('failed')[row]!++
    this.remember(chunk, row, { block, code })
  }

  /** Adds to the history of a message, of which only the last are kept. */
  remember(chunk: Chunk, row: number, item: HistoryItem): void {
    const history = (chunk.history ??= new Map()).get(row) ?? []
    if (this.live) this.#retain(item)
    history.push(item)
    if (history.length > KEPT_HISTORY) this.#release(history.shift())
    chunk.history.set(row, history)
  }

  release(slot: number): void {
    this.slots.of(slot).own('released')[slot & CHUNK_MASK]!++
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
    chunk.write('acquired', row, 0)
    chunk.write('failed', row, 0)
    chunk.write('released', row, 0)
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

  #move(slot: number, chunk: Chunk, row: number, state: number): void {
    this.#out(slot, chunk, row)
    this.#into(slot, chunk, row, state)
  }

  #out(slot: number, chunk: Chunk, row: number): void {
    if (this.live) this.placing.unlink(slot, chunk, row)
  }

  #into(slot: number, chunk: Chunk, row: number, state: number): void {
    chunk.state[row] = state
    if (this.live) this.placing.link(slot, chunk, row)
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
