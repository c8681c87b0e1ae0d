/**
 * Subscriptions with a handler. A name is durable: it gets every event that it wants from its first start on, whether its handlers
 * run or not, and all workers that handle it share the work. It is bound before its worker begins.
 */
import type { Duration } from '../core/duration.ts'
import { PosthornError } from '../core/error.ts'
import type { Filter } from '../core/filter.ts'
import { checkName } from '../core/name.ts'
import { checkKnown, invalidOption, isPlain } from '../core/option.ts'
import { faultOfSubscription, subscriptionQueue, type ReadFrom, type Subscription } from '../core/settings.ts'
import {
  createHandler,
  defineSubscription,
  resolveRunning,
  topicDefinitionOf,
  type Awaitable,
  type Context,
  type Handler,
  type HandleOptions,
  type Outcome,
  type QueueOptions,
  type RetryOptions,
  type TopicDefinition,
} from '../task/index.ts'
import type { EventFor, Topic } from './contract.ts'
import { declareRetention, declareSubscription } from './declare.ts'
import type { Checked, Matching } from './pattern.ts'
import { readingOf } from './reading.ts'

/** Where a subscription begins: with what is published from now on, or with what its topic keeps. */
export type From = 'now' | 'beginning' | { readonly at: Date } | { readonly position: string }

export interface SubscriptionOptions {
  /** CloudEvents filters; all must pass. Default: none. */
  readonly filters?: readonly Filter[] | undefined
  /** Counts when the name is first bound; from then on it goes on from where it is. Default 'now'; the others need a topic that keeps its events. */
  readonly from?: From | undefined
  /** none · key: one at a time and in order among events that share a key · strict: one at a time and in order over all. Default 'key'. */
  readonly order?: 'none' | 'key' | 'strict' | undefined
}

/** @typeParam Transaction what `ctx.tx` is */
export interface SubscribeOptions<Transaction = never> extends SubscriptionOptions, HandleOptions<Transaction> {
  readonly retry?: RetryOptions | undefined
  /** Longest time of one run. Default: none. */
  readonly timeout?: Duration | undefined
  /** Settings of its queue. Beyond its limit it is suspended: publishers are never refused for it. */
  readonly queue?: QueueOptions | undefined
}

const KNOWN_OF_SUBSCRIPTION = ['filters', 'from', 'order']
const KNOWN = [
  ...KNOWN_OF_SUBSCRIPTION,
  'concurrency',
  'lease',
  'middleware',
  'transaction',
  'retry',
  'timeout',
  'queue',
]

/**
 * Handles the events of a topic whose types match: `subscribe(orders, 'billing', 'order.*', async (event, ctx) => { … })`.
 * @throws PosthornError `invalid-option`, `invalid-name`, `invalid-duration`
 */
export function subscribe<N extends string, E, P, const T extends string, Transaction = never>(
  topic: Topic<N, E, P>,
  name: string,
  types: Checked<N, E, T> | readonly Checked<N, E, T>[],
  handler: (event: EventFor<P, Matching<P, T> & keyof P>, ctx: Context<{}, Transaction>) => Awaitable<void | Outcome>,
  options: SubscribeOptions<Transaction> = {},
): Handler {
  const definition = topicDefinitionOf(topic, 'the first argument of subscribe()')
  checkName(name, 'the name of the subscription')
  const field = `subscribe(${definition.name}, ${name})`
  checkOptions(field, options)
  const { filters, from, order, concurrency, lease, middleware, transaction, ...rest } = options as SubscribeOptions
  const subscription = resolveSubscription(definition.name, name, toList(types), { filters, from, order }, field)
  return createHandler({
    ...resolveRunning(field, handler, { concurrency, lease, middleware, transaction }),
    definition: defineSubscription(subscriptionQueue(definition.name, name), name, field, rest),
    reading: readingOf(definition),
    declare: async ({ engine, registry, log }) => {
      registry.addTopic(definition)
      await declareTopic({ engine, log }, definition)
      await declareSubscription({ engine, log }, subscription)
    },
  })
}

async function declareTopic(deps: Parameters<typeof declareRetention>[0], definition: TopicDefinition): Promise<void> {
  if (definition.retention !== undefined) await declareRetention(deps, definition.name, definition.retention)
}

/**
 * What is stored of a subscription, checked as the engine will.
 * @throws PosthornError `invalid-option`
 */
export function resolveSubscription(
  topic: string,
  name: string,
  types: readonly string[],
  { filters = [], from = 'now', order = 'key' }: SubscriptionOptions,
  field: string,
): Subscription {
  if (!Array.isArray(filters)) throw invalidOption(field, 'filters', filters, 'an array of filters')
  const subscription = { topic, name, types, filters, from: toReadFrom(field, from), order }
  const fault = faultOfSubscription(subscription)
  if (fault !== null) throw new PosthornError('invalid-option', `${field}: ${fault}`, { details: { of: field } })
  return subscription
}

function checkOptions(field: string, options: unknown): void {
  if (!isPlain(options)) throw invalidOption(field, 'options', options, "an object like { from: 'beginning' }")
  checkKnown(field, options, KNOWN)
}

/** @throws PosthornError `invalid-option` */
export function toReadFrom(field: string, from: From): ReadFrom {
  if (from === 'now' || from === 'beginning') return from
  if (isPlain(from)) {
    const { at, position } = from as { readonly at?: unknown; readonly position?: unknown }
    if (at instanceof Date && at.getTime() >= 0 && position === undefined) return { at: at.getTime() }
    if (typeof position === 'string' && at === undefined) return { position }
  }
  throw invalidOption(field, 'from', from, "'now', 'beginning', { at: Date } or { position }")
}

/** A type without a pattern is one; an empty list would be all of them. */
function toList(types: unknown): readonly string[] {
  const list: unknown = typeof types === 'string' ? [types] : types
  if (!Array.isArray(list) || list.length === 0)
    throw invalidOption('subscribe', 'types', types, "a pattern like 'order.*', or a list of at least one")
  return list as string[]
}
