/** Sending to a queue, and taking in messages from another engine. */
import type { ChangeResult } from '../../../core/engine.ts'
import { ENDED_STATES, type Message, type State, type StoredMessage } from '../../../core/message.ts'
import { revive } from './clear-queue.ts'
import type { Desk } from './desk.ts'
import { ACKED, CANCELLED, DEAD, DELAYED, DISCARDED, EXPIRED } from '../entries.ts'
import { describe, expireAt, insert, placeNow, slotOfId } from './insert.ts'
import { storeFailure, toFailure } from './settle.ts'
import { dedupeText } from '../state/state.ts'

const RESTORED: Partial<Record<State, number>> = {
  dead: DEAD,
  acked: ACKED,
  expired: EXPIRED,
  cancelled: CANCELLED,
  discarded: DISCARDED,
}

export function send(desk: Desk, queueName: string, message: Message): ChangeResult {
  const first = firstSent(desk, queueName, message)
  if (first !== undefined) return { id: first, duplicate: true }
  const queue = desk.queue(queueName)
  revive(desk, queue)
  if (message.dedupe !== undefined && queue.settings.dedupeWindowMs > 0) {
    desk.effects.deduped({
      scope: 'queue',
      name: queueName,
      text: message.dedupe,
      id: message.id,
      until: desk.now + queue.settings.dedupeWindowMs,
    })
  }
  insert(desk, queue, message, desk.store.blocks.addMessage(message))
  return { id: message.id, duplicate: false }
}

/** The id of the message of which this one would be a duplicate. */
export function firstSent(desk: Desk, queueName: string, message: Message): string | undefined {
  const queue = desk.state.queueByName.get(queueName)
  if (queue === undefined && message.dedupe === undefined) return undefined
  const first =
    message.dedupe === undefined
      ? undefined
      : desk.state.dedupe.find(dedupeText('queue', queueName, message.dedupe), desk.now)
  if (first !== undefined || queue === undefined) return first
  return slotOfId(desk, queue, message.id) === 0 ? undefined : message.id
}

/** A message with its state, counts and history. What is leased elsewhere is ready here; what had ended is kept where such are kept. */
export function restore(desk: Desk, stored: StoredMessage): null {
  const { message } = stored
  const queue = desk.queue(stored.queue)
  if (slotOfId(desk, queue, stored.id) !== 0) return null
  const { keep } = queue.settings
  const isEnded = ENDED_STATES.includes(stored.state)
  if (isEnded && (keep.endedMs === 0 || keep.endedCount === 0 || (stored.state === 'acked' && !keep.acked))) return null
  const row = describe(desk, queue, message, desk.store.blocks.addMessage(message))
  row.sentAt = stored.sentAt
  row.acquired = stored.acquired
  // Each failure that follows counts one, and counts go round: after a redrive there are fewer than the history tells of.
  row.failed = (stored.failed - stored.failures.length) >>> 0
  row.released = stored.released
  if (message.expires !== undefined && 'afterMs' in message.expires)
    expireAt(row, stored.sentAt + message.expires.afterMs, false)
  const state = RESTORED[stored.state]
  if (state !== undefined) {
    row.state = state
    row.due = stored.endedAt ?? desk.now
    row.reason = desk.state.names.intern(stored.reason, desk.effects)
  } else if (stored.state === 'delayed' && stored.readyAt !== null && stored.readyAt > desk.now) {
    row.state = DELAYED
    row.due = stored.readyAt
  } else placeNow(desk, queue, row)
  const { slot } = row
  desk.effects.added(row)
  for (const failure of stored.failures)
    storeFailure(desk, slot, { ...toFailure(failure), at: failure.at, delayMs: failure.delayMs })
  desk.isDirty = true
  return null
}
