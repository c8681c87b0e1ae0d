/** How messages end: acked, expired, cancelled, discarded, or dead; who is told, and who is next in their line. */
import { toJsonBytes } from '../../../core/json.ts'
import { DEFAULT_PRIORITY, REPORT_TYPE, type Report } from '../../../core/message.ts'
import { attributesOf, joinContent } from '../wire/content.ts'
import type { Desk } from '../desk.ts'
import { contentOf } from '../read/view.ts'
import { BUNDLE_SIZE } from '../state/bundle.ts'
import {
  ACKED,
  DEAD,
  DELETE_CONTENT,
  DELETE_FAILURES,
  DELETE_MESSAGE,
  SET_OVER,
  STATE_NAMES,
  type Standing,
} from '../state/message.ts'
import type { Queue } from '../state/queue.ts'
import { insert, toIncoming, type Incoming } from './insert.ts'
import { move, promote } from './place.ts'
import { tellOver } from './tell.ts'

/** What ends of its own accord is reported; an outcome of its holder is not. */
export type Told = 'reported' | 'unreported'

/** ACKED, EXPIRED, CANCELLED or DISCARDED. Without a reason it keeps the one it had. */
export function end(desk: Desk, queue: Queue, message: Standing, state: number, told: Told, reason?: string): void {
  if (reason !== undefined) message.reason = reason
  tellOver(desk, queue, message, state)
  if (told === 'reported') report(desk, queue, message, state)
  if (keeps(queue, state)) {
    over(desk, queue, message, state)
    desk.lowerDue(queue, desk.now + queue.settings.keep.endedMs)
  } else erase(desk, queue, message)
  queue.totals[state]!++
  if (queue.living === 0) desk.use(queue)
  if (message.head) promote(desk, queue, message.line!)
}

/** Whether messages that end so are kept for a while. */
export function keeps({ settings: { keep } }: Queue, state: number): boolean {
  return keep.endedMs > 0 && keep.endedCount > 0 && (state !== ACKED || keep.acked)
}

export function bury(desk: Desk, queue: Queue, message: Standing, told: Told, reason: string): void {
  const { deadMs } = queue.settings.keep
  message.reason = reason
  tellOver(desk, queue, message, DEAD)
  if (told === 'reported') report(desk, queue, message, DEAD)
  over(desk, queue, message, DEAD)
  if (deadMs !== null) desk.lowerDue(queue, desk.now + deadMs)
  if (message.head) promote(desk, queue, message.line!)
}

function over(desk: Desk, queue: Queue, message: Standing, state: number): void {
  move(desk, queue, message, state)
  desk.run(SET_OVER, state, desk.nextTurn(), desk.now, message.reason, message.seq)
  desk.queues.touch(queue)
}

/** The message is no more. */
export function erase(desk: Desk, queue: Queue, message: Standing): void {
  desk.isDirty = true
  desk.queues.change(queue).leave(message.state, message.bytes)
  desk.queues.touch(queue)
  if (message.shared !== null) desk.shared.release(message.shared)
  if (message.isBundled) {
    const { bundles } = desk
    return bundles.change(bundles.of(message.seq)!).leave(message.seq % BUNDLE_SIZE)
  }
  desk.run(DELETE_MESSAGE, message.seq)
  if (message.isLarge && message.shared === null) desk.run(DELETE_CONTENT, message.seq)
  if (message.history > 0) desk.run(DELETE_FAILURES, message.seq)
}

/** Tells the queue that the message names, if it names one, by a message of the engine's own. */
function report(desk: Desk, queue: Queue, message: Standing, state: number): void {
  if (message.report === null) return
  const body: Report = {
    id: message.id,
    queue: queue.name,
    state: STATE_NAMES[state] as Report['state'],
    reason: message.reason,
    acquired: message.acquired,
    failed: message.failed,
    sentAt: message.sentAt,
    endedAt: desk.now,
    message: attributesOf(contentOf(desk, message.seq)),
  }
  insert(desk, desk.queue(message.report), engineMessage(desk, REPORT_TYPE, body))
}

/** A message that the engine itself sends. */
export function engineMessage(desk: Desk, type: string, body: unknown): Incoming {
  const id = desk.ids.uuid()
  const event = { id, source: 'posthorn:engine', type, datacontenttype: 'application/json' }
  const attributes = { id, event, priority: DEFAULT_PRIORITY }
  return toIncoming(attributes, joinContent(attributes, toJsonBytes(body)))
}
