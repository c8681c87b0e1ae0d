/** Puts a message into a queue: every column is decided here, whoever sends it. */
import type { When } from '../../../core/message.ts'
import { bodySize, type Attributes, type Content } from '../wire/content.ts'
import type { Desk } from '../desk.ts'
import type { Sent } from '../wire/request.ts'
import {
  DELAYED,
  HELD,
  INLINE_BYTES,
  INSERT_CONTENT,
  INSERT_MESSAGE,
  READY,
  SEQ_OF_ID,
  STRICT_LINE,
} from '../state/message.ts'
import type { Queue } from '../state/queue.ts'
import { isBusy } from './place.ts'
import { tellSent } from './tell.ts'

/** A message about to be put into queues. */
export interface Incoming extends Content {
  readonly id: string
  readonly type: string
  readonly priority: number
  readonly key: string | null
  readonly report: string | null
  readonly dedupe: string | null
  readonly delay: When | null
  readonly expires: When | null
  /** Under which number its content is stored already, for all who hold it; null: nowhere. */
  readonly shared: number | null
}

export function incoming(desk: Desk, sent: Sent): Incoming {
  const [id, type, priority, key, report, dedupe, delay, expires, offset, split, length] = sent
  const bytes = desk.bytes.subarray(offset, offset + length)
  return { id, type, priority, key, report, dedupe, delay, expires, split, bytes, shared: null }
}

/** Whether the queue has a message of that id, waiting, leased, dead or kept. */
export function hasId(desk: Desk, queue: Queue, id: string): boolean {
  return (
    desk.bundles.find(queue.id, id) !== undefined || desk.statements.of(SEQ_OF_ID).first(queue.id, id) !== undefined
  )
}

/** What a message that was taken over from another engine brings along. */
export interface Past {
  /** null: placed as if it were sent now. */
  readonly state: number | null
  readonly due: number | null
  readonly sentAt: number
  readonly acquired: number
  readonly failed: number
  readonly released: number
  readonly endedAt: number | null
  readonly reason: string | null
}

/** The number of the message; null where the queue has one of that id, waiting, leased, dead or kept. */
export function insert(desk: Desk, queue: Queue, message: Incoming, past: Past | null = null): number | null {
  const seq = place(desk, queue, message, past)
  if (seq !== null && message.shared !== null) desk.shared.hold(message.shared)
  return seq
}

function place(desk: Desk, queue: Queue, message: Incoming, past: Past | null): number | null {
  const line = lineOf(desk, queue, message.key)
  const bundled = past === null && line === null && isPlain(desk, message) ? bundle(desk, queue, message) : null
  if (bundled !== null) return bundled
  // What comes alone stands behind what came together before it.
  desk.bundles.close(queue.id)
  if (desk.bundles.find(queue.id, message.id) !== undefined) return null
  desk.bundles.note(queue.id, message.id)
  return insertAlone(desk, queue, message, line, past)
}

/** It waits for nothing and expires never: it is ready until it is handed out. */
function isPlain(desk: Desk, { delay, expires, bytes, shared }: Incoming): boolean {
  const isSmall = shared !== null || bytes.byteLength <= INLINE_BYTES
  return (delay === null || desk.isPast(delay)) && expires === null && isSmall
}

function bundle(desk: Desk, queue: Queue, message: Incoming): number | null {
  const seq = desk.bundles.add(queue.id, 9 - message.priority, desk.now, message, () => desk.nextBundle())
  if (seq === null) return null
  desk.isDirty = true
  desk.queues.change(queue).enter(READY, bodySize(message))
  desk.use(queue)
  desk.notices.queue(queue.name)
  tellSent(desk, queue, message, { sentAt: desk.now, acquired: 0, failed: 0 })
  return seq
}

function insertAlone(
  desk: Desk,
  queue: Queue,
  message: Incoming,
  line: string | null,
  past: Past | null,
): number | null {
  const seq = desk.nextSeq()
  const { expires, split } = message
  const bytes = bodySize(message)
  const { shared } = message
  const isLarge = shared === null && message.bytes.byteLength > INLINE_BYTES
  const at = placeOf(desk, queue, message, line, past)
  const { now } = desk
  const start = past?.sentAt ?? now
  const expiresAt = expires === null || 'at' in expires ? null : start + expires.afterMs
  const wallExpires = expires !== null && 'at' in expires ? expires.at : null
  const added = desk.statements
    .of(INSERT_MESSAGE)
    .run(
      seq,
      queue.id,
      message.id,
      at.state,
      9 - message.priority,
      at.place,
      at.due,
      at.wallDue,
      expiresAt,
      wallExpires,
      line,
      at.state === READY && line !== null ? 1 : 0,
      bytes,
      start,
      past?.acquired ?? 0,
      past?.failed ?? 0,
      past?.released ?? 0,
      past?.endedAt ?? null,
      message.report,
      past?.reason ?? null,
      split,
      isLarge || shared !== null ? null : message.bytes,
      shared,
    )
  if (added === 0) return null
  desk.queues.change(queue).enter(at.state, bytes)
  if (isLarge) desk.run(INSERT_CONTENT, seq, message.bytes)
  desk.use(queue)
  if (at.due !== null) desk.lowerDue(queue, at.due)
  if (at.wallDue !== null) desk.lowerWallDue(queue, at.wallDue)
  if (expiresAt !== null && at.state <= DELAYED) desk.lowerDue(queue, expiresAt)
  if (wallExpires !== null && at.state <= DELAYED) desk.lowerWallDue(queue, wallExpires)
  if (at.state === READY) desk.notices.queue(queue.name)
  tellSent(desk, queue, message, { sentAt: start, acquired: past?.acquired ?? 0, failed: past?.failed ?? 0 })
  return seq
}

interface Placed {
  readonly state: number
  readonly place: number
  readonly due: number | null
  readonly wallDue: number | null
}

function placeOf(desk: Desk, queue: Queue, message: Incoming, line: string | null, past: Past | null): Placed {
  if (past !== null && past.state !== null)
    return { state: past.state, place: desk.nextTurn(), due: past.due, wallDue: null }
  const { delay } = message
  if (past === null && delay !== null && !desk.isPast(delay)) {
    const isWall = 'at' in delay
    return {
      state: DELAYED,
      place: 0,
      due: isWall ? null : desk.now + delay.afterMs,
      wallDue: isWall ? delay.at : null,
    }
  }
  if (line !== null && isBusy(desk, queue, line))
    return { state: HELD, place: desk.nextTurn(), due: null, wallDue: null }
  return { state: READY, place: desk.now, due: null, wallDue: null }
}

/** The line in which the message stands: its key's, unless the queue is a subscription with another order. */
function lineOf(desk: Desk, queue: Queue, key: string | null): string | null {
  const order = desk.topics.feeding(queue.name)?.bound.order
  return order === 'strict' ? STRICT_LINE : order === 'none' ? null : key
}

/** A message of the engine's own, or one that comes from where it was kept. */
export function toIncoming(attributes: Attributes, content: Content, shared: number | null = null): Incoming {
  return {
    ...content,
    id: attributes.id,
    type: attributes.event.type,
    priority: attributes.priority,
    key: attributes.key ?? null,
    report: attributes.report ?? null,
    dedupe: attributes.dedupe ?? null,
    delay: attributes.delay ?? null,
    expires: attributes.expires ?? null,
    shared,
  }
}
