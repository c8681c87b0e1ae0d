/** The topics that were looked at, with their subscriptions. */
import type { Subscription as Bound } from '../../../core/settings.ts'
import type { Statements } from '../driver/statements.ts'
import {
  DELETE_SUBSCRIPTION,
  DELETE_TOPIC,
  INSERT_SUBSCRIPTION,
  INSERT_TOPIC,
  Subscription,
  SUBSCRIPTIONS_OF,
  Topic,
  TOPIC_BY_NAME,
  TOPIC_KEPT,
  UPDATE_SUBSCRIPTION,
  UPDATE_TOPIC,
} from './topic.ts'

const PREFIX = 'topic:'

export class Topics {
  readonly #statements: Statements
  /** Topics that are not there are remembered as well: who publishes to nobody should pay for nothing. */
  readonly #byName = new Map<string, Topic | null>()
  #dirty: Topic[] = []
  /** What topics keep changes without their settings: it is read again where others may have written. */
  readonly #stale = new Set<Topic>()

  constructor(statements: Statements) {
    this.#statements = statements
  }

  find(name: string): Topic | undefined {
    const known = this.#byName.get(name)
    if (known === null) return undefined
    const topic = known ?? this.#read(name)
    if (topic !== undefined && this.#stale.delete(topic)) {
      const [due, kept] = this.#statements.of(TOPIC_KEPT).first(topic.id)!
      Object.assign(topic, { due, kept })
    }
    return topic
  }

  create(name: string): Topic {
    const [id] = this.#statements.of(INSERT_TOPIC).first(name)!
    const topic = new Topic([id!, name, null, 0, null, 0])
    this.#byName.set(name, topic)
    return topic
  }

  remove(topic: Topic): void {
    this.#statements.of(DELETE_TOPIC).run(topic.id)
    this.#byName.delete(topic.name)
  }

  subscription(topic: string, name: string): Subscription | undefined {
    return this.find(topic)?.subscriptions.get(name)
  }

  /** The subscription that fills the queue of this name: `topic:TOPIC:NAME`. A topic has no colon in its name; subscriptions of apps have. */
  feeding(queue: string): Subscription | undefined {
    const at = queue.startsWith(PREFIX) ? queue.indexOf(':', PREFIX.length) : -1
    return at < 0 ? undefined : this.subscription(queue.slice(PREFIX.length, at), queue.slice(at + 1))
  }

  /** A topic's own row is to be written. */
  change(topic: Topic): void {
    if (topic.isDirty) return
    topic.isDirty = true
    this.#dirty.push(topic)
  }

  bind(
    topic: Topic,
    queue: number,
    bound: Bound,
    rest: { version: number; status: string; cursor: number },
  ): Subscription {
    const text = JSON.stringify(bound)
    const [id] = this.#statements
      .of(INSERT_SUBSCRIPTION)
      .first(topic.id, bound.name, queue, text, rest.version, rest.status, rest.cursor)!
    const subscription = new Subscription([id!, queue, text, rest.version, rest.status, rest.cursor, 0, '[]'])
    topic.add(subscription)
    return subscription
  }

  write(subscription: Subscription): void {
    const { bound, version, status, cursor, hasGap, gaps, id } = subscription
    this.#byName.get(bound.topic)?.follow(subscription)
    this.#statements
      .of(UPDATE_SUBSCRIPTION)
      .run(JSON.stringify(bound), version, status, cursor, hasGap ? 1 : 0, JSON.stringify(gaps), id)
  }

  unbind(topic: Topic, subscription: Subscription): void {
    this.#statements.of(DELETE_SUBSCRIPTION).run(subscription.id)
    topic.remove(subscription)
  }

  flush(): void {
    for (const topic of this.#dirty) this.writeTopic(topic)
    this.#dirty = []
  }

  writeTopic(topic: Topic): void {
    const { retention, version, due, kept, id } = topic
    this.#statements.of(UPDATE_TOPIC).run(retention === null ? null : JSON.stringify(retention), version, due, kept, id)
    topic.isDirty = false
  }

  /** Another process has written, but no settings. */
  refresh(): void {
    for (const topic of this.#byName.values()) if (topic !== null) this.#stale.add(topic)
  }

  clear(): void {
    this.#byName.clear()
    this.#stale.clear()
    this.#dirty = []
  }

  #read(name: string): Topic | undefined {
    const row = this.#statements.of(TOPIC_BY_NAME).first(name)
    if (row === undefined) {
      this.#byName.set(name, null)
      return undefined
    }
    const topic = new Topic(row)
    for (const each of this.#statements.of(SUBSCRIPTIONS_OF).all(topic.id)) topic.add(new Subscription(each))
    this.#byName.set(name, topic)
    return topic
  }
}
