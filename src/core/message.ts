/** A message: a CloudEvents 1.0 event plus delivery attributes. What is sent, stored and handed out on every engine. */
import { isUuid } from './id.ts'
import { isEventType, isQueueName } from './name.ts'

/**
 * CloudEvents 1.0 context attributes; `specversion` is always 1.0. Any further attribute is an extension:
 * lower-case letters and digits, a scalar value.
 */
export interface EventAttributes {
  /** The event's own id, unique per source. Posthorn's id of the message is `Message.id`. */
  readonly id: string
  /** URI-reference of the context in which the event happened. */
  readonly source: string
  readonly type: string
  readonly subject?: string | undefined
  /** RFC 3339. */
  readonly time?: string | undefined
  /** Media type of the body; absent means JSON. */
  readonly datacontenttype?: string | undefined
  readonly dataschema?: string | undefined
  readonly [extension: string]: string | number | boolean | undefined
}

/** A moment: so many milliseconds from now on the engine's clock, or a wall time in ms since the epoch. */
export type When = { readonly afterMs: number } | { readonly at: number }

export interface Message {
  /** A UUID, lower case; UUIDv7 where Posthorn makes it. Unique in its queue while the message lives. */
  readonly id: string
  readonly event: EventAttributes
  /** Raw bytes end to end, never re-serialised. */
  readonly body: Uint8Array
  /** One at a time and in send order among the messages of a queue that share it. */
  readonly key?: string | undefined
  /** The tenant, for fairness. */
  readonly group?: string | undefined
  /** 0 to 9, higher first. */
  readonly priority: number
  /** Relative cost of handling it, for fairness. Default 1. */
  readonly cost?: number | undefined
  /** Not handed out before. */
  readonly delay?: When | undefined
  /** Not handed out after: it ends as expired. */
  readonly expires?: When | undefined
  /** Wall time by which it should be handled, ms since the epoch (earliest deadline first). */
  readonly deadline?: number | undefined
  /** A second send with the same text to the same queue (publish: topic) within the window changes nothing. */
  readonly dedupe?: string | undefined
  /** Queue for the answer. */
  readonly replyTo?: string | undefined
  /** Queue that is told when the message ends without a handler: the body is a `Report` as JSON. */
  readonly report?: string | undefined
  /** What the floors above need to end the message rightly (contract version, callbacks). Opaque to engines, at most 4 KiB as JSON. */
  readonly notes?: Readonly<Record<string, string>> | undefined
}

/**
 * arrived: confirmed or about to be, not yet placed · ready: may be handed out · held: waits behind its key ·
 * delayed: waits for its time · leased: handed out · dead: buried, kept for redrive · the others are ends.
 */
export type State =
  | 'arrived'
  | 'ready'
  | 'held'
  | 'delayed'
  | 'leased'
  | 'dead'
  | 'acked'
  | 'expired'
  | 'cancelled'
  | 'discarded'

export const WAITING_STATES: readonly State[] = ['arrived', 'ready', 'held', 'delayed']
export const ENDED_STATES: readonly State[] = ['acked', 'expired', 'cancelled', 'discarded']

export interface MessageRef {
  readonly queue: string
  readonly id: string
}

/** Why a run failed, as its holder reports it. Engines cut `message` and `stack` to 1 KiB together. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly stack?: string | undefined
}

/** A failure as kept: the last 10 of a message. */
export interface StoredFailure extends Failure {
  /** Engine time, ms since the epoch. */
  readonly at: number
  /** The delay that was decided, for backoff that looks back; null where there was none. */
  readonly delayMs: number | null
}

export interface StoredMessage extends MessageRef {
  readonly message: Message
  readonly state: State
  /** Engine time of the send, ms since the epoch. */
  readonly sentAt: number
  /** When it became or becomes ready; null where that is not known or past caring. */
  readonly readyAt: number | null
  readonly leaseUntil: number | null
  /** When it ended or died. */
  readonly endedAt: number | null
  /** Hand-outs. */
  readonly acquired: number
  /** Failures a holder reported. */
  readonly failed: number
  /** Times it was given back. */
  readonly released: number
  readonly failures: readonly StoredFailure[]
  readonly cancelRequested: boolean
  /** Why it is dead or ended, where somebody said so: a failure's code, a drop's reason, `lapsed`. */
  readonly reason: string | null
}

/** The body of the message that a `report` queue gets: the ended message without its own body. */
export interface Report {
  readonly id: string
  readonly queue: string
  readonly state: 'dead' | 'expired' | 'cancelled' | 'discarded'
  readonly reason: string | null
  readonly acquired: number
  readonly failed: number
  readonly sentAt: number
  readonly endedAt: number
  readonly message: Omit<Message, 'body'>
}

/** Type of the event that carries a `Report`. */
export const REPORT_TYPE = 'posthorn.message.ended'

export const DEFAULT_PRIORITY = 4
export const HIGHEST_PRIORITY = 9
export const KEPT_FAILURES = 10
export const FAILURE_BYTES = 1024
export const NOTES_BYTES = 4096
const ATTRIBUTE_BYTES = 64 * 1024
const TEXT_BYTES = 1024
/** The attributes that CloudEvents defines. */
const CORE_NAMES: ReadonlySet<string> = new Set([
  'id',
  'source',
  'type',
  'subject',
  'time',
  'datacontenttype',
  'dataschema',
])
const EXTENSION_NAME = /^[a-z0-9]{1,40}$/

/** Hand-outs that ended with neither an outcome nor a release: crashes and lapsed leases. */
export function lapses(stored: Pick<StoredMessage, 'acquired' | 'failed' | 'released' | 'state' | 'reason'>): number {
  const withHolder = stored.state === 'leased' || stored.state === 'acked' ? 1 : 0
  return Math.max(0, stored.acquired - stored.failed - stored.released - withHolder)
}

/**
 * What is wrong with a message, as a sentence that names the field, the value and what would be right; null where nothing is.
 * Engines call it on every send, so that no engine stores what another would refuse.
 */
export function faultOfMessage(message: Message, maxBodyBytes: number): string | null {
  const { event } = message
  if (!isUuid(message.id)) return `message.id is ${JSON.stringify(message.id)}: it must be a UUID in lower case`
  if (typeof event.id !== 'string' || event.id === '')
    return `event.id is ${JSON.stringify(event.id)}: it must be a text that is not empty`
  if (typeof event.source !== 'string' || event.source === '')
    return `event.source is ${JSON.stringify(event.source)}: it must be a URI reference`
  if (typeof event.type !== 'string' || !isEventType(event.type))
    return `event.type is ${JSON.stringify(event.type)}: it must be 1 to 255 printable ASCII characters`
  if (!(message.body instanceof Uint8Array)) return `body is ${typeof message.body}: it must be bytes`
  if (message.body.byteLength > maxBodyBytes)
    return `the body has ${message.body.byteLength} bytes: at most ${maxBodyBytes} are allowed`
  if (!Number.isInteger(message.priority) || message.priority < 0 || message.priority > HIGHEST_PRIORITY)
    return `priority is ${message.priority}: it must be a whole number from 0 to ${HIGHEST_PRIORITY}`
  if (message.cost !== undefined && !(Number.isFinite(message.cost) && message.cost > 0))
    return `cost is ${message.cost}: it must be a number above 0`
  if (message.deadline !== undefined && !Number.isFinite(message.deadline))
    return `deadline is ${message.deadline}: it must be a time in ms since the epoch`
  return (
    faultOfText('key', message.key) ??
    faultOfText('group', message.group) ??
    faultOfText('dedupe', message.dedupe) ??
    faultOfQueue('replyTo', message.replyTo) ??
    faultOfQueue('report', message.report) ??
    faultOfMoment('delay', message.delay) ??
    faultOfMoment('expires', message.expires) ??
    faultOfAttributes(event) ??
    (message.notes !== undefined && JSON.stringify(message.notes).length > NOTES_BYTES
      ? `notes are larger than ${NOTES_BYTES} bytes`
      : null)
  )
}

function faultOfText(field: string, text: string | undefined): string | null {
  if (text === undefined || (typeof text === 'string' && text !== '' && text.length <= TEXT_BYTES)) return null
  return `${field} is ${JSON.stringify(text)?.slice(0, 80)}: it must be a text of 1 to ${TEXT_BYTES} characters`
}

function faultOfQueue(field: string, queue: string | undefined): string | null {
  if (queue === undefined || isQueueName(queue)) return null
  return `${field} is ${JSON.stringify(queue)}: it must be the name of a queue`
}

function faultOfMoment(field: string, when: When | undefined): string | null {
  if (when === undefined || !faultOfWhen(when)) return null
  return `${field} is ${JSON.stringify(when)}: it must be { afterMs } of at least 0 or { at } in ms since the epoch`
}

export function faultOfWhen(when: When): boolean {
  // Both at once would be read as either, here and there.
  if ('afterMs' in when) return 'at' in when || !(Number.isFinite(when.afterMs) && when.afterMs >= 0)
  return !(Number.isFinite(when.at) && when.at >= 0)
}

function faultOfAttributes(event: EventAttributes): string | null {
  let size = 0
  for (const name in event) {
    const value = event[name]
    if (value === undefined) continue
    if (!CORE_NAMES.has(name) && (!EXTENSION_NAME.test(name) || name === 'data'))
      return `event attribute ${JSON.stringify(name)}: names are 1 to 40 lower-case letters and digits`
    if (typeof value === 'string') size += value.length
    else if (typeof value !== 'number' && typeof value !== 'boolean')
      return `event.${name} is ${JSON.stringify(value)}: it must be a text, a number or a boolean`
    size += name.length + 8
  }
  return size > ATTRIBUTE_BYTES ? `the event's attributes are larger than ${ATTRIBUTE_BYTES} bytes` : null
}
