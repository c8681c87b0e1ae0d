/** A stored message as clients see it: the event with what its delivery adds, and its history. */
import { bareText, type Principal } from '../../app/index.ts'
import { toStructured } from '../../core/cloud-event/structured.ts'
import { formatDuration } from '../../core/duration.ts'
import { shownName } from '../app/space.ts'
import {
  DEFAULT_PRIORITY,
  type EventAttributes,
  type Message,
  type StoredFailure,
  type StoredMessage,
} from '../../core/message.ts'

export type DataForm = 'json' | 'base64'

/** The event with the delivery attributes that are CloudEvents extensions. */
export function eventOf(
  { message, sentAt }: Pick<StoredMessage, 'message' | 'sentAt'>,
  principal: Principal,
): EventAttributes {
  const { event, key, group, priority, expires } = message
  return {
    ...event,
    ...(key === undefined ? {} : { partitionkey: shownText(principal, key) }),
    ...(group === undefined || !isOwnGroup(principal, group) ? {} : { group }),
    ...(priority === DEFAULT_PRIORITY ? {} : { priority }),
    ...(expires === undefined ? {} : { expirytime: toTime('at' in expires ? expires.at : sentAt + expires.afterMs) }),
  }
}

/** An event that its topic keeps: what expires some time after the publish expires in queues, not here. */
export function keptEventOf(message: Message, principal: Principal): EventAttributes {
  const { expires, ...rest } = message
  return eventOf({ message: expires !== undefined && 'at' in expires ? message : rest, sentAt: 0 }, principal)
}

/** JSON text. Without `data` the event has its attributes only, so that a page of large messages stays small. */
export function showMessage(stored: StoredMessage, data: DataForm | null, principal: Principal): string {
  const { id, queue, state, message } = stored
  const event = eventOf(stored, principal)
  const head = JSON.stringify({ id, queue: shownName(principal, queue), state })
  const tail = JSON.stringify({
    sizeBytes: message.body.byteLength,
    key: shownText(principal, message.key),
    group: message.group !== undefined && isOwnGroup(principal, message.group) ? message.group : undefined,
    priority: message.priority,
    dedupe: shownText(principal, message.dedupe),
    sentAt: toTime(stored.sentAt),
    readyAt: toTimeOrNull(stored.readyAt),
    leaseUntil: toTimeOrNull(stored.leaseUntil),
    endedAt: toTimeOrNull(stored.endedAt),
    acquired: stored.acquired,
    failed: stored.failed,
    released: stored.released,
    failures: stored.failures.map(showFailure),
    cancelRequested: stored.cancelRequested,
    reason: stored.reason,
  })
  const shown =
    data === null ? JSON.stringify({ specversion: '1.0', ...event }) : toStructured(event, message.body, data)
  return `${head.slice(0, -1)},"event":${shown},${tail.slice(1)}`
}

/** Of whose tenant an event is that others sent is the platform's business. */
const isOwnGroup = ({ app }: Principal, group: string): boolean => app === null || group === app

/** A text that an app gave, as it gave it: also one of another's, whose name is nobody's business. */
function shownText(principal: Principal, text: string | undefined): string | undefined {
  return text === undefined || principal.kind === 'platform' ? text : bareText(text)
}

function showFailure({ code, message, stack, at, delayMs }: StoredFailure): Record<string, unknown> {
  return { code, message, stack, at: toTime(at), delay: delayMs === null ? null : formatDuration(Math.round(delayMs)) }
}

/** Engine time is fractional; no clock is that exact. */
export const toTime = (ms: number): string => new Date(Math.floor(ms)).toISOString()
export const toTimeOrNull = (ms: number | null): string | null => (ms === null ? null : toTime(ms))
