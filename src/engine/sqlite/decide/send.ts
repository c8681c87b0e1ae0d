/** Sending to a queue, and taking in messages from another engine. */
import type { ChangeResult } from '../../../core/engine.ts'
import { ENDED_STATES, type State, type StoredMessage } from '../../../core/message.ts'
import { isOwnQueue } from '../../../core/name.ts'
import { refuse, type Refusal } from '../../sql/refusal.ts'
import { cutFailure } from '../../sql/failure.ts'
import { bodySize } from '../wire/content.ts'
import type { Desk } from '../desk.ts'
import type { Sent } from '../wire/request.ts'
import { ACKED, CANCELLED, DEAD, DELAYED, DISCARDED, EXPIRED, SET_HISTORY } from '../state/message.ts'
import type { Queue } from '../state/queue.ts'
import { COUNT_QUEUES } from '../state/queue.ts'
import { DEDUPE, HAS_DEDUPE, PUT_DEDUPE, SWEEP_DEDUPES } from '../state/record.ts'
import { revive } from './clear-queue.ts'
import { hasId, incoming, insert, type Past } from './insert.ts'
import { storeFailure } from './settle.ts'

const RESTORED: Partial<Record<State, number>> = {
  dead: DEAD,
  acked: ACKED,
  expired: EXPIRED,
  cancelled: CANCELLED,
  discarded: DISCARDED,
}

/** A refusal leaves nothing. `isSettling`: limits do not hold for it. */
export function send(desk: Desk, queueName: string, sent: Sent, isSettling: boolean): ChangeResult | Refusal {
  const message = incoming(desk, sent)
  const { id, dedupe } = message
  const known = desk.queues.find(queueName)
  const first = dedupe === null ? undefined : findFirst(desk, `queue ${queueName}`, dedupe)
  if (first !== undefined) return { id: first, duplicate: true }
  // Where the send may be refused, or empties the queue first, the id is looked for before; else the insert says whether it is there.
  const isTight = (dedupe !== null && desk.numbers.dedupes >= desk.limits.dedupe) || desk.room() !== null
  const mustLook = known !== undefined && (known.unbound || isTight || known.isFull(bodySize(message)))
  if (mustLook && hasId(desk, known, id)) return { id, duplicate: true }
  const refusal = isSettling
    ? null
    : (refusalOfGrowth(desk, known, queueName, bodySize(message)) ??
      refusalOfDedupe(desk, dedupe) ??
      // A purge is such a message: what makes room must not be refused for want of it.
      (isOwnQueue(queueName) ? null : refusalOfRoom(desk)))
  if (refusal !== null) return refusal
  const queue = known ?? desk.queue(queueName)
  if (queue.unbound) revive(desk, queue)
  if (insert(desk, queue, message) === null) return { id, duplicate: true }
  const { dedupeWindowMs } = queue.settings
  if (dedupe !== null && dedupeWindowMs > 0) remember(desk, `queue ${queueName}`, dedupe, id, desk.now + dedupeWindowMs)
  return { id, duplicate: false }
}

/** The id that was sent first with this dedupe text. */
export function findFirst(desk: Desk, scope: string, text: string): string | undefined {
  return desk.statements.of(DEDUPE).first(scope, text, desk.now)?.[0] as string | undefined
}

export function remember(desk: Desk, scope: string, text: string, id: string, until: number): void {
  desk.isDirty = true
  if (desk.statements.of(HAS_DEDUPE).first(scope, text) === undefined) desk.numbers.dedupes++
  desk.run(PUT_DEDUPE, scope, text, id, until)
}

export function refusalOfDedupe(desk: Desk, dedupe: string | null): Refusal | null {
  const { numbers, limits } = desk
  if (dedupe === null || numbers.dedupes < limits.dedupe) return null
  numbers.dedupes -= desk.run(SWEEP_DEDUPES, desk.now, limits.dedupe)
  return numbers.dedupes < limits.dedupe
    ? null
    : refuse('full', `${numbers.dedupes} dedupe texts are remembered: the engine holds at most ${limits.dedupe}`)
}

export function refusalOfRoom(desk: Desk): Refusal | null {
  const detail = desk.room()
  return detail === null ? null : refuse('disk-full', detail)
}

/** A message with its state, counts and history. What is leased elsewhere is ready here; what had ended is kept where such are kept. */
export function restore(desk: Desk, sent: Sent, stored: Omit<StoredMessage, 'message'>): null | Refusal {
  const full = refusalOfRoom(desk)
  if (full !== null) return full
  const queue = desk.queue(stored.queue)
  if (hasId(desk, queue, stored.id)) return null
  const { keep } = queue.settings
  const isEnded = ENDED_STATES.includes(stored.state)
  if (isEnded && (keep.endedMs === 0 || keep.endedCount === 0 || (stored.state === 'acked' && !keep.acked))) return null
  const isDelayed = stored.state === 'delayed' && stored.readyAt !== null && stored.readyAt > desk.now
  const state = RESTORED[stored.state] ?? (isDelayed ? DELAYED : null)
  const isOver = state !== null && state >= DEAD
  const past: Past = {
    state,
    due: isDelayed ? stored.readyAt : null,
    sentAt: stored.sentAt,
    acquired: stored.acquired,
    failed: stored.failed,
    released: stored.released,
    endedAt: isOver ? (stored.endedAt ?? desk.now) : null,
    reason: isOver ? stored.reason : null,
  }
  const message = { seq: insert(desk, queue, incoming(desk, sent), past)!, history: 0 }
  for (const failure of stored.failures)
    storeFailure(desk, message, { ...cutFailure(failure), at: failure.at, delayMs: failure.delayMs })
  if (message.history > 0) desk.run(SET_HISTORY, message.history, message.seq)
  if (state === DEAD && keep.deadMs !== null) desk.lowerDue(queue, past.endedAt! + keep.deadMs)
  if (isEnded) desk.lowerDue(queue, past.endedAt! + keep.endedMs)
  desk.queues.touch(queue)
  return null
}

function refusalOfGrowth(desk: Desk, queue: Queue | undefined, name: string, bytes: number): Refusal | null {
  if (queue === undefined) return refusalOfNewQueue(desk, name)
  if (!queue.isFull(bytes)) return null
  const { limit } = queue.settings
  return limit.messages !== null && queue.living + 1 > limit.messages
    ? refuse('full', `queue '${name}' holds ${queue.living} messages: its limit is ${limit.messages}`)
    : refuse(
        'full',
        `queue '${name}' holds ${queue.bytes} bytes and this message has ${bytes}: its limit is ${limit.bytes}`,
      )
}

export function refusalOfNewQueue(desk: Desk, name: string): Refusal | null {
  if (desk.queues.find(name) !== undefined) return null
  const count = desk.statements.of(COUNT_QUEUES).first()![0] as number
  return count < desk.limits.queues
    ? null
    : refuse('full', `there are ${count} queues: the engine holds at most ${desk.limits.queues}`)
}
