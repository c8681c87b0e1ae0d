/** Routes an event of a topic: kept where the topic keeps its events, and into the queue of every live subscription that wants it. */
import type { ChangeResult } from '../../../core/engine.ts'
import { EVENTS_TOPIC } from '../../../core/name.ts'
import { DEFAULT_QUEUE } from '../../../core/settings.ts'
import { attributesOf, bodySize } from '../wire/content.ts'
import type { Desk } from '../desk.ts'
import type { Subscription, Topic } from '../state/topic.ts'
import { engineMessage } from './ending.ts'
import { missEvent, writeSubscription } from './gap.ts'
import { insert, type Incoming } from './insert.ts'
import { keepEvent } from './retain.ts'
import { findFirst, remember } from './send.ts'

const DEDUPE_MS = DEFAULT_QUEUE.dedupeWindowMs

export function publish(desk: Desk, topicName: string, message: Incoming): ChangeResult {
  const { dedupe } = message
  const first = dedupe === null ? undefined : findFirst(desk, `topic ${topicName}`, dedupe)
  if (first !== undefined) return { id: first, duplicate: true, routed: 0 }
  if (dedupe !== null) remember(desk, `topic ${topicName}`, dedupe, message.id, desk.now + DEDUPE_MS)
  desk.notices.topic(topicName)
  const topic = desk.topics.find(topicName)
  return { id: message.id, duplicate: false, routed: topic === undefined ? 0 : route(desk, topic, message) }
}

function route(desk: Desk, topic: Topic, published: Incoming): number {
  const wanting = wantedBy(topic, published)
  const live = wanting.filter(({ status }) => status === 'live').length
  const message = shareOf(desk, published, live, topic.retention !== null)
  const position = topic.retention === null ? 0 : keepEvent(desk, topic, message)
  const suspended: Subscription[] = []
  let routed = 0
  for (const subscription of wanting) {
    const queue = desk.queues.get(subscription.queue)!
    if (subscription.status !== 'live') {
      if (subscription.status === 'suspended') owe(desk, subscription, position)
    } else if (queue.isFull(bodySize(message))) {
      suspend(desk, subscription, position)
      suspended.push(subscription)
    } else if (insert(desk, queue, message) !== null) routed++
  }
  for (const subscription of suspended) announce(desk, subscription, 'suspended')
  return routed
}

function wantedBy(topic: Topic, message: Incoming): readonly Subscription[] {
  if (topic.subscriptions.size === 0) return []
  const { event } = attributesOf(message)
  return topic.wanting(event).filter((subscription) => subscription.passes(event))
}

/** Stores the content once for all who get it, unless their copies are small; each of them holds it. Whoever comes later may want what is kept. */
function shareOf(desk: Desk, message: Incoming, live: number, isKept: boolean): Incoming {
  const { byteLength } = message.bytes
  const copies = isKept ? live : live - 1
  const later = isKept ? 1 : 0
  if (Math.max(copies, later) * byteLength <= desk.copiedBytes) return message
  const shared = desk.nextSeq()
  desk.shared.store(shared, message.bytes)
  return { ...message, shared }
}

/** A suspended subscription is owed what is kept from now on, or it misses the event. */
function owe(desk: Desk, subscription: Subscription, position: number): void {
  if (position === 0) missEvent(subscription, desk.now)
  else if (subscription.cursor === 0) subscription.cursor = position - 1
  else return
  writeSubscription(desk, subscription)
}

/** From here on the subscription is owed what its topic keeps; where that is nothing, what it misses is noted. */
function suspend(desk: Desk, subscription: Subscription, position: number): void {
  subscription.status = 'suspended'
  subscription.cursor = position === 0 ? 0 : position - 1
  subscription.hasGap = false
  if (position === 0) missEvent(subscription, desk.now)
  writeSubscription(desk, subscription)
}

/** Tells operators, by an event of its own topic. */
export function announce(desk: Desk, subscription: Subscription, what: 'suspended' | 'resumed'): void {
  const { topic, name } = subscription.bound
  const queue = desk.queues.get(subscription.queue)!
  const { name: queueName, living: messages, bytes } = queue
  publish(
    desk,
    EVENTS_TOPIC,
    engineMessage(desk, `posthorn.subscription.${what}`, {
      topic,
      name,
      queue: queueName,
      at: desk.now,
      messages,
      bytes,
    }),
  )
}
