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
  retimeTopic(desk, topic)
  return position
}

/** Forgets what is too old or too much, oldest first, at most so many. */
export function trimTopic(desk: Desk, topic: Topic, most: number): void {
  for (let item = firstTooMuch(desk, topic); item !== undefined && most > 0; item = firstTooMuch(desk, topic), most--) forgetEvent(desk, topic, item)
}

/** Forgets all that the topic keeps: it is to keep nothing any more. Who was still owed some of it has a gap. */
export function forgetAll(desk: Desk, topic: Topic): void {
  for (let item = topic.log?.first(); item !== undefined; item = topic.log?.first()) forgetEvent(desk, topic, item)
}

/** When the topic has something to forget. */
export function retimeTopic(desk: Desk, topic: Topic): void {
  const { topicDue, topicDuePlaces } = desk
  const at = forgetsAt(desk, topic)
  if (topicDuePlaces.has(topic.number)) {
    topicDue.remove(topic.number)
    topicDuePlaces.forget(topic.number)
  }
  if (at !== Infinity) topicDue.push(topic.number, at)
}

function forgetsAt(desk: Desk, { log, retention }: Topic): number {
  if (log === null || retention === null) return Infinity
  if (log.length > retention.count) return desk.now
  return retention.ms === null || log.length === 0 ? Infinity : log.first()!.at + retention.ms
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
