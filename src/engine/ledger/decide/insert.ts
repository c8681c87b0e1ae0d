/** Puts a message into a queue: every column is decided here, whoever sends it. */
import { type Message } from '../../../core/message.ts'
import { parseUuid, words } from '../../../core/uuid.ts'
import type { Desk } from './desk.ts'
import { DELAYED, FLAG, HELD, READY, type MessageRow } from '../entries.ts'
import { STRICT_LINE } from '../state/key-line.ts'
import type { Queue } from '../state/queue.ts'

/** One row for all: inserting must not make garbage. */
const row: MessageRow = {
  slot: 0,
  queue: 0,
  id0: 0,
  id1: 0,
  id2: 0,
  id3: 0,
  block: 0,
  bytes: 0,
  state: READY,
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

/** Whether the queue has a message of that id, waiting, leased, dead or kept. */
export function slotOfId(desk: Desk, queue: Queue, id: string): number {
  parseUuid(id)
  return desk.state.messages.ids.find(queue.number, words[0]!, words[1]!, words[2]!, words[3]!)
}

/** Sends a message, of which the content is in `block`, and which is not in the queue yet. `about`: see `MessageRow`. */
export function insert(desk: Desk, queue: Queue, message: Message, block: number, about = 0): void {
  describe(desk, queue, message, block)
  row.about = about
  const { delay } = message
  if (delay !== undefined && !desk.isPast(delay)) {
    row.state = DELAYED
    row.due = desk.momentOf(delay)
    if ('at' in delay) row.flags |= FLAG.wallDue
  } else placeNow(desk, queue, row)
  desk.isDirty = true
  desk.effects.added(row)
}

/** All columns but those of state, place and counts: as of a message that was just sent. */
export function describe(desk: Desk, queue: Queue, message: Message, block: number): MessageRow {
  const { effects, state } = desk
  const { names } = state
  parseUuid(message.id)
  row.slot = state.messages.slots.next()
  row.queue = queue.number
  row.id0 = words[0]!
  row.id1 = words[1]!
  row.id2 = words[2]!
  row.id3 = words[3]!
  row.block = block
  row.bytes = message.body.byteLength
  row.priority = message.priority
  row.seq = queue.nextSeq
  row.sentAt = desk.now
  row.place = 0
  row.due = 0
  row.key = message.key === undefined ? 0 : names.intern(message.key, effects)
  row.group = message.group === undefined ? 0 : names.intern(message.group, effects)
  row.type = names.intern(message.event.type, effects)
  row.report = message.report === undefined ? 0 : names.intern(message.report, effects)
  row.reason = 0
  row.acquired = 0
  row.failed = 0
  row.released = 0
  row.about = 0
  row.flags = orderFlags(queue)
  row.expires = 0
  if (message.expires !== undefined) expireAt(row, desk.momentOf(message.expires), 'at' in message.expires)
  queue.lastUsedAt = desk.now
  return row
}

export function expireAt(message: MessageRow, at: number, wall: boolean): void {
  // 0 means never in the column; what expired at the epoch expired a millisecond later as well.
  message.expires = Math.max(at, 1)
  if (wall) message.flags |= FLAG.wallExpires
}

/** READY now, or HELD where its line is busy. */
export function placeNow(desk: Desk, queue: Queue, message: MessageRow): void {
  const isLined = (message.flags & FLAG.strict) !== 0 || (message.key !== 0 && (message.flags & FLAG.unlined) === 0)
  if (isLined && queue.lines.isBusy((message.flags & FLAG.strict) !== 0 ? STRICT_LINE : message.key)) {
    message.state = HELD
    message.place = desk.state.turn + 1
    return
  }
  message.state = READY
  message.place = desk.now
  if (isLined) message.flags |= FLAG.head
}

function orderFlags(queue: Queue): number {
  const order = queue.feeding?.order
  return order === 'strict' ? FLAG.strict : order === 'none' ? FLAG.unlined : 0
}
