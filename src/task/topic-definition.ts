/** What a topic says: its events by type, each a definition of its own, so that they are versioned, checked and lifted as tasks' inputs are. */
import { PosthornError } from '../core/error.ts'
import type { Retention } from '../core/settings.ts'
import { DEFAULT_RETRY } from '../delivery/retry.ts'
import {
  describeContract,
  resolveSchema,
  resolveTimeout,
  resolveUpcast,
  resolveVersion,
  type Definition,
  type Policy,
} from './definition.ts'
import { resolveRetry } from './retry.ts'
import { resolveQueueOptions } from './settings.ts'

const TOPIC_BRAND = Symbol.for('posthorn.topic')
/** In an error. */
const MOST_NAMED = 20

/** What a topic says: its events by type, and what it keeps of them; `undefined`: nothing is said. */
export interface TopicDefinition {
  readonly name: string
  readonly events: ReadonlyMap<string, Definition>
  readonly retention: Retention | null | undefined
}

/** What is said of one type of a topic's events. */
export interface EventParts {
  readonly topic: string
  readonly type: string
  readonly schema: unknown
  readonly version: unknown
  readonly upcast: unknown
  readonly key: Policy | null
  readonly group: Policy | null
  readonly dedupe: Policy | null
}

/** @throws PosthornError `invalid-option` */
export function defineEvent({ topic, type, schema, version: asked, upcast, ...policies }: EventParts): Definition {
  const field = `topic '${topic}'`
  const version = resolveVersion(`${field}: versions.${type}`, asked)
  return {
    kind: 'event',
    name: type,
    queue: topic,
    eventType: type,
    version,
    input: resolveSchema(field, type, schema ?? null),
    output: null,
    errors: {},
    upcast: resolveUpcast(`${field}: versions.${type}`, version, upcast),
    retry: DEFAULT_RETRY,
    timeoutMs: null,
    ...policies,
    settings: null,
  }
}

/** What a subscription says of how its events are handled. @throws PosthornError `invalid-option`, `invalid-duration` */
export function defineSubscription(
  queue: string,
  name: string,
  field: string,
  given: { readonly retry?: unknown; readonly timeout?: unknown; readonly queue?: unknown },
): Definition {
  return {
    kind: 'subscription',
    name,
    queue,
    eventType: '',
    version: 1,
    input: null,
    output: null,
    errors: {},
    upcast: new Map(),
    retry: resolveRetry(field, given.retry),
    timeoutMs: resolveTimeout(field, given.timeout),
    key: null,
    group: null,
    dedupe: null,
    settings: resolveQueueOptions(field, given.queue),
  }
}

export function brandTopic<N extends string>(name: N, definition: TopicDefinition): { kind: 'topic'; name: N } {
  return Object.freeze(Object.defineProperty({ kind: 'topic' as const, name }, TOPIC_BRAND, { value: definition }))
}

/** @throws PosthornError `invalid-option` where the value is no topic */
export function topicDefinitionOf(topic: unknown, field: string): TopicDefinition {
  const definition =
    typeof topic === 'object' && topic !== null ? (topic as Record<symbol, unknown>)[TOPIC_BRAND] : undefined
  if (definition === undefined)
    throw new PosthornError('invalid-option', `${field} is ${describeContract(topic)}: it must be made by topic()`, {
      details: { field },
    })
  return definition as TopicDefinition
}

export const isTopic = (contract: unknown): boolean =>
  typeof contract === 'object' && contract !== null && TOPIC_BRAND in contract

/** @throws PosthornError `unknown-event` */
export function eventDefinitionOf({ name, events }: TopicDefinition, type: unknown): Definition {
  const definition = typeof type === 'string' ? events.get(type) : undefined
  if (definition !== undefined) return definition
  const known = [...events.keys()].slice(0, MOST_NAMED).map((each) => `'${each}'`)
  throw new PosthornError(
    'unknown-event',
    `topic '${name}' has no event type ${JSON.stringify(type)}: there ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}${events.size > known.length ? ', …' : ''}`,
    { details: { topic: name, type } },
  )
}
