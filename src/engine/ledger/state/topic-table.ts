/** Topics with the events that they keep, and subscriptions. While a log is replayed only what is stored is kept; the rest is made by `rebuild`. */
import { subscriptionKey, topicKey, type StoredSubscription } from '../../../core/settings.ts'
import type { SubscriptionRow, TopicRow } from '../entries.ts'
import { Numbered } from './numbered.ts'
import type { Queue } from './queue.ts'
import type { RecordTable } from './record-table.ts'
import { Subscription, Topic } from './topic.ts'

/** What topics and subscriptions refer to. */
export interface TopicSurroundings {
  readonly records: RecordTable
  isLive(): boolean
  queue(number: number): Queue | undefined
  retainName(name: number): void
  releaseName(name: number): void
  retainBlock(block: number): void
  releaseBlock(block: number): void
}

type Named = Pick<SubscriptionRow['subscription'], 'topic' | 'name'>

export class TopicTable {
  readonly topics: Numbered<Topic> = new Numbered()
  readonly byName: Map<string, Topic> = new Map()
  readonly subscriptions: Numbered<Subscription> = new Numbered()
  readonly #around: TopicSurroundings

  constructor(around: TopicSurroundings) {
    this.#around = around
  }

  setTopic(row: TopicRow): void {
    let topic = this.topics.get(row.topic)
    if (topic === undefined || topic.name !== row.name) {
      topic = new Topic(row)
      this.topics.set(row.topic, topic)
      this.byName.set(row.name, topic)
    }
    if (row.retention === null) this.#trim(topic, Infinity)
    topic.log = row.retention === null ? null : (topic.log ?? new Topic(row).log)
    topic.retention = row.retention
    topic.version = row.version
    if (row.version > 0) this.#around.records.addSettings(topicKey(row.name))
  }

  deleteTopic(number: number): void {
    const topic = this.topics.get(number)
    if (topic === undefined) return
    this.#trim(topic, Infinity)
    this.topics.delete(number)
    if (this.byName.get(topic.name) === topic) this.byName.delete(topic.name)
    this.#around.records.removeSettings(topicKey(topic.name))
  }

  retain(number: number, position: number, at: number, block: number, type: number): void {
    const log = this.topics.get(number)?.log
    if (log === undefined || log === null || position <= log.lastPosition) return
    log.append(position, at, block, type)
    if (!this.#around.isLive()) return
    this.#around.retainBlock(block)
    this.#around.retainName(type)
  }

  trim(number: number, position: number): void {
    const topic = this.topics.get(number)
    if (topic !== undefined) this.#trim(topic, position)
  }

  setSubscription(row: SubscriptionRow): void {
    const known = this.subscriptions.get(row.number)
    if (known !== undefined && row.subscription === known.row.subscription) {
      known.set(row)
      this.byName.get(row.subscription.topic)?.follow(known)
      return
    }
    const subscription = new Subscription(row)
    if (known !== undefined && isSame(known.row.subscription, row.subscription)) subscription.gaps = known.gaps
    if (known !== undefined && this.#around.isLive()) this.byName.get(row.subscription.topic)?.remove(known)
    this.subscriptions.set(row.number, subscription)
    if (this.#around.isLive()) this.indexSubscription(subscription)
  }

  indexSubscription(subscription: Subscription): void {
    const { topic, name } = subscription.row.subscription
    this.byName.get(topic)!.add(subscription)
    this.#around.queue(subscription.row.queue)!.feeding = subscription
    this.#around.records.addSettings(subscriptionKey(topic, name))
  }

  setGaps(number: number, gaps: StoredSubscription['gaps']): void {
    const subscription = this.subscriptions.get(number)
    if (subscription !== undefined) subscription.gaps = gaps
  }

  deleteSubscription(number: number): void {
    const subscription = this.subscriptions.get(number)
    if (subscription === undefined) return
    const { topic, name } = subscription.row.subscription
    this.subscriptions.delete(number)
    this.byName.get(topic)?.remove(subscription)
    const queue = this.#around.queue(subscription.row.queue)
    if (queue?.feeding === subscription) queue.feeding = null
    this.#around.records.removeSettings(subscriptionKey(topic, name))
  }

  #trim(topic: Topic, position: number): void {
    for (let item = topic.log?.first(); item !== undefined && item.position <= position; item = topic.log?.first()) {
      topic.log!.removeFirst()
      if (!this.#around.isLive()) continue
      this.#around.releaseBlock(item.block)
      this.#around.releaseName(item.type)
    }
  }
}

function isSame(one: Named, other: Named): boolean {
  return one.topic === other.topic && one.name === other.name
}
