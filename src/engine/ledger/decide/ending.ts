/**
 * How messages end: acked, expired, cancelled, discarded, or dead; who is told, and who is next in their line. What is kept beyond its
 * bounds is forgotten by the next sweep.
 */
import { toJsonBytes } from '../../../core/json.ts'
import { DEFAULT_PRIORITY, REPORT_TYPE, type Message, type Report } from '../../../core/message.ts'
import { formatUuid } from '../../../core/uuid.ts'
import type { Desk } from './desk.ts'
import { ACKED, CANCELLED, DEAD, DISCARDED, EXPIRED } from '../entries.ts'
import { insert } from './insert.ts'
import { headOf, promote } from './place.ts'
import type { Queue } from '../state/queue.ts'
import { CHUNK_MASK } from '../state/slots.ts'

/** What ends of its own accord is reported; an outcome of its holder is not. */
export type Told = 'reported' | 'unreported'

const REPORTED_STATE: Readonly<Record<number, Report['state']>> = {
  [DEAD]: 'dead',
  [EXPIRED]: 'expired',
  [CANCELLED]: 'cancelled',
  [DISCARDED]: 'discarded',
}

/** A report's body without the attributes of the message it tells of, which are added where it is read. */
export type ReportHead = Omit<Report, 'message'>

/** ACKED, EXPIRED, CANCELLED or DISCARDED. Without a reason it keeps the one it had. */
export function end(desk: Desk, slot: number, state: number, told: Told, reason?: string): void {
  desk.dirty()
  const queue = queueOf(desk, slot)
  const line = headOf(desk, slot)
  const { keep } = queue.settings
  const kept = keep.endedMs > 0 && keep.endedCount > 0 && (state !== ACKED || keep.acked)
  const name = reason === undefined ? reasonOf(desk, slot) : desk.state.names.intern(reason, desk.effects)
  if (told === 'reported') report(desk, slot, queue, state, name)
  desk.effects.ended(slot, queue.number, state, desk.now, name, kept)
  if (queue.living === 0) queue.lastUsedAt = desk.now
  promote(desk, queue, line)
}

export function bury(desk: Desk, slot: number, told: Told, reason: string): void {
  desk.dirty()
  const queue = queueOf(desk, slot)
  const line = headOf(desk, slot)
  const name = desk.state.names.intern(reason, desk.effects)
  if (told === 'reported') report(desk, slot, queue, DEAD, name)
  desk.effects.buried(slot, desk.now, name)
  promote(desk, queue, line)
}

/** Tells the queue that the message names, if it names one, by a message of the engine's own. */
function report(desk: Desk, slot: number, queue: Queue, state: number, reason: number): void {
  const { messages, names } = desk.state
  const chunk = messages.slots.of(slot)
  const row = slot & CHUNK_MASK
  const target = chunk.report[row]!
  if (target === 0) return
  const head: ReportHead = {
    id: formatUuid(chunk.id0[row]!, chunk.id1[row]!, chunk.id2[row]!, chunk.id3[row]!),
    queue: queue.name,
    state: REPORTED_STATE[state]!,
    reason: reason === 0 ? null : names.text(reason),
    acquired: chunk.acquired[row]!,
    failed: chunk.failed[row]!,
    sentAt: chunk.sentAt[row]!,
    endedAt: desk.now,
  }
  const message = engineMessage(desk, REPORT_TYPE, head)
  insert(desk, desk.queue(names.text(target)), message, desk.store.blocks.addMessage(message), chunk.block[row])
}

/** A message that the engine itself sends. */
export function engineMessage(desk: Desk, type: string, body: unknown): Message {
  const id = desk.ids.uuid()
  const event = { id, source: 'posthorn:engine', type, datacontenttype: 'application/json' }
  return { id, event, body: toJsonBytes(body), priority: DEFAULT_PRIORITY }
}

export function queueOf(desk: Desk, slot: number): Queue {
  const { messages, queues } = desk.state
  return queues.rows[messages.slots.of(slot).queue[slot & CHUNK_MASK]!]!
}

function reasonOf(desk: Desk, slot: number): number {
  return desk.state.messages.slots.of(slot).reason?.get(slot & CHUNK_MASK) ?? 0
}
