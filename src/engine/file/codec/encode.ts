/** The ledger's decisions into the open frame, as they are taken. The counterpart is decode.ts. */
import {
  READY,
  type DedupeRow,
  type Entries,
  type MessageRow,
  type QueueRow,
  type RecordRow,
  type SubscriptionRow,
  type TopicRow,
} from '../../ledger/entries.ts'
import { ADDED, ADDED_BYTES, OP } from './entry.ts'
import type { FrameWriter } from '../log/frame-writer.ts'

export class EntryEncoder implements Entries {
  readonly #out: FrameWriter

  constructor(out: FrameWriter) {
    this.#out = out
  }

  opened(era: number, now: number): void {
    const at = this.#begin(OP.opened, 13)
    this.#out.view.setUint32(at, era, true)
    this.#out.view.setFloat64(at + 4, now, true)
  }

  named(name: number, text: string): void {
    this.#number(OP.named, name)
    this.#text(text)
  }

  queueSet(row: QueueRow): void {
    this.#json(OP.queueSet, row)
  }

  queueGone(queue: number): void {
    this.#number(OP.queueGone, queue)
  }

  added(row: MessageRow): void {
    const bits = this.#bitsOf(row)
    const at = this.#begin(OP.added, ADDED_BYTES)
    const { view } = this.#out
    view.setUint16(at, bits, true)
    view.setUint8(at + 2, row.state)
    view.setUint8(at + 3, row.flags)
    view.setUint8(at + 4, row.priority)
    view.setUint32(at + 5, row.slot, true)
    view.setUint32(at + 9, row.queue, true)
    view.setUint32(at + 13, row.id0, true)
    view.setUint32(at + 17, row.id1, true)
    view.setUint32(at + 21, row.id2, true)
    view.setUint32(at + 25, row.id3, true)
    view.setUint32(at + 29, row.block, true)
    view.setUint32(at + 33, row.bytes, true)
    view.setFloat64(at + 37, row.seq, true)
    view.setFloat64(at + 45, row.sentAt, true)
    view.setUint32(at + 53, row.type, true)
    if (bits !== 0) this.#optional(row, bits)
  }

  readied(slot: number, place: number): void {
    this.#numberAndTime(OP.readied, slot, place)
  }

  held(slot: number, turn: number): void {
    this.#numberAndTime(OP.held, slot, turn)
  }

  delayed(slot: number, due: number, wall: boolean): void {
    this.#numberAndTime(OP.delayed, slot, due)
    this.#byte(wall ? 1 : 0)
  }

  leased(slot: number, handout: number, until: number, process: boolean): void {
    const at = this.#begin(OP.leased, 18)
    const { view } = this.#out
    view.setUint32(at, slot, true)
    view.setUint32(at + 4, handout, true)
    view.setFloat64(at + 8, until, true)
    view.setUint8(at + 16, process ? 1 : 0)
  }

  extended(slot: number, until: number): void {
    this.#numberAndTime(OP.extended, slot, until)
  }

  failed(slot: number, block: number, code: number): void {
    const at = this.#begin(OP.failed, 13)
    this.#out.view.setUint32(at, slot, true)
    this.#out.view.setUint32(at + 4, block, true)
    this.#out.view.setUint32(at + 8, code, true)
  }

  released(slot: number): void {
    this.#number(OP.released, slot)
  }

  cancelRequested(slot: number): void {
    this.#number(OP.cancelRequested, slot)
  }

  buried(slot: number, at: number, reason: number): void {
    this.#numberAndTime(OP.buried, slot, at)
    this.#uint32(reason)
  }

  redriven(slot: number): void {
    this.#number(OP.redriven, slot)
  }

  ended(slot: number, queue: number, state: number, at: number, reason: number, kept: boolean): void {
    const start = this.#begin(OP.ended, 23)
    const { view } = this.#out
    view.setUint32(start, slot, true)
    view.setUint32(start + 4, queue, true)
    view.setUint8(start + 8, state)
    view.setUint8(start + 9, kept ? 1 : 0)
    view.setFloat64(start + 10, at, true)
    view.setUint32(start + 18, reason, true)
  }

  forgotten(slot: number): void {
    this.#number(OP.forgotten, slot)
  }

  recordPut({ record, key, block, version, expiresAt, aliases }: RecordRow): void {
    const at = this.#begin(OP.recordPut, 27)
    const { view } = this.#out
    view.setUint32(at, record, true)
    view.setUint32(at + 4, block, true)
    view.setFloat64(at + 8, version, true)
    view.setFloat64(at + 16, expiresAt ?? Number.NaN, true)
    view.setUint16(at + 24, aliases.length, true)
    this.#text(key)
    for (const alias of aliases) this.#text(alias)
  }

  recordRemoved(record: number): void {
    this.#number(OP.recordRemoved, record)
  }

  topicSet(row: TopicRow): void {
    this.#json(OP.topicSet, row)
  }

  topicGone(topic: number): void {
    this.#number(OP.topicGone, topic)
  }

  retained(topic: number, position: number, at: number, block: number, type: number): void {
    const start = this.#begin(OP.retained, 29)
    const { view } = this.#out
    view.setUint32(start, topic, true)
    view.setFloat64(start + 4, position, true)
    view.setFloat64(start + 12, at, true)
    view.setUint32(start + 20, block, true)
    view.setUint32(start + 24, type, true)
  }

  trimmed(topic: number, position: number): void {
    this.#numberAndTime(OP.trimmed, topic, position)
  }

  subscriptionSet(row: SubscriptionRow): void {
    this.#json(OP.subscriptionSet, row)
  }

  subscriptionGaps(number: number, gaps: Parameters<Entries['subscriptionGaps']>[1]): void {
    this.#json(OP.subscriptionGaps, { number, gaps })
  }

  subscriptionGone(number: number): void {
    this.#number(OP.subscriptionGone, number)
  }

  deduped({ scope, name, text, id, until }: DedupeRow): void {
    const at = this.#begin(OP.deduped, 10)
    this.#out.view.setFloat64(at, until, true)
    this.#out.view.setUint8(at + 8, scope === 'queue' ? 0 : 1)
    this.#text(name)
    this.#text(text)
    this.#text(id)
  }

  remembered(id: string, until: number, results: string): void {
    const at = this.#begin(OP.remembered, 9)
    this.#out.view.setFloat64(at, until, true)
    this.#text(id)
    this.#text(results)
  }

  #bitsOf(row: MessageRow): number {
    let bits = row.state === READY && row.place === row.sentAt ? 0 : ADDED.place
    if (row.due !== 0) bits |= ADDED.due
    if (row.expires !== 0) bits |= ADDED.expires
    if (row.key !== 0) bits |= ADDED.key
    if (row.group !== 0) bits |= ADDED.group
    if (row.report !== 0) bits |= ADDED.report
    if (row.reason !== 0) bits |= ADDED.reason
    if (row.acquired !== 0) bits |= ADDED.acquired
    if (row.failed !== 0) bits |= ADDED.failed
    if (row.released !== 0) bits |= ADDED.released
    if (row.about !== 0) bits |= ADDED.about
    return bits
  }

  #optional(row: MessageRow, bits: number): void {
    if (bits & ADDED.place) this.#float64(row.place)
    if (bits & ADDED.due) this.#float64(row.due)
    if (bits & ADDED.expires) this.#float64(row.expires)
    if (bits & ADDED.key) this.#uint32(row.key)
    if (bits & ADDED.group) this.#uint32(row.group)
    if (bits & ADDED.report) this.#uint32(row.report)
    if (bits & ADDED.reason) this.#uint32(row.reason)
    if (bits & ADDED.acquired) this.#uint32(row.acquired)
    if (bits & ADDED.failed) this.#uint32(row.failed)
    if (bits & ADDED.released) this.#uint32(row.released)
    if (bits & ADDED.about) this.#uint32(row.about)
  }

  /** Index behind the opcode of an entry of so many bytes. */
  #begin(op: number, bytes: number): number {
    const at = this.#out.need(bytes)
    this.#out.view.setUint8(at, op)
    return at + 1
  }

  #number(op: number, number: number): void {
    const at = this.#begin(op, 5)
    this.#out.view.setUint32(at, number, true)
  }

  #numberAndTime(op: number, number: number, time: number): void {
    const at = this.#begin(op, 13)
    this.#out.view.setUint32(at, number, true)
    this.#out.view.setFloat64(at + 4, time, true)
  }

  #byte(value: number): void {
    const at = this.#out.need(1)
    this.#out.view.setUint8(at, value)
  }

  #uint32(value: number): void {
    const at = this.#out.need(4)
    this.#out.view.setUint32(at, value, true)
  }

  #float64(value: number): void {
    const at = this.#out.need(8)
    this.#out.view.setFloat64(at, value, true)
  }

  #text(text: string): void {
    writeText(this.#out, text)
  }

  /** For what changes seldom. */
  #json(op: number, value: unknown): void {
    this.#begin(op, 1)
    this.#text(JSON.stringify(value))
  }
}

/** Length, then UTF-8. */
export function writeText(out: FrameWriter, text: string): void {
  const at = out.need(4 + text.length * 3)
  const bytes = out.bytes.write(text, at + 4)
  out.view.setUint32(at, bytes, true)
  out.at = at + 4 + bytes
}
