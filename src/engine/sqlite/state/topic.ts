/** Topics and subscriptions as deciders see them, with what routing needs compiled. */
import { compileFilters, compileTypes, type Predicate } from '../../../core/filter.ts'
import type { EventAttributes } from '../../../core/message.ts'
import { RoutingIndex } from '../../../core/routing/routing-index.ts'
import type { Retention, StoredSubscription, Subscription as Bound } from '../../../core/settings.ts'
import type { Row } from '../driver/driver.ts'

export const TOPIC_BY_NAME = 'select id, name, retention, version, due, kept from topic where name = ?'
export const TOPIC_KEPT = 'select due, kept from topic where id = ?'
export const INSERT_TOPIC = 'insert into topic (name, retention, version, kept) values (?, null, 0, 0) returning id'
export const UPDATE_TOPIC = 'update topic set retention = ?, version = ?, due = ?, kept = ? where id = ?'
export const DELETE_TOPIC = 'delete from topic where id = ?'
export const COUNT_TOPICS = 'select count(*) from topic'
export const NEXT_TOPIC_DUE = 'select due, name from topic where due is not null order by due limit 1'

const SUBSCRIPTION_COLUMNS = 'id, queue, subscription, version, status, cursor, has_gap, gaps'
export const SUBSCRIPTIONS_OF: string = `select ${SUBSCRIPTION_COLUMNS} from subscription where topic = ? order by id`
export const BEHIND =
  "select t.name, s.name from subscription s join topic t on t.id = s.topic where s.status = 'catching-up' order by s.id limit ?"
export const ANY_BEHIND = "select 1 from subscription where status = 'catching-up' limit 1"
export const COUNT_SUBSCRIPTIONS = 'select count(*) from subscription'
export const INSERT_SUBSCRIPTION =
  "insert into subscription (topic, name, queue, subscription, version, status, cursor, has_gap, gaps) values (?, ?, ?, ?, ?, ?, ?, 0, '[]') returning id"
export const UPDATE_SUBSCRIPTION =
  'update subscription set subscription = ?, version = ?, status = ?, cursor = ?, has_gap = ?, gaps = ? where id = ?'
export const DELETE_SUBSCRIPTION = 'delete from subscription where id = ?'

export const INSERT_RETAINED =
  'insert into retained (position, topic, at, type, split, content, shared) values (?, ?, ?, ?, ?, ?, ?)'
/** As an expression on the row of a retained event: its content, wherever it is. */
export const EVENT_CONTENT =
  'coalesce((select c.content from content c where c.seq = retained.shared), retained.content)'
export const RETAINED_AFTER: string = `select position, at, type, split, ${EVENT_CONTENT}, shared from retained where topic = ? and position > ? order by position limit ?`
export const FIRST_RETAINED = 'select position, at from retained where topic = ? order by position limit 1'
export const FIRST_SINCE = 'select position from retained where topic = ? and at >= ? order by at, position limit 1'
export const DELETE_RETAINED = 'delete from retained where position = ?'
export const SHARED_RETAINED = 'select shared from retained where topic = ? and shared is not null'
export const DELETE_ALL_RETAINED = 'delete from retained where topic = ?'

export class Subscription {
  readonly id: number
  readonly queue: number
  bound: Bound
  version: number
  status: StoredSubscription['status']
  /** It is owed what its topic keeps after this position; 0: nothing. */
  cursor: number
  /** Its last gap is of this suspension and still grows. */
  hasGap: boolean
  gaps: StoredSubscription['gaps']
  wantsType: (type: string) => boolean
  #passes: Predicate

  constructor(row: Row) {
    const [id, queue, bound, version, status, cursor, hasGap, gaps] = row
    this.id = id as number
    this.queue = queue as number
    this.bound = JSON.parse(bound as string) as Bound
    this.version = version as number
    this.status = status as StoredSubscription['status']
    this.cursor = cursor as number
    this.hasGap = hasGap === 1
    this.gaps = JSON.parse(gaps as string) as StoredSubscription['gaps']
    this.wantsType = compileTypes(this.bound.types)
    this.#passes = compileFilters(this.bound.filters)
  }

  rebind(bound: Bound): void {
    this.bound = bound
    this.wantsType = compileTypes(bound.types)
    this.#passes = compileFilters(bound.filters)
  }

  /** Whether an event of a type that it wants passes its filters. */
  passes(event: EventAttributes): boolean {
    return this.#passes(event)
  }

  wants(event: EventAttributes): boolean {
    return this.wantsType(event.type) && this.#passes(event)
  }

  stored(): StoredSubscription {
    return { ...this.bound, status: this.status, gaps: this.gaps }
  }
}

export class Topic {
  readonly id: number
  readonly name: string
  retention: Retention | null
  version: number
  /** Not later than when it next has something to forget; null: never. */
  due: number | null
  /** Events that it keeps. */
  kept: number
  isDirty = false
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #index = new RoutingIndex<Subscription>()
  /** Those that do not follow live. */
  readonly #lagging = new Set<Subscription>()

  constructor(row: Row) {
    const [id, name, retention, version, due, kept] = row
    this.id = id as number
    this.name = name as string
    this.retention = JSON.parse((retention as string | null) ?? 'null') as Retention | null
    this.version = version as number
    this.due = due as number | null
    this.kept = kept as number
  }

  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#subscriptions
  }

  get lagging(): ReadonlySet<Subscription> {
    return this.#lagging
  }

  /** Subscriptions that can want this event; their filters have the last word. */
  wanting(event: EventAttributes): readonly Subscription[] {
    return this.#index.find(event)
  }

  add(subscription: Subscription): void {
    this.#subscriptions.set(subscription.bound.name, subscription)
    this.#index.add(subscription, subscription.bound)
    this.follow(subscription)
  }

  /** The subscription is for other events now. */
  rebind(subscription: Subscription, bound: Bound): void {
    subscription.rebind(bound)
    this.#index.add(subscription, bound)
  }

  /** Notes whether the subscription follows live. */
  follow(subscription: Subscription): void {
    if (subscription.status === 'live') this.#lagging.delete(subscription)
    else this.#lagging.add(subscription)
  }

  remove(subscription: Subscription): void {
    this.#subscriptions.delete(subscription.bound.name)
    this.#lagging.delete(subscription)
    this.#index.delete(subscription)
  }
}
