/** Settings of queues, topics and subscriptions: durable, shared by all processes, changed by a commit, read as records. */
import { compileFilters, compileTypes, type Filter } from './filter.ts'
import { isPosthornError } from './error.ts'
import { isSubscriptionName, isTopicName } from './name.ts'

export interface QueueSettings {
  /** How the next message is chosen. fifo: by place · priority: highest first, or with `agingMs` by place − priority × agingMs · deadline: earliest first. */
  readonly pick: {
    readonly by: 'fifo' | 'priority' | 'deadline'
    readonly agingMs?: number | undefined
    readonly fair?: { readonly weights: Readonly<Record<string, number>> } | undefined
  }
  /** What waits or is leased may not exceed this. null: no limit. */
  readonly limit: { readonly messages: number | null; readonly bytes: number | null }
  /** Beyond the limit: refuse the sender, or (subscriptions) suspend the subscription and record the gap. */
  readonly overflow: 'refuse' | 'suspend'
  /** A paused queue takes messages and hands none out. */
  readonly paused: boolean
  readonly dedupeWindowMs: number
  /** A message whose lease lapses more often is buried as `lapsed`. */
  readonly maxLapses: number
  readonly keep: {
    /** Whether acked messages are kept like the other ended ones. */
    readonly acked: boolean
    readonly endedMs: number
    readonly endedCount: number
    /** Dead letters older or more than this are discarded, oldest first. null: kept until somebody acts. */
    readonly deadMs: number | null
    readonly deadCount: number
  }
  /** A queue without a lease, a send or a message for so long is removed with its settings; null: never. */
  readonly idleExpiryMs: number | null
}

export const DEFAULT_QUEUE: QueueSettings = {
  pick: { by: 'priority' },
  limit: { messages: 1_000_000, bytes: null },
  overflow: 'refuse',
  paused: false,
  dedupeWindowMs: 24 * 3_600_000,
  maxLapses: 5,
  keep: { acked: false, endedMs: 3_600_000, endedCount: 10_000, deadMs: null, deadCount: 100_000 },
  idleExpiryMs: null,
}

export const DEFAULT_SUBSCRIPTION_QUEUE: QueueSettings = { ...DEFAULT_QUEUE, overflow: 'suspend' }

/** What a queue has that nobody has set anything of. */
export const defaultSettings = (queue: string): QueueSettings =>
  queue.startsWith('topic:') ? DEFAULT_SUBSCRIPTION_QUEUE : DEFAULT_QUEUE

/** How long a topic keeps its events for reading and catching up. A topic without this keeps none. */
export interface Retention {
  readonly ms: number | null
  readonly count: number
}

export type ReadFrom = 'now' | 'beginning' | { readonly at: number } | { readonly position: string }

export interface Subscription {
  readonly topic: string
  /** Unique in its topic. Its messages are in the queue `topic:TOPIC:NAME`. */
  readonly name: string
  /** Patterns of event types; none: every type. */
  readonly types: readonly string[]
  /** All must pass. */
  readonly filters: readonly Filter[]
  /** Where it begins when it is first bound; other than 'now' asks for a retained topic. Later binds go on from where it is. */
  readonly from: ReadFrom
  /** none · key: one at a time and in order per message key · strict: one at a time and in order over all. */
  readonly order: 'none' | 'key' | 'strict'
}

/** A subscription as the record `subscription/TOPIC/NAME` shows it (JSON). */
export interface StoredSubscription extends Subscription {
  /** 'live': routed to at every publish · 'catching-up': fed from the retained topic · 'suspended': over its limit. */
  readonly status: 'live' | 'catching-up' | 'suspended'
  /** What was not queued while suspended on a topic that keeps nothing: engine times and how many matched. */
  readonly gaps: readonly { readonly from: number; readonly to: number; readonly count: number }[]
}

export const subscriptionQueue = (topic: string, name: string): string => `topic:${topic}:${name}`
export const settingsKey = (queue: string): string => `queue/${queue}`
export const subscriptionKey = (topic: string, name: string): string => `subscription/${topic}/${name}`
export const topicKey = (topic: string): string => `topic/${topic}`

/** A sentence on what is wrong with settings; null where nothing is. */
export function faultOfSettings(settings: QueueSettings): string | null {
  const { pick, limit, keep } = settings
  if (!['fifo', 'priority', 'deadline'].includes(pick.by))
    return `pick.by is ${JSON.stringify(pick.by)}: it must be 'fifo', 'priority' or 'deadline'`
  if (pick.agingMs !== undefined && !(Number.isFinite(pick.agingMs) && pick.agingMs > 0))
    return `pick.agingMs is ${pick.agingMs}: it must be a number of milliseconds above 0`
  if (pick.agingMs !== undefined && pick.by !== 'priority')
    return `pick.agingMs goes with pick.by 'priority', not '${pick.by}'`
  return (
    faultOfCount('limit.messages', limit.messages, true) ??
    faultOfCount('limit.bytes', limit.bytes, true) ??
    faultOfCount('dedupeWindowMs', settings.dedupeWindowMs) ??
    faultOfCount('maxLapses', settings.maxLapses) ??
    faultOfCount('keep.endedMs', keep.endedMs) ??
    faultOfCount('keep.endedCount', keep.endedCount) ??
    faultOfCount('keep.deadMs', keep.deadMs, true) ??
    faultOfCount('keep.deadCount', keep.deadCount) ??
    faultOfCount('idleExpiryMs', settings.idleExpiryMs, true) ??
    (settings.overflow === 'refuse' || settings.overflow === 'suspend'
      ? null
      : `overflow is ${JSON.stringify(settings.overflow)}: it must be 'refuse' or 'suspend'`) ??
    (typeof settings.paused === 'boolean'
      ? null
      : `paused is ${JSON.stringify(settings.paused)}: it must be true or false`) ??
    (typeof keep.acked === 'boolean' ? null : `keep.acked is ${JSON.stringify(keep.acked)}: it must be true or false`)
  )
}

export function faultOfSubscription(subscription: Subscription): string | null {
  if (!isTopicName(subscription.topic)) return `topic is ${JSON.stringify(subscription.topic)}: it must be a name`
  if (!isSubscriptionName(subscription.name)) return `name is ${JSON.stringify(subscription.name)}: it must be a name`
  if (!['none', 'key', 'strict'].includes(subscription.order))
    return `order is ${JSON.stringify(subscription.order)}: it must be 'none', 'key' or 'strict'`
  try {
    compileTypes(subscription.types)
    compileFilters(subscription.filters)
    return null
  } catch (error) {
    if (isPosthornError(error)) return error.message
    throw error
  }
}

function faultOfCount(field: string, value: number | null, orNull = false): string | null {
  if (orNull && value === null) return null
  return Number.isSafeInteger(value) && value! >= 0
    ? null
    : `${field} is ${JSON.stringify(value)}: it must be a whole number of at least 0${orNull ? ', or null for none' : ''}`
}
