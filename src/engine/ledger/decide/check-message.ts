/** Whether messages may be sent, published, restored: they must be sound, and new ones must fit within the limits. */
import {
  faultOfMessage,
  type Failure,
  type Message,
  type MessageRef,
  type State,
  type StoredMessage,
} from '../../../core/message.ts'
import { isOwnQueue, isQueueName, isTopicName } from '../../../core/name.ts'
import { DEFAULT_QUEUE } from '../../../core/settings.ts'
import { findSlot, type ById } from './decide-by-id.ts'
import type { Desk } from './desk.ts'
import { DEAD, FREE, LEASED } from '../entries.ts'
import type { Overlay } from './overlay.ts'
import { quote, refuse, type Refusal } from './refusal.ts'
import { firstSent } from './send.ts'
import { CHUNK_MASK } from '../state/slots.ts'
import { dedupeText } from '../state/state.ts'

const STATES: readonly State[] = [
  'arrived',
  'ready',
  'held',
  'delayed',
  'leased',
  'dead',
  'acked',
  'expired',
  'cancelled',
  'discarded',
]

/** What a count of hand-outs can be. */
const MOST = 2 ** 32 - 1

/** `overlay` is null where the Commit has one change. `isSettling`: limits do not hold for it. */
export function refusalOfSend(
  desk: Desk,
  queueName: string,
  message: Message,
  overlay: Overlay | null,
  isSettling: boolean,
): Refusal | null {
  if (typeof queueName !== 'string' || !isQueueName(queueName))
    return refuse('invalid', `queue is ${quote(queueName)}: it must be a name like 'inbox' or 'task:resize'`)
  const fault = faultOfMessage(message, desk.limits.bodyBytes)
  if (fault !== null) return refuse('invalid', fault)
  if (overlay === null && !mayRefuse(desk, queueName, message)) return null
  if (isDuplicate(desk, queueName, message, overlay)) return null
  const bytes = message.body.byteLength
  const refusal = isSettling
    ? null
    : (refusalOfGrowth(desk, queueName, bytes, overlay) ??
      refusalOfDedupe(desk, message) ??
      // A purge is such a message: what makes room must not be refused for want of it.
      (isOwnQueue(queueName) ? null : refusalOfStore(desk)))
  if (refusal !== null || overlay === null) return refusal
  overlay.grow(queueName, 1, bytes)
  overlay.sent.set(`id ${queueName} ${message.id}`, bytes)
  if (message.dedupe !== undefined) overlay.sent.set(dedupeText('queue', queueName, message.dedupe), bytes)
  return null
}

export function refusalOfPublish(desk: Desk, topic: string, message: Message, isSettling: boolean): Refusal | null {
  if (typeof topic !== 'string' || !isTopicName(topic))
    return refuse('invalid', `topic is ${quote(topic)}: it must be 1 to 100 letters, digits, '.', '_' or '-'`)
  const fault = faultOfMessage(message, desk.limits.bodyBytes)
  if (fault !== null) return refuse('invalid', fault)
  if (isSettling) return null
  const first =
    message.dedupe === undefined
      ? undefined
      : desk.state.dedupe.find(dedupeText('topic', topic, message.dedupe), desk.now)
  return first === undefined ? (refusalOfDedupe(desk, message) ?? refusalOfStore(desk)) : null
}

export function refusalOfRestore(desk: Desk, stored: StoredMessage): Refusal | null {
  if (!isQueueName(stored.queue))
    return refuse('invalid', `queue is ${quote(stored.queue)}: it must be a name like 'inbox' or 'task:resize'`)
  const fault = faultOfMessage(stored.message, desk.limits.bodyBytes)
  if (fault !== null) return refuse('invalid', fault)
  if (stored.id !== stored.message.id)
    return refuse(
      'invalid',
      `id is ${quote(stored.id)} and message.id ${quote(stored.message.id)}: they must be the same`,
    )
  if (!STATES.includes(stored.state))
    return refuse('invalid', `state is ${quote(stored.state)}: it must be one of ${STATES.join(', ')}`)
  for (const field of ['acquired', 'failed', 'released'] as const) {
    if (!Number.isInteger(stored[field]) || stored[field] < 0 || stored[field] > MOST)
      return refuse('invalid', `${field} is ${quote(stored[field])}: it must be a whole number from 0 to ${MOST}`)
  }
  for (const field of ['readyAt', 'endedAt'] as const) {
    if (stored[field] !== null && !Number.isFinite(stored[field]))
      return refuse('invalid', `${field} is ${quote(stored[field])}: it must be a time in ms since the epoch, or null`)
  }
  if (stored.reason !== null && typeof stored.reason !== 'string')
    return refuse('invalid', `reason is ${quote(stored.reason)}: it must be a text, or null`)
  if (!Array.isArray(stored.failures) || !stored.failures.every(isFailure))
    return refuse(
      'invalid',
      `failures is ${quote(stored.failures)}: it must be a list of { at, code, message, delayMs }`,
    )
  if (!Number.isFinite(stored.sentAt))
    return refuse('invalid', `sentAt is ${quote(stored.sentAt)}: it must be a time in ms since the epoch`)
  return refusalOfStore(desk)
}

/** Notes what cancel, redrive and discard will free or fill, for the sends that follow in the same Commit. */
export function refusalOfById(
  desk: Desk,
  verb: ById,
  refs: readonly MessageRef[],
  overlay: Overlay | null,
): Refusal | null {
  if (!Array.isArray(refs)) return refuse('invalid', `messages is ${quote(refs)}: it must be a list of { queue, id }`)
  const odd = refs.findIndex((ref) => typeof ref?.queue !== 'string' || typeof ref.id !== 'string')
  if (odd !== -1) return refuse('invalid', `messages[${odd}] is ${quote(refs[odd])}: it must be { queue, id }`)
  if (overlay === null) return null
  for (const ref of refs) {
    const slot = findSlot(desk, ref)
    if (slot === 0) endSent(desk, overlay, verb, ref)
    else noteSlot(desk, verb, ref.queue, slot, overlay)
  }
  return null
}

/** What was sent earlier in the Commit ends; where the queue keeps what has ended, its id is still taken. */
function endSent(desk: Desk, overlay: Overlay, verb: ById, { queue, id }: MessageRef): void {
  const text = `id ${queue} ${id}`
  const bytes = overlay.sent.get(text)
  if (bytes === undefined || verb === 'redrive' || overlay.ended.has(text)) return
  if (keepsEnded(desk, overlay, queue)) overlay.ended.add(text)
  else overlay.sent.delete(text)
  overlay.grow(queue, -1, -bytes)
}

function keepsEnded(desk: Desk, overlay: Overlay, queue: string): boolean {
  const { keep } = overlay.settings.get(queue) ?? desk.state.queueByName.get(queue)?.settings ?? DEFAULT_QUEUE
  return keep.endedMs > 0 && keep.endedCount > 0
}

function noteSlot(desk: Desk, verb: ById, queue: string, slot: number, overlay: Overlay): void {
  const chunk = desk.state.messages.slots.of(slot)
  const state = chunk.state[slot & CHUNK_MASK]!
  const bytes = chunk.bytes[slot & CHUNK_MASK]!
  const isCounted = (state > FREE && state < LEASED && !overlay.left.has(slot)) || overlay.joined.has(slot)
  if (verb === 'redrive' && state === DEAD && !overlay.joined.has(slot) && !overlay.left.has(slot)) {
    overlay.joined.add(slot)
    overlay.grow(queue, 1, bytes)
  } else if (verb !== 'redrive' && isCounted) {
    overlay.left.add(slot)
    overlay.joined.delete(slot)
    overlay.grow(queue, -1, -bytes)
  }
}

/** Whether anything at all could refuse the send: the cheap question, for the plain case. */
function mayRefuse(desk: Desk, queueName: string, message: Message): boolean {
  const queue = desk.state.queueByName.get(queueName)
  return (
    queue === undefined ||
    message.dedupe !== undefined ||
    queue.isFull(1, message.body.byteLength) ||
    desk.store.refusal() !== null
  )
}

function isDuplicate(desk: Desk, queueName: string, message: Message, overlay: Overlay | null): boolean {
  const { dedupe, id } = message
  if (overlay?.sent.has(`id ${queueName} ${id}`)) return true
  if (dedupe !== undefined && overlay?.sent.has(dedupeText('queue', queueName, dedupe))) return true
  if (firstSent(desk, queueName, message) === undefined) return false
  const isGoing = overlay !== null && overlay.left.has(findSlot(desk, { queue: queueName, id }))
  return (
    !isGoing || keepsEnded(desk, overlay, queueName) || (dedupe !== undefined && isRemembered(desk, queueName, dedupe))
  )
}

function isRemembered(desk: Desk, queueName: string, dedupe: string): boolean {
  return desk.state.dedupe.find(dedupeText('queue', queueName, dedupe), desk.now) !== undefined
}

function refusalOfGrowth(desk: Desk, queueName: string, bytes: number, overlay: Overlay | null): Refusal | null {
  const { queueByName, queues } = desk.state
  const queue = queueByName.get(queueName)
  if (queue === undefined && queues.size >= desk.limits.queues)
    return refuse('full', `there are ${queues.size} queues: the engine holds at most ${desk.limits.queues}`)
  const { limit } = overlay?.settings.get(queueName) ?? queue?.settings ?? DEFAULT_QUEUE
  const growth = overlay?.growth.get(queueName)
  const waiting = (queue?.living ?? 0) + (growth?.messages ?? 0)
  if (limit.messages !== null && waiting + 1 > limit.messages)
    return refuse('full', `queue '${queueName}' holds ${waiting} messages: its limit is ${limit.messages}`)
  const held = (queue?.bytes ?? 0) + (growth?.bytes ?? 0)
  if (limit.bytes !== null && held + bytes > limit.bytes)
    return refuse(
      'full',
      `queue '${queueName}' holds ${held} bytes and this message has ${bytes}: its limit is ${limit.bytes}`,
    )
  return null
}

function refusalOfDedupe(desk: Desk, message: Message): Refusal | null {
  const { dedupe } = desk.state
  if (message.dedupe === undefined || dedupe.size < desk.limits.dedupe) return null
  dedupe.sweepAll(desk.now)
  return dedupe.size < desk.limits.dedupe
    ? null
    : refuse('full', `${dedupe.size} dedupe texts are remembered: the engine holds at most ${desk.limits.dedupe}`)
}

export function refusalOfStore(desk: Desk): Refusal | null {
  const detail = desk.store.refusal()
  return detail === null ? null : refuse('disk-full', detail)
}

export function isFailure(error: Failure | null | undefined): boolean {
  const { code, message, stack }: Partial<Failure> = error ?? {}
  return (
    typeof code === 'string' &&
    code !== '' &&
    typeof message === 'string' &&
    (stack === undefined || typeof stack === 'string')
  )
}
