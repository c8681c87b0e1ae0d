/** The options of a send, and what becomes of them in a message. */
import { parseDuration, type Duration } from '../core/duration.ts'
import type { Problem } from '../core/error.ts'
import { isUuid } from '../core/id.ts'
import { HIGHEST_PRIORITY, type When } from '../core/message.ts'
import type { Sendable } from './contract.ts'
import { checkKnown, invalidOption, isPlain } from '../core/option.ts'

export type Priority = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9

/** How a message is delivered. What is given here goes before the contract's own `key`, `group` and `dedupe`. */
export interface MessageOptions {
  /** One at a time and in send order among the messages of a queue that share it. */
  readonly key?: string | undefined
  /** The tenant, for fairness and for finding. */
  readonly group?: string | undefined
  /** Not handed out before so long from now. */
  readonly delay?: Duration | undefined
  /** Not handed out before this time. Not together with `delay`. */
  readonly notBefore?: Date | undefined
  /** A second send with the same text within the queue's window (24 h) changes nothing, and answers with the first id. */
  readonly dedupe?: string | undefined
  /** 0 to 9, higher first. Default 4. */
  readonly priority?: Priority | undefined
  /** Not handed out after so long from now, or after this time: it ends as expired. */
  readonly expires?: Duration | Date | undefined
  /** What it is about, as CloudEvents' `subject`. */
  readonly subject?: string | undefined
  /** Posthorn's id for it, a UUID: sending it again while it lives changes nothing. Default: a new UUIDv7. */
  readonly id?: string | undefined
  /** W3C trace context, passed through. */
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
}

/** How an event is published: it is delivered so to every subscription. What is given here goes before the topic's own `key`, `group` and `dedupe`. */
export interface PublishOptions extends MessageOptions {
  /** CloudEvents source of this event. Default: that of `open`. */
  readonly source?: string | undefined
  /** CloudEvents extension attributes, for filters and readers: names of lower-case letters and digits. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>> | undefined
}

/** For calls of a post that take part in a transaction of the user's. */
export interface JoinOptions {
  /**
   * The open transaction of the user's that this is part of: it exists when that has committed, and never where that is rolled back. Of pg,
   * postgres.js, Kysely, Drizzle, Knex or Prisma on the database of 'postgres://…', or a `DatabaseSync` on the file of 'sqlite:FILE'.
   */
  readonly within?: object | undefined
}

/** Of a task also: who is told durably when its operation ends, by a message in the commit that ends it. */
export interface SendOptions<Output> extends MessageOptions {
  readonly onSuccess?: Sendable<{ id: string; output: Output }, unknown, unknown> | undefined
  readonly onFailure?: Sendable<{ id: string; error: Problem }, unknown, unknown> | undefined
}

/** What follows the contract in a call: an input where it takes one, then options. */
export type Args<Input, Options> = 0 extends 1 & Input
  ? [input: Input, options?: Options]
  : [Input] extends [void]
    ? [input?: undefined, options?: Options]
    : [input: Input, options?: Options]

const OWN_ATTRIBUTES = [
  'id',
  'source',
  'type',
  'time',
  'subject',
  'datacontenttype',
  'dataschema',
  'specversion',
  'data',
]
const TEXTS = ['key', 'group', 'dedupe', 'subject', 'traceparent', 'tracestate']
const KNOWN_OF_MESSAGE = [
  'key',
  'group',
  'delay',
  'notBefore',
  'dedupe',
  'priority',
  'expires',
  'subject',
  'id',
  'traceparent',
  'tracestate',
]
const KNOWN_OF_EVENT = [...KNOWN_OF_MESSAGE, 'source', 'attributes']
const KNOWN = [...KNOWN_OF_MESSAGE, 'onSuccess', 'onFailure']

/** @throws PosthornError `invalid-option`, naming the option, its value and what would be right */
export function checkMessageOptions(field: string, given: unknown, isEvent = false): asserts given is MessageOptions {
  if (!isPlain(given)) throw invalidOption(field, 'options', given, "an object like { delay: '5m' }")
  checkKnown(field, given, isEvent ? KNOWN_OF_EVENT : KNOWN)
  const { priority, delay, notBefore, id } = given as MessageOptions
  for (const option of TEXTS) {
    const text = given[option]
    if (text !== undefined && (typeof text !== 'string' || text === ''))
      throw invalidOption(field, option, text, 'a text that is not empty')
  }
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= HIGHEST_PRIORITY))
    throw invalidOption(field, 'priority', priority, `a whole number from 0 to ${HIGHEST_PRIORITY}`)
  if (id !== undefined && !isUuid(id)) throw invalidOption(field, 'id', id, 'a UUID in lower case')
  if (delay !== undefined && notBefore !== undefined)
    throw invalidOption(field, 'notBefore', notBefore, 'left out where there is a delay')
}

/** What an event alone has. @throws PosthornError `invalid-option` */
export function checkPublishOptions(field: string, { source, attributes }: PublishOptions): void {
  if (source !== undefined && (typeof source !== 'string' || source === ''))
    throw invalidOption(field, 'source', source, "a URI reference, like '/shop'")
  if (attributes === undefined) return
  if (!isPlain(attributes)) throw invalidOption(field, 'attributes', attributes, "an object like { region: 'eu' }")
  for (const [name, value] of Object.entries(attributes)) {
    if (!/^[a-z0-9]{1,40}$/.test(name) || OWN_ATTRIBUTES.includes(name))
      throw invalidOption(
        field,
        'attributes',
        name,
        `names of 1 to 40 lower-case letters and digits, none of ${OWN_ATTRIBUTES.join(', ')}`,
      )
    if (typeof value !== 'string' && typeof value !== 'boolean' && !Number.isFinite(value))
      throw invalidOption(field, `attributes.${name}`, value, 'a text, a number or a boolean')
  }
}

/** The moment from which a message may be handed out; undefined: at once. */
export function toDelay(field: string, { delay, notBefore }: MessageOptions): When | undefined {
  if (delay !== undefined) return { afterMs: parseDuration(delay, `${field}: delay`) }
  return notBefore === undefined ? undefined : { at: toTime(field, 'notBefore', notBefore) }
}

/** The moment from which a message is not handed out any more; undefined: never. */
export function toExpiry(field: string, { expires }: MessageOptions): When | undefined {
  if (expires === undefined) return undefined
  return expires instanceof Date
    ? { at: toTime(field, 'expires', expires) }
    : { afterMs: parseDuration(expires, `${field}: expires`) }
}

function toTime(field: string, option: string, date: Date): number {
  const at = date instanceof Date ? date.getTime() : Number.NaN
  if (!(at >= 0)) throw invalidOption(field, option, date, 'a valid Date')
  return at
}
