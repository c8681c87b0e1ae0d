/** Sending to a queue, and taking in messages from another engine. */
import type { ChangeResult } from '../../../core/engine.ts'
import { faultOfMessage, type Message, type State, type StoredMessage } from '../../../core/message.ts'
import { isQueueName } from '../../../core/name.ts'
import { DEFAULT_QUEUE } from '../../../core/settings.ts'
import { isFailure } from '../../sql/check.ts'
import { cutFailure } from '../../sql/failure.ts'
import { ACKED, CANCELLED, DEAD, DELAYED, DISCARDED, EXPIRED, STATES, toColumn, type Queue } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { discardSome } from './unbound.ts'
import { describe, insert } from './insert.ts'
import { enterLine } from './place.ts'
import { quote } from '../../sql/refusal.ts'
import { refuse } from './refusal.ts'

/** What a count of hand-outs can be. */
const MOST = 2 ** 31 - 1
const ENDS: Partial<Record<State, number>> = {
  dead: DEAD,
  acked: ACKED,
  expired: EXPIRED,
  cancelled: CANCELLED,
  discarded: DISCARDED,
}

export async function send(work: Work, name: string, message: Message, isLimited: boolean): Promise<ChangeResult> {
  if (typeof name !== 'string' || !isQueueName(name))
    return refuse('invalid', `queue is ${quote(name)}: it must be a name like 'inbox' or 'task:resize'`)
  checkMessage(work, message)
  const { id, dedupe } = message
  const known = await work.queue(name)
  const isThere = known !== null && (await work.row(known, id)) !== null
  if (dedupe !== undefined) {
    const windowMs = isThere ? 0 : (known?.settings ?? DEFAULT_QUEUE).dedupeWindowMs
    const first = await firstOf(work, `queue ${name}`, message, windowMs)
    if (first !== null) return { id: first, duplicate: true }
  }
  if (isThere) return { id, duplicate: true }
  const queue = known ?? (await work.makeQueue(name))
  if (isLimited) await checkLimit(work, queue, message.body.byteLength)
  if (queue.isUnbound) await revive(work, queue)
  await insert(work, queue, message)
  return { id, duplicate: false }
}

export function checkMessage(work: Work, message: Message): void {
  const fault = faultOfMessage(message, work.limits.bodyBytes)
  if (fault !== null) refuse('invalid', fault)
}

/** The id of who was first to use a dedupe text; it is remembered where that is this one. */
export async function firstOf(
  work: Work,
  scope: string,
  { id, dedupe }: Message,
  windowMs: number,
): Promise<string | null> {
  const text = toColumn(dedupe!)
  const first = await work.dedupe(scope, text)
  if (first !== null) return first.id
  if (windowMs > 0) {
    const isStored = work.dedupes.get(`${scope} ${text}`)?.isStored ?? false
    work.undo.put(work.dedupes, `${scope} ${text}`, { scope, text, until: work.now + windowMs, id, isStored })
    work.freshDedupes.add(`${scope} ${text}`)
  }
  return null
}

async function checkLimit(work: Work, queue: Queue, bytes: number): Promise<void> {
  const { limit } = queue.settings
  if (limit.messages === null && limit.bytes === null) return
  const living = await work.living(queue)
  if (limit.messages !== null && living.messages + 1 > limit.messages)
    refuse('full', `queue '${queue.name}' holds ${living.messages} messages: its limit is ${limit.messages}`)
  if (limit.bytes !== null && living.bytes + bytes > limit.bytes)
    refuse(
      'full',
      `queue '${queue.name}' holds ${living.bytes} bytes and this message has ${bytes}: its limit is ${limit.bytes}`,
    )
}

/** Whether the queue has no room for so many bytes more. */
export async function isFull(work: Work, queue: Queue, bytes: number): Promise<boolean> {
  const { limit } = queue.settings
  if (limit.messages === null && limit.bytes === null) return false
  const living = await work.living(queue)
  return (
    (limit.messages !== null && living.messages + 1 > limit.messages) ||
    (limit.bytes !== null && living.bytes + bytes > limit.bytes)
  )
}

/** A queue to which something is sent for itself, although its subscription has ended: from now on it is a queue like others. */
async function revive(work: Work, queue: Queue): Promise<void> {
  while ((await discardSome(work, queue, work.limits.sweep)) > 0);
  work.undo.set(queue, { isUnbound: false, lineBy: 'key' })
}

/** A message with its state, counts and history. What is leased elsewhere is ready here; what had ended is kept where such are kept. */
export async function restore(work: Work, stored: StoredMessage): Promise<null> {
  checkRestored(work, stored)
  const { message } = stored
  const queue = await work.makeQueue(stored.queue)
  if ((await work.row(queue, stored.id)) !== null) return null
  const { keep } = queue.settings
  const ended = ENDS[stored.state]
  if (ended !== undefined && ended !== DEAD && (keep.endedMs === 0 || keep.endedCount === 0)) return null
  if (ended === ACKED && !keep.acked) return null
  await work.reserve(3)
  const { expires } = message
  const row = describe(work, queue, message, {
    sentAt: stored.sentAt,
    acquired: stored.acquired,
    failed: stored.failed,
    released: stored.released,
    failures: stored.failures.slice(-10).map((failure) => {
      return { ...cutFailure(failure), at: failure.at, delayMs: failure.delayMs }
    }),
    ...(expires !== undefined && 'afterMs' in expires ? { expires: stored.sentAt + expires.afterMs } : {}),
  })
  work.addRow(row)
  if (ended !== undefined) {
    work.count(queue, { living: -1, bytes: -row.size })
    work.keep(queue, ended === DEAD ? 'dead' : 'ended', 1)
    const houseAt = Math.min(queue.houseAt ?? work.now, work.now)
    work.undo.set(queue, { houseAt })
    const endedAt = stored.endedAt ?? work.now
    work.undo.set(row, { state: ended, endedAt, turn: work.serial(), reason: stored.reason })
  } else if (stored.state === 'delayed' && stored.readyAt !== null && stored.readyAt > work.now)
    work.undo.set(row, { state: DELAYED, due: Math.round(stored.readyAt) })
  else await enterLine(work, row)
  return null
}

function checkRestored(work: Work, stored: StoredMessage): void {
  if (!isQueueName(stored.queue))
    refuse('invalid', `queue is ${quote(stored.queue)}: it must be a name like 'inbox' or 'task:resize'`)
  checkMessage(work, stored.message)
  if (stored.id !== stored.message.id)
    refuse('invalid', `id is ${quote(stored.id)} and message.id ${quote(stored.message.id)}: they must be the same`)
  if (!STATES.includes(stored.state))
    refuse('invalid', `state is ${quote(stored.state)}: it must be one of ${STATES.join(', ')}`)
  for (const field of ['acquired', 'failed', 'released'] as const) {
    if (!Number.isInteger(stored[field]) || stored[field] < 0 || stored[field] > MOST)
      refuse('invalid', `${field} is ${quote(stored[field])}: it must be a whole number from 0 to ${MOST}`)
  }
  for (const field of ['readyAt', 'endedAt'] as const) {
    if (stored[field] !== null && !Number.isFinite(stored[field]))
      refuse('invalid', `${field} is ${quote(stored[field])}: it must be a time in ms since the epoch, or null`)
  }
  if (stored.reason !== null && typeof stored.reason !== 'string')
    refuse('invalid', `reason is ${quote(stored.reason)}: it must be a text, or null`)
  if (!Array.isArray(stored.failures) || !stored.failures.every(isFailure))
    refuse('invalid', `failures is ${quote(stored.failures)}: it must be a list of { at, code, message, delayMs }`)
  if (!Number.isFinite(stored.sentAt))
    refuse('invalid', `sentAt is ${quote(stored.sentAt)}: it must be a time in ms since the epoch`)
}
