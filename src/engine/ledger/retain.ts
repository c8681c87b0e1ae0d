/** What a topic keeps: each event under the next position, as many and for as long as its retention says. */
import type { Message } from '../../core/message.ts'
import type { Desk } from './desk.ts'
import { openGap, widenGap } from './gap.ts'
import type { RetainedItem } from './retained-log.ts'
import type { Subscription, Topic } from './topic.ts'

/** The position that the event got. */
export function keepEvent(desk: Desk, topic: Topic, message: Message, block: number): number {
  const position = desk.state.position + 1
  desk.effects.retained(topic.number, position, desk.now, block, desk.state.names.intern(message.event.type, desk.effects))
  trimTopic(desk, topic, 2)
  retimeTopic(desk, topic)
  return position
}

/** Forgets what is too old or too much, oldest first, at most so many. Whether there is more to forget. */
export function trimTopic(desk: Desk, topic: Topic, most: number): boolean {
  for (let item = firstTooMuch(desk, topic); item !== undefined; item = firstTooMuch(desk, topic)) {
    if (most-- === 0) return true
    forgetEvent(desk, topic, item)
  }
  return false
}

/** Forgets all that the topic keeps: it is to keep nothing any more. Who was still owed some of it has a gap. */
export function forgetAll(desk: Desk, topic: Topic): void {
  for (let item = topic.log?.first(); item !== undefined; item = topic.log?.first()) forgetEvent(desk, topic, item)
}

/** When the topic has something to forget by age. */
export function retimeTopic(desk: Desk, topic: Topic): void {
  const first = topic.retention?.ms == null ? undefined : topic.log?.first()
  const { topicDue, topicDuePlaces } = desk
  if (topicDuePlaces.has(topic.number)) {
    topicDue.remove(topic.number)
    topicDuePlaces.forget(topic.number)
  }
  if (first !== undefined) topicDue.push(topic.number, first.at + topic.retention!.ms!)
}

function firstTooMuch(desk: Desk, topic: Topic): RetainedItem | undefined {
  const { log, retention } = topic
  if (log === null || retention === null || log.length === 0) return undefined
  if (log.length <= retention.count && retention.ms === null) return undefined
  const first = log.first()!
  return log.length > retention.count || first.at + retention.ms! <= desk.now ? first : undefined
}

function forgetEvent(desk: Desk, topic: Topic, item: RetainedItem): void {
  const type = desk.state.names.text(item.type)
  for (const subscription of topic.lagging) if (isOwed(subscription, item, type)) missEvent(desk, subscription, item)
  desk.effects.trimmed(topic.number, item.position)
}

/** Whether the filters pass is not asked: the content may be far away. */
function isOwed(subscription: Subscription, item: RetainedItem, type: string): boolean {
  return subscription.row.cursor < item.position && subscription.wantsType(type)
}

function missEvent(desk: Desk, subscription: Subscription, item: RetainedItem): void {
  if (subscription.missing === null) openGap(desk, subscription, item.at)
  else widenGap(desk, subscription, item.at)
  subscription.missing = item.position
}
