/** Routes an event of a topic: kept where the topic keeps its events, and into the queue of every live subscription that wants it. */
import type { ChangeResult } from '../../../core/engine.ts'
import type { Message } from '../../../core/message.ts'
import { EVENTS_TOPIC } from '../../../core/name.ts'
import { DEFAULT_QUEUE } from '../../../core/settings.ts'
import type { Desk } from './desk.ts'
import { engineMessage } from './ending.ts'
import { missEvent } from './gap.ts'
import { insert, slotOfId } from './insert.ts'
import { keepEvent } from '../time/retain.ts'
import { dedupeText } from '../state/state.ts'
import type { Subscription, Topic } from '../state/topic.ts'

const DEDUPE_MS = DEFAULT_QUEUE.dedupeWindowMs

export function publish(desk: Desk, topicName: string, message: Message): ChangeResult {
  const { dedupe } = message
  const first =
    dedupe === undefined ? undefined : desk.state.dedupe.find(dedupeText('topic', topicName, dedupe), desk.now)
  if (first !== undefined) return { id: first, duplicate: true, routed: 0 }
  if (dedupe !== undefined) {
    desk.isDirty = true
    desk.effects.deduped({ scope: 'topic', name: topicName, text: dedupe, id: message.id, until: desk.now + DEDUPE_MS })
  }
  desk.notices.topic(topicName)
  const topic = desk.state.topicByName.get(topicName)
  return { id: message.id, duplicate: false, routed: topic === undefined ? 0 : route(desk, topic, message) }
}

function route(desk: Desk, topic: Topic, message: Message): number {
  let block = 0
  const content = (): number => (block === 0 ? (block = desk.store.blocks.addMessage(message)) : block)
  const position = topic.log === null ? 0 : keepEvent(desk, topic, message, content())
  const suspended: Subscription[] = []
  let routed = 0
  for (const subscription of topic.wanting(message.event)) {
    if (!subscription.passes(message.event)) continue
    const queue = desk.state.queues.get(subscription.row.queue)!
    if (!subscription.isLive) {
      if (subscription.row.status === 'suspended') owe(desk, subscription, position)
    } else if (queue.isFull(1, message.body.byteLength)) {
      suspend(desk, subscription, position)
      suspended.push(subscription)
    } else if (slotOfId(desk, queue, message.id) === 0) {
      insert(desk, queue, message, content())
      routed++
    }
  }
  for (const subscription of suspended) announce(desk, subscription, 'suspended')
  return routed
}

/** A suspended subscription is owed what is kept from now on, or it misses the event. */
function owe(desk: Desk, subscription: Subscription, position: number): void {
  if (position === 0) return missEvent(desk, subscription, desk.now)
  if (subscription.row.cursor !== 0) return
  desk.effects.subscriptionSet({ ...subscription.row, cursor: position - 1 })
  desk.isDirty = true
}

/** From here on the subscription is owed what its topic keeps; where that is nothing, what it misses is noted. */
function suspend(desk: Desk, subscription: Subscription, position: number): void {
  desk.effects.subscriptionSet({
    ...subscription.row,
    status: 'suspended',
    cursor: position === 0 ? 0 : position - 1,
    hasGap: false,
  })
  desk.isDirty = true
  if (position === 0) missEvent(desk, subscription, desk.now)
}

/** Tells operators, by an event of its own topic. */
export function announce(desk: Desk, subscription: Subscription, what: 'suspended' | 'resumed'): void {
  const { topic, name } = subscription.row.subscription
  const queue = desk.state.queues.get(subscription.row.queue)!
  publish(
    desk,
    EVENTS_TOPIC,
    engineMessage(desk, `posthorn.subscription.${what}`, {
      topic,
      name,
      queue: queue.name,
      at: desk.now,
      messages: queue.living,
      bytes: queue.bytes,
    }),
  )
}
