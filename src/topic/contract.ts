/**
 * Topics: which events there are, by type, each with a schema. Publishers, subscribers and the server share the file that declares
 * them; everything is inferred from it. A topic has no messages of its own: each subscription's are in the queue `topic:TOPIC:NAME`.
 */
import { parseDuration, type Duration } from '../core/duration.ts'
import { checkKnown, invalidOption, isPlain } from '../core/option.ts'
import { checkName } from '../core/name.ts'
import type { Schema, SchemaInput, SchemaOutput } from '../core/schema.ts'
import type { Retention } from '../core/settings.ts'
import {
  brandTopic,
  defineEvent,
  resolvePolicy,
  type JsonInput,
  type Policy,
  type Publishable,
  type Upcast,
} from '../task/index.ts'

declare const parses: unique symbol

/** `Events` are the wire forms of its events' data by type: what publishers give. `Parsed` is what handlers get. */
// oxlint-disable-next-line typescript/no-explicit-any -- `Topic` alone is any topic
export interface Topic<Name extends string = string, Events = any, Parsed = Events> extends Publishable<Events> {
  readonly kind: 'topic'
  readonly name: Name
  readonly [parses]?: { parsed: Parsed } | undefined
}

/** An event as its handler gets it. `ctx.message` has all else that is known of it. */
export interface Event<Type extends string = string, Data = unknown> {
  /** The event's own id, unique per source. Where it was published by Posthorn's code, it is the message's id as well. */
  readonly id: string
  readonly source: string
  readonly type: Type
  readonly subject?: string
  /** RFC 3339: when it happened, or else when it was published. */
  readonly time: string
  readonly key?: string
  readonly data: Data
}

/** The union of the events of these types. */
export type EventFor<Events, Types extends keyof Events & string> = { [T in Types]: Event<T, Events[T]> }[Types]

/** What a topic's own functions are given: a union over all its events. */
export type Published<Parsed> = {
  [T in keyof Parsed & string]: { readonly type: T; readonly data: Parsed[T] }
}[keyof Parsed & string]

export interface RetainOptions {
  /** How long events are kept; null: as long as there is room for them. Default null. */
  readonly for?: Duration | null | undefined
  /** At most so many, the latest. Default 1,000,000. */
  readonly count?: number | undefined
}

export interface EventVersion {
  /** Of the data's form. Default 1. A worker gives back, uncounted, what is of a version that it does not know. */
  readonly version: number
  /** From each older version that is still to be understood to the one after it: `{ 1: (old) => … }` with `version: 2`. */
  readonly upcast?: { readonly [version: number]: Upcast } | undefined
}

export interface TopicOptions<Parsed> {
  /** Keep events for reading and for subscriptions that begin before now. Put in place when handlers start. Default: as it is. */
  readonly retain?: RetainOptions | null | undefined
  /** Events that share it come one at a time and in order to each subscription that keeps order. */
  readonly key?: ((event: Published<Parsed>) => string | undefined) | undefined
  /** The tenant. */
  readonly group?: ((event: Published<Parsed>) => string | undefined) | undefined
  /** A second event with the same text within 24 h changes nothing. */
  readonly dedupe?: ((event: Published<Parsed>) => string | undefined) | undefined
  /** Of the event types whose data have changed their form. */
  readonly versions?: { readonly [T in keyof Parsed]?: EventVersion | undefined } | undefined
}

const KNOWN = ['retain', 'key', 'group', 'dedupe', 'versions']
const DEFAULT_COUNT = 1_000_000
/** As patterns can name them. */
const EVENT_TYPE = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/
const LONGEST_TYPE = 255

/**
 * Declares a topic: `topic('orders', { 'order.created': Order, 'order.paid': Payment })`.
 * @throws PosthornError `invalid-name`, `invalid-option`, `invalid-duration`
 */
export function topic<const N extends string, E extends { readonly [type: string]: Schema }>(
  name: N,
  events: { [K in keyof E]: E[K] & JsonInput<E[K]> },
  options?: NoInfer<TopicOptions<{ [K in keyof E]: SchemaOutput<E[K]> }>>,
): Topic<N, { [K in keyof E]: SchemaInput<E[K]> }, { [K in keyof E]: SchemaOutput<E[K]> }> {
  checkName(name, 'the name of the topic')
  const field = `topic '${name}'`
  if (!isPlain(events) || Object.keys(events).length === 0)
    throw invalidOption(field, 'events', events, "an object of schemas by event type, like { 'order.created': Order }")
  const given: unknown = options ?? {}
  if (!isPlain(given)) throw invalidOption(field, 'options', given, "an object like { retain: { for: '7d' } }")
  checkKnown(field, given, KNOWN)
  const versions = resolveVersions(field, events, given['versions'])
  const policies = {
    key: resolvePolicy(field, 'key', given['key']),
    group: resolvePolicy(field, 'group', given['group']),
    dedupe: resolvePolicy(field, 'dedupe', given['dedupe']),
  }
  const definitions = Object.entries(events).map(([type, schema]) => {
    checkType(field, type)
    const { version, upcast } = versions[type] ?? {}
    const of = (policy: Policy | null): Policy | null => policy && ((data) => policy({ type, data }))
    return [
      type,
      defineEvent({
        topic: name,
        type,
        schema,
        version,
        upcast,
        key: of(policies.key),
        group: of(policies.group),
        dedupe: of(policies.dedupe),
      }),
    ] as const
  })
  const retention = given['retain'] === undefined ? undefined : resolveRetention(`${field}: retain`, given['retain'])
  return brandTopic(name, { name, events: new Map(definitions), retention })
}

/** @throws PosthornError `invalid-option`, `invalid-duration` */
export function resolveRetention(field: string, given: RetainOptions | null): Retention | null {
  if (given === null) return null
  checkPlain(field, given, "an object like { for: '7d', count: 10_000 }, or null")
  checkKnown(field, given, ['for', 'count'])
  const { for: kept = null, count = DEFAULT_COUNT } = given
  if (!Number.isSafeInteger(count) || count < 1)
    throw invalidOption(field, 'count', count, 'a whole number of at least 1')
  return { ms: kept === null ? null : parseDuration(kept, `${field}: for`), count }
}

/** Narrows nothing: what was given keeps its type. */
function checkPlain(field: string, given: unknown, right: string): void {
  if (!isPlain(given)) throw invalidOption(field, 'options', given, right)
}

function resolveVersions(
  field: string,
  events: object,
  given: unknown,
): Readonly<Record<string, { readonly version?: unknown; readonly upcast?: unknown }>> {
  if (given === undefined) return {}
  if (!isPlain(given))
    throw invalidOption(
      field,
      'versions',
      given,
      "an object like { 'order.created': { version: 2, upcast: { 1: … } } }",
    )
  checkKnown(`${field}: versions`, given, Object.keys(events))
  for (const [type, each] of Object.entries(given)) {
    if (each === undefined) continue
    if (!isPlain(each)) throw invalidOption(field, `versions.${type}`, each, 'an object like { version: 2 }')
    checkKnown(`${field}: versions.${type}`, each, ['version', 'upcast'])
  }
  return given as Record<string, { readonly version?: unknown; readonly upcast?: unknown }>
}

function checkType(field: string, type: string): void {
  if (!EVENT_TYPE.test(type) || type.length > LONGEST_TYPE)
    throw invalidOption(
      field,
      'an event type',
      type,
      `1 to ${LONGEST_TYPE} letters, digits, '_' and '-', in segments parted by '.'`,
    )
}
