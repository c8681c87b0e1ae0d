/** Changes of what is durable about queues, topics and subscriptions. They have been checked. */
import type { ChangeResult } from '../../../core/engine.ts'
import {
  DEFAULT_SUBSCRIPTION_QUEUE,
  settingsKey,
  subscriptionKey,
  subscriptionQueue,
  topicKey,
  type QueueSettings,
  type ReadFrom,
  type Retention,
  type Subscription as Bound,
} from '../../../core/settings.ts'
import { beginAnew, discardSome } from './clear-queue.ts'
import { toVersion, type Desk } from './desk.ts'
import { feed } from './feed.ts'
import { forgetAll, retimeTopic } from '../time/retain.ts'
import type { Topic } from '../state/topic.ts'

export function configure(desk: Desk, queueName: string, settings: QueueSettings): ChangeResult {
  const queue = desk.queue(queueName, settings)
  const version = desk.nextVersion()
  desk.effects.queueSet({ ...queue.row(), settings, version })
  desk.isDirty = true
  desk.notices.key(settingsKey(queueName))
  if (!settings.paused && queue.ready.oldestAt() !== null) desk.state.listener.becameReady(queue)
  return { version: toVersion(version) }
}

export function retain(desk: Desk, topicName: string, retention: Retention | null): ChangeResult {
  const version = desk.nextVersion()
  const topic = topicOf(desk, topicName)
  if (retention === null) forgetAll(desk, topic)
  desk.effects.topicSet({ ...topic.row(), retention, version })
  retimeTopic(desk, topic)
  if (retention === null) releaseWaiting(desk, topic)
  desk.isDirty = true
  desk.notices.key(topicKey(topicName))
  return { version: toVersion(version) }
}

/** Nobody is owed anything any more. Who was catching up follows live at once, so as not to miss what is published next. */
function releaseWaiting(desk: Desk, topic: Topic): void {
  for (const { row } of topic.lagging) {
    desk.effects.subscriptionSet({ ...row, status: row.status === 'catching-up' ? 'live' : row.status, cursor: 0 })
  }
}

export function bind(desk: Desk, subscription: Bound): ChangeResult {
  const { topic: topicName, name } = subscription
  const topic = topicOf(desk, topicName)
  const queue = desk.queue(subscriptionQueue(topicName, name), DEFAULT_SUBSCRIPTION_QUEUE)
  beginAnew(desk, queue)
  const version = desk.nextVersion()
  const known = topic.subscriptions.get(name)
  if (known !== undefined) desk.effects.subscriptionSet({ ...known.row, subscription, version })
  else {
    const cursor = cursorOf(topic, subscription.from)
    const status = cursor === null ? 'live' : 'catching-up'
    desk.effects.subscriptionSet({
      number: desk.state.subscriptions.next(),
      queue: queue.number,
      subscription,
      version,
      status,
      cursor: cursor ?? 0,
      hasGap: false,
    })
    if (cursor !== null) feed(desk, topic.subscriptions.get(name)!)
  }
  desk.isDirty = true
  desk.notices.key(subscriptionKey(topicName, name))
  return { version: toVersion(version) }
}

export function unbind(desk: Desk, topicName: string, name: string): null {
  const subscription = desk.state.subscription(topicName, name)
  if (subscription === undefined) return null
  const queue = desk.state.queues.get(subscription.row.queue)!
  desk.hungry.delete(subscription.row.number)
  desk.effects.subscriptionGone(subscription.row.number)
  const topic = desk.state.topicByName.get(topicName)!
  if (topic.subscriptions.size === 0 && topic.version === 0) desk.effects.topicGone(topic.number)
  desk.effects.queueSet({ ...queue.row(), unbound: true })
  queue.lastUsedAt = desk.now
  discardSome(desk, queue, desk.limits.changes)
  desk.isDirty = true
  desk.notices.key(subscriptionKey(topicName, name))
  return null
}

function topicOf(desk: Desk, name: string): Topic {
  const known = desk.state.topicByName.get(name)
  if (known !== undefined) return known
  const number = desk.state.topics.next()
  desk.effects.topicSet({ topic: number, name, retention: null, version: 0 })
  return desk.state.topics.get(number)!
}

/** The position after which it begins; null: with the next event. */
function cursorOf(topic: Topic, from: ReadFrom): number | null {
  const { log } = topic
  if (from === 'now' || log === null) return null
  const owed =
    from === 'beginning' ? log.after(0) : 'at' in from ? log.since(from.at) : log.after(Number(from.position))
  for (const item of owed) return item.position - 1
  return null
}
