/** Feeds a subscription that does not follow live: from what its topic keeps, in bounded steps, until it has caught up. */
import type { Message } from '../../../core/message.ts'
import type { Desk } from './desk.ts'
import { missEvent } from './gap.ts'
import { insert, slotOfId } from './insert.ts'
import { announce } from './publish.ts'
import type { Queue } from '../state/queue.ts'
import type { RetainedItem } from '../state/retained-log.ts'
import type { Subscription, Topic } from '../state/topic.ts'

/** Events looked at in one step. */
const STEP_EVENTS = 500
/** Contents fetched at once where they are not at hand. */
const FETCH_EVENTS = 64

/** A step for each that waits for one. */
export function feedHungry(desk: Desk): void {
  if (desk.hungry.size === 0) return
  for (const number of Array.from(desk.hungry)) {
    const subscription = desk.state.subscriptions.get(number)
    if (subscription === undefined) desk.hungry.delete(number)
    else feed(desk, subscription)
  }
}

/** One step. Suspended ones wait until their queue is below half its limit. */
export function feed(desk: Desk, subscription: Subscription): void {
  const queue = desk.state.queues.get(subscription.row.queue)!
  desk.hungry.delete(subscription.row.number)
  if (subscription.isLive || subscription.isFetching) return
  const wasSuspended = subscription.row.status === 'suspended'
  if (wasSuspended && !queue.isBelowHalf()) return
  const topic = desk.state.topicByName.get(subscription.row.subscription.topic)!
  desk.holdBack()
  const end = moveOn(desk, subscription, queue, topic)
  if (end.status === 'live') subscription.fetched.clear()
  else if (end.status === 'catching-up' && !subscription.isFetching) desk.hungry.add(subscription.row.number)
  if (end.status !== subscription.row.status || end.cursor !== subscription.row.cursor) {
    desk.isDirty = true
    desk.effects.subscriptionSet({
      ...subscription.row,
      status: end.status,
      cursor: end.status === 'live' ? 0 : end.cursor,
    })
  }
  if (wasSuspended && end.status !== 'suspended') announce(desk, subscription, 'resumed')
}

interface End {
  readonly status: 'live' | 'catching-up' | 'suspended'
  readonly cursor: number
}

function moveOn(desk: Desk, subscription: Subscription, queue: Queue, topic: Topic): End {
  let { cursor } = subscription.row
  let left = STEP_EVENTS
  if (topic.log === null || cursor === 0) return { status: 'live', cursor }
  for (const item of topic.log.after(cursor)) {
    if (left-- === 0) return { status: 'catching-up', cursor }
    if (subscription.wantsType(desk.state.names.text(item.type))) {
      const message = contentOf(desk, subscription, item)
      if (message === 'far') {
        void fetch(desk, subscription, topic, cursor)
        return { status: 'catching-up', cursor }
      }
      if (message === 'lost') missEvent(desk, subscription, item.at)
      else if (subscription.wants(message.event)) {
        const isTooLarge = queue.living === 0 && queue.isFull(1, message.body.byteLength)
        if (!isTooLarge && queue.isFull(1, message.body.byteLength)) return { status: 'suspended', cursor }
        // What can never fit is missed, rather than standing in the way for ever.
        if (isTooLarge) missEvent(desk, subscription, item.at)
        else if (slotOfId(desk, queue, message.id) === 0) insert(desk, queue, message, item.block)
      }
      subscription.fetched.delete(item.position)
    }
    cursor = item.position
  }
  return { status: 'live', cursor }
}

/** `far`: it must be fetched · `lost`: it cannot be read. */
function contentOf(desk: Desk, subscription: Subscription, item: RetainedItem): Message | 'far' | 'lost' {
  const fetched = subscription.fetched.get(item.position)
  if (fetched !== undefined) return fetched
  try {
    const content = desk.store.blocks.readMessage(item.block)
    if (!(content instanceof Promise)) return content
    // It is asked for again when it is fetched, with those that come after it.
    content.catch(() => {})
    return 'far'
  } catch {
    return 'lost'
  }
}

async function fetch(desk: Desk, subscription: Subscription, topic: Topic, cursor: number): Promise<void> {
  // What was fetched before and not taken meanwhile may have been trimmed: nobody would ever come for it.
  subscription.fetched.clear()
  const reads: Promise<void>[] = []
  for (const item of topic.log!.after(cursor)) {
    if (reads.length === FETCH_EVENTS) break
    if (subscription.wantsType(desk.state.names.text(item.type))) reads.push(fetchOne(desk, subscription, item))
  }
  subscription.isFetching = true
  await Promise.all(reads)
  subscription.isFetching = false
  desk.hungry.add(subscription.row.number)
  desk.wake()
}

async function fetchOne(desk: Desk, subscription: Subscription, { position, block }: RetainedItem): Promise<void> {
  try {
    subscription.fetched.set(position, await desk.store.blocks.readMessage(block))
  } catch {
    // The store has said so already; the subscription must not wait for what cannot be read.
    subscription.fetched.set(position, 'lost')
  }
}
