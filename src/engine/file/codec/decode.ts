/** The entries of a frame back from bytes, given to whoever replays them. The counterpart is encode.ts. */
import type { StoredSubscription } from '../../../core/settings.ts'
import {
  READY,
  type Entries,
  type MessageRow,
  type QueueRow,
  type SubscriptionRow,
  type TopicRow,
} from '../../ledger/entries.ts'
import { ADDED, BLOCK_PREFIX_BYTES, OP } from './entry.ts'

/** A stretch of bytes that is read from front to back. */
export class EntryReader {
  readonly bytes: Buffer
  readonly view: DataView
  at: number
  readonly end: number
  /** Used again for every message: who is given it copies what he needs. */
  readonly row: MessageRow = emptyRow()

  constructor(bytes: Buffer, from: number, end: number) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = from
    this.end = end
  }

  uint8(): number {
    return this.view.getUint8(this.#step(1))
  }

  uint16(): number {
    return this.view.getUint16(this.#step(2), true)
  }

  uint32(): number {
    return this.view.getUint32(this.#step(4), true)
  }

  float64(): number {
    return this.view.getFloat64(this.#step(8), true)
  }

  text(): string {
    const length = this.uint32()
    const at = this.#step(length)
    return this.bytes.toString('utf8', at, at + length)
  }

  skip(bytes: number): number {
    return this.#step(bytes)
  }

  #step(bytes: number): number {
    const at = this.at
    if (at + bytes > this.end) throw new RangeError(`an entry ends ${at + bytes - this.end} bytes behind its frame`)
    this.at = at + bytes
    return at
  }
}

/** Who is told where a block lies: `at` is the index of its length. */
export type OnBlock = (block: number, at: number, lengthBytes: number) => void

/** Gives every entry to `to`. @throws RangeError or SyntaxError where the bytes make no sense */
export function decodeEntries(reader: EntryReader, to: Entries, onBlock: OnBlock): void {
  while (reader.at < reader.end) {
    const op = reader.uint8()
    if (op === OP.none) return
    decodeEntry(reader, op, to, onBlock)
  }
}

function decodeEntry(from: EntryReader, op: number, to: Entries, onBlock: OnBlock): void {
  switch (op) {
    case OP.block: {
      const block = from.uint32()
      const at = from.at
      const lengthBytes = from.uint32()
      from.skip(BLOCK_PREFIX_BYTES - 4 + lengthBytes)
      return onBlock(block, at, lengthBytes)
    }
    case OP.added:
      return to.added(readRow(from))
    case OP.leased:
      return to.leased(from.uint32(), from.uint32(), from.float64(), from.uint8() === 1)
    case OP.ended: {
      const [slot, queue, state, kept] = [from.uint32(), from.uint32(), from.uint8(), from.uint8() === 1]
      return to.ended(slot, queue, state, from.float64(), from.uint32(), kept)
    }
    case OP.readied:
      return to.readied(from.uint32(), from.float64())
    case OP.held:
      return to.held(from.uint32(), from.float64())
    case OP.delayed:
      return to.delayed(from.uint32(), from.float64(), from.uint8() === 1)
    case OP.extended:
      return to.extended(from.uint32(), from.float64())
    case OP.failed:
      return to.failed(from.uint32(), from.uint32(), from.uint32())
    case OP.released:
      return to.released(from.uint32())
    case OP.cancelRequested:
      return to.cancelRequested(from.uint32())
    case OP.buried:
      return to.buried(from.uint32(), from.float64(), from.uint32())
    case OP.redriven:
      return to.redriven(from.uint32())
    case OP.forgotten:
      return to.forgotten(from.uint32())
    case OP.named:
      return to.named(from.uint32(), from.text())
    case OP.opened:
      return to.opened(from.uint32(), from.float64())
    default:
      return decodeSeldom(from, op, to)
  }
}

function decodeSeldom(from: EntryReader, op: number, to: Entries): void {
  switch (op) {
    case OP.queueSet:
      return to.queueSet(JSON.parse(from.text()) as QueueRow)
    case OP.queueGone:
      return to.queueGone(from.uint32())
    case OP.recordPut:
      return readRecord(from, to)
    case OP.recordRemoved:
      return to.recordRemoved(from.uint32())
    case OP.topicSet:
      return to.topicSet(JSON.parse(from.text()) as TopicRow)
    case OP.topicGone:
      return to.topicGone(from.uint32())
    case OP.retained:
      return to.retained(from.uint32(), from.float64(), from.float64(), from.uint32(), from.uint32())
    case OP.trimmed:
      return to.trimmed(from.uint32(), from.float64())
    case OP.subscriptionSet:
      return to.subscriptionSet(JSON.parse(from.text()) as SubscriptionRow)
    case OP.subscriptionGaps: {
      const { number, gaps } = JSON.parse(from.text()) as {
        readonly number: number
        readonly gaps: StoredSubscription['gaps']
      }
      return to.subscriptionGaps(number, gaps)
    }
    case OP.subscriptionGone:
      return to.subscriptionGone(from.uint32())
    case OP.deduped: {
      const [until, scope] = [from.float64(), from.uint8() === 0 ? 'queue' : 'topic'] as const
      return to.deduped({ scope, name: from.text(), text: from.text(), id: from.text(), until })
    }
    case OP.remembered: {
      const until = from.float64()
      return to.remembered(from.text(), until, from.text())
    }
    default:
      throw new RangeError(`no entry has the opcode ${op}`)
  }
}

function emptyRow(): MessageRow {
  return {
    slot: 0,
    queue: 0,
    id0: 0,
    id1: 0,
    id2: 0,
    id3: 0,
    block: 0,
    bytes: 0,
    state: 0,
    flags: 0,
    priority: 0,
    seq: 0,
    sentAt: 0,
    place: 0,
    due: 0,
    expires: 0,
    key: 0,
    group: 0,
    type: 0,
    report: 0,
    reason: 0,
    acquired: 0,
    failed: 0,
    released: 0,
    about: 0,
  }
}

function readRow(from: EntryReader): MessageRow {
  const { row } = from
  const bits = from.uint16()
  row.state = from.uint8()
  row.flags = from.uint8()
  row.priority = from.uint8()
  row.slot = from.uint32()
  row.queue = from.uint32()
  row.id0 = from.uint32()
  row.id1 = from.uint32()
  row.id2 = from.uint32()
  row.id3 = from.uint32()
  row.block = from.uint32()
  row.bytes = from.uint32()
  row.seq = from.float64()
  row.sentAt = from.float64()
  row.type = from.uint32()
  row.place = bits & ADDED.place ? from.float64() : row.state === READY ? row.sentAt : 0
  row.due = bits & ADDED.due ? from.float64() : 0
  row.expires = bits & ADDED.expires ? from.float64() : 0
  row.key = bits & ADDED.key ? from.uint32() : 0
  row.group = bits & ADDED.group ? from.uint32() : 0
  row.report = bits & ADDED.report ? from.uint32() : 0
  row.reason = bits & ADDED.reason ? from.uint32() : 0
  row.acquired = bits & ADDED.acquired ? from.uint32() : 0
  row.failed = bits & ADDED.failed ? from.uint32() : 0
  row.released = bits & ADDED.released ? from.uint32() : 0
  row.about = bits & ADDED.about ? from.uint32() : 0
  return row
}

function readRecord(from: EntryReader, to: Entries): void {
  const [record, block, version, expires, aliases] = [
    from.uint32(),
    from.uint32(),
    from.float64(),
    from.float64(),
    from.uint16(),
  ]
  const key = from.text()
  to.recordPut({
    record,
    key,
    block,
    version,
    expiresAt: Number.isNaN(expires) ? null : expires,
    aliases: Array.from({ length: aliases }, () => from.text()),
  })
}
