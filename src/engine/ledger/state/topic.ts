/** Topics and subscriptions as the ledger has them: patterns and filters compiled, and found by what they demand of an event. */
import { compileFilters, compileTypes, type Predicate } from '../../../core/filter.ts'
import type { EventAttributes, Message } from '../../../core/message.ts'
import { RoutingIndex } from '../../../core/routing/routing-index.ts'
import type { Retention, StoredSubscription } from '../../../core/settings.ts'
import type { SubscriptionRow, TopicRow } from '../entries.ts'
import type { Feeding } from './queue.ts'
import { RetainedLog } from './retained-log.ts'

export class Subscription implements Feeding {
  row: SubscriptionRow
  gaps: StoredSubscription['gaps'] = []
  /** Contents that were fetched for the events it is owed, by position; `lost` where they cannot be read. */
  readonly fetched: Map<number, Message | 'lost'> = new Map()
  isFetching = false
  readonly #matchesType: (type: string) => boolean
  readonly #passes: Predicate

  constructor(row: SubscriptionRow) {
    this.row = row
    this.#matchesType = compileTypes(row.subscription.types)
    this.#passes = compileFilters(row.subscription.filters)
  }

  /** Another status or cursor of the same subscription. */
  set(row: SubscriptionRow): void {
    this.row = row
  }

  get order(): 'none' | 'key' | 'strict' {
    return this.row.subscription.order
  }

  get isLive(): boolean {
    return this.row.status === 'live'
  }

  wantsType(type: string): boolean {
    return this.#matchesType(type)
  }

  /** Whether an event of a type that it wants passes its filters. */
  passes(event: EventAttributes): boolean {
    return this.#passes(event)
  }

  wants(event: EventAttributes): boolean {
    return this.#matchesType(event.type) && this.#passes(event)
  }

  stored(): StoredSubscription {
    return { ...this.row.subscription, status: this.row.status, gaps: this.gaps }
  }
}

export class Topic {
  readonly number: number
  readonly name: string
  retention: Retention | null
  version: number
  log: RetainedLog | null
  readonly subscriptions: Map<string, Subscription> = new Map()
  /** Those that do not follow live. */
  readonly lagging: Set<Subscription> = new Set()
  readonly #index = new RoutingIndex<Subscription>()

  constructor(row: TopicRow) {
    this.number = row.topic
    this.name = row.name
    this.retention = row.retention
    this.version = row.version
    this.log = row.retention === null ? null : new RetainedLog()
  }

  row(): TopicRow {
    return { topic: this.number, name: this.name, retention: this.retention, version: this.version }
  }

  /** Subscriptions that can want this event; their filters have the last word. */
  wanting(event: EventAttributes): readonly Subscription[] {
    return this.#index.find(event)
  }

  add(subscription: Subscription): void {
    this.subscriptions.set(subscription.row.subscription.name, subscription)
    this.#index.add(subscription, subscription.row.subscription)
    this.follow(subscription)
  }

  /** Notes whether the subscription follows live. */
  follow(subscription: Subscription): void {
    if (subscription.isLive) this.lagging.delete(subscription)
    else this.lagging.add(subscription)
  }

  remove(subscription: Subscription): void {
    this.subscriptions.delete(subscription.row.subscription.name)
    this.lagging.delete(subscription)
    this.#index.delete(subscription)
  }
}
