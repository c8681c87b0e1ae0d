/** Feeds a subscription that does not follow live: from what its topic keeps, in bounded steps, until it has caught up. */
import { attributesOf, bodySize } from '../wire/content.ts'
import type { Desk } from '../desk.ts'
import type { Queue } from '../state/queue.ts'
import { BEHIND, RETAINED_AFTER, type Subscription, type Topic } from '../state/topic.ts'
import { missEvent, writeSubscription } from './gap.ts'
import { insert, toIncoming } from './insert.ts'
import { announce } from './publish.ts'

/** Events looked at in one step. */
const STEP_EVENTS = 500
/** Subscriptions that are fed in one turn. */
const FED_AT_ONCE = 20

/** A step for some of those that wait for one. */
export function feedBehind(desk: Desk): void {
  for (const [topic, name] of desk.statements.of(BEHIND).all(FED_AT_ONCE)) {
    const subscription = desk.topics.subscription(topic as string, name as string)
    if (subscription !== undefined) feed(desk, subscription)
  }
}

/** One step. Suspended ones wait until their queue is below half its limit. */
export function feed(desk: Desk, subscription: Subscription): void {
  const { status, cursor } = subscription
  const queue = desk.queues.get(subscription.queue)!
  if (status === 'live' || (status === 'suspended' && !queue.isBelowHalf())) return
  const topic = desk.topics.find(subscription.bound.topic)!
  const missed = subscription.gaps
  const end = moveOn(desk, subscription, queue, topic)
  if (end.status !== status || end.cursor !== cursor || subscription.gaps !== missed) {
    subscription.status = end.status
    subscription.cursor = end.status === 'live' ? 0 : end.cursor
    writeSubscription(desk, subscription)
  }
  if (status === 'suspended' && end.status !== 'suspended') announce(desk, subscription, 'resumed')
}

interface End {
  readonly status: 'live' | 'catching-up' | 'suspended'
  readonly cursor: number
}

function moveOn(desk: Desk, subscription: Subscription, queue: Queue, topic: Topic): End {
  let { cursor } = subscription
  if (topic.retention === null || cursor === 0) return { status: 'live', cursor }
  const events = desk.statements.of(RETAINED_AFTER).all(topic.id, cursor, STEP_EVENTS + 1)
  for (const [position, at, type, split, content, shared] of events.slice(0, STEP_EVENTS)) {
    if (subscription.wantsType(type as string)) {
      const found = { split: split as number, bytes: content as Uint8Array }
      const message = attributesOf(found)
      if (subscription.wants(message.event)) {
        const isFull = queue.isFull(bodySize(found))
        const isTooLarge = isFull && queue.living === 0
        if (isFull && !isTooLarge) return { status: 'suspended', cursor }
        // What can never fit is missed, rather than standing in the way for ever.
        if (isTooLarge) missEvent(subscription, at as number)
        else insert(desk, queue, toIncoming(message, found, shared as number | null))
      }
    }
    cursor = position as number
  }
  return { status: events.length > STEP_EVENTS ? 'catching-up' : 'live', cursor }
}
