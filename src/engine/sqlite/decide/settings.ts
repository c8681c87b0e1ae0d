/** Changes of what is durable about queues, topics and subscriptions. A refusal leaves nothing. */
import type { Change, ChangeResult } from '../../../core/engine.ts'
import {
  DEFAULT_SUBSCRIPTION_QUEUE,
  settingsKey,
  subscriptionKey,
  subscriptionQueue,
  topicKey,
  type ReadFrom,
} from '../../../core/settings.ts'
import { quote, refuse, type Refusal } from '../../sql/refusal.ts'
import type { Desk } from '../desk.ts'
import { READY } from '../state/message.ts'
import { COUNT_SUBSCRIPTIONS, COUNT_TOPICS, FIRST_SINCE, RETAINED_AFTER, type Topic } from '../state/topic.ts'
import { beginAnew, discardSome } from './clear-queue.ts'
import { feed } from './feed.ts'
import { writeSubscription } from './gap.ts'
import { forgetSettings, noteSettings, refusalOfVersion } from './record.ts'
import { forgetAll, retime } from './retain.ts'
import { refusalOfNewQueue } from './send.ts'

type Of<Do extends Change['do']> = Extract<Change, { readonly do: Do }>

export function configure(desk: Desk, { queue: name, settings, ifVersion }: Of<'configure'>): ChangeResult | Refusal {
  const refusal = refusalOfVersion(desk, settingsKey(name), ifVersion) ?? refusalOfNewQueue(desk, name)
  if (refusal !== null) return refusal
  const queue = desk.queues.change(desk.queue(name, settings))
  queue.settings = settings
  queue.version = desk.nextVersion()
  // What is kept may be too old by now, and the queue itself unused for too long: it is looked at.
  desk.lowerDue(queue, desk.now)
  desk.queues.touch(queue)
  if (!settings.paused && queue.counts[READY]! > 0) desk.notices.queue(name)
  return noteSettings(desk, settingsKey(name), queue.version)
}

export function retain(desk: Desk, { topic: name, retention, ifVersion }: Of<'retain'>): ChangeResult | Refusal {
  const refusal = refusalOfVersion(desk, topicKey(name), ifVersion) ?? refusalOfNewTopic(desk, name)
  if (refusal !== null) return refusal
  const topic = topicOf(desk, name)
  if (retention === null) forgetAll(desk, topic)
  topic.retention = retention
  topic.version = desk.nextVersion()
  retime(desk, topic)
  desk.topics.writeTopic(topic)
  if (retention === null) releaseWaiting(desk, topic)
  return noteSettings(desk, topicKey(name), topic.version)
}

/** Nobody is owed anything any more. Who was catching up follows live at once, so as not to miss what is published next. */
function releaseWaiting(desk: Desk, topic: Topic): void {
  for (const subscription of topic.lagging) {
    if (subscription.status === 'catching-up') subscription.status = 'live'
    subscription.cursor = 0
    writeSubscription(desk, subscription)
  }
}

export function bind(desk: Desk, { subscription: bound, ifVersion }: Of<'bind'>): ChangeResult | Refusal {
  const { topic: topicName, name, from } = bound
  const key = subscriptionKey(topicName, name)
  const refusal = refusalOfBind(desk, bound) ?? refusalOfVersion(desk, key, ifVersion)
  if (refusal !== null) return refusal
  const topic = topicOf(desk, topicName)
  const queue = desk.queue(subscriptionQueue(topicName, name), DEFAULT_SUBSCRIPTION_QUEUE)
  beginAnew(desk, queue)
  const version = desk.nextVersion()
  const known = topic.subscriptions.get(name)
  if (known !== undefined) {
    topic.rebind(known, bound)
    known.version = version
    writeSubscription(desk, known)
  } else {
    const cursor = cursorOf(desk, topic, from)
    const status = cursor === null ? 'live' : 'catching-up'
    const subscription = desk.topics.bind(topic, queue.id, bound, { version, status, cursor: cursor ?? 0 })
    if (cursor !== null) feed(desk, subscription)
  }
  return noteSettings(desk, key, version)
}

export function unbind(desk: Desk, { topic: topicName, name }: Of<'unbind'>): null {
  const subscription = desk.topics.subscription(topicName, name)
  if (subscription === undefined) return null
  const topic = desk.topics.find(topicName)!
  const queue = desk.queues.get(subscription.queue)!
  desk.topics.unbind(topic, subscription)
  if (topic.subscriptions.size === 0 && topic.version === 0) desk.topics.remove(topic)
  Object.assign(desk.queues.change(queue), { unbound: true, usedAt: desk.now })
  discardSome(desk, queue, desk.limits.changes)
  desk.lowerDue(queue, queue.isEmpty ? desk.now + queue.idleExpiryMs! : desk.now)
  forgetSettings(desk, subscriptionKey(topicName, name))
  return null
}

function refusalOfBind(desk: Desk, { topic: topicName, name, from }: Of<'bind'>['subscription']): Refusal | null {
  const isKnown = desk.topics.subscription(topicName, name) !== undefined
  const keeps = (desk.topics.find(topicName)?.retention ?? null) !== null
  if (from !== 'now' && !isKnown && !keeps)
    return refuse(
      'unsupported',
      `from is ${quote(from)}, but topic '${topicName}' keeps no events: it can only begin 'now'`,
    )
  const count = isKnown ? 0 : (desk.statements.of(COUNT_SUBSCRIPTIONS).first()![0] as number)
  if (count >= desk.limits.subscriptions)
    return refuse('full', `there are ${count} subscriptions: the engine holds at most ${desk.limits.subscriptions}`)
  return refusalOfNewTopic(desk, topicName) ?? refusalOfNewQueue(desk, subscriptionQueue(topicName, name))
}

function refusalOfNewTopic(desk: Desk, name: string): Refusal | null {
  if (desk.topics.find(name) !== undefined) return null
  const count = desk.statements.of(COUNT_TOPICS).first()![0] as number
  return count < desk.limits.topics
    ? null
    : refuse('full', `there are ${count} topics: the engine holds at most ${desk.limits.topics}`)
}

function topicOf(desk: Desk, name: string): Topic {
  desk.settingsChanged()
  return desk.topics.find(name) ?? desk.topics.create(name)
}

/** The position after which it begins; null: with the next event. */
function cursorOf(desk: Desk, topic: Topic, from: ReadFrom): number | null {
  if (from === 'now' || topic.retention === null) return null
  const first = firstOwed(desk, topic, from)
  return first === undefined ? null : first - 1
}

function firstOwed(desk: Desk, topic: Topic, from: Exclude<ReadFrom, 'now'>): number | undefined {
  const { statements } = desk
  if (from !== 'beginning' && 'at' in from)
    return statements.of(FIRST_SINCE).first(topic.id, from.at)?.[0] as number | undefined
  const after = from === 'beginning' ? 0 : Number(from.position)
  return statements.of(RETAINED_AFTER).first(topic.id, after, 1)?.[0] as number | undefined
}
