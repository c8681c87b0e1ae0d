/** What a topic keeps: each event under the next position, as many and for as long as its retention says. */
import type { Message } from '../../../core/message.ts'
import type { Desk } from '../decide/desk.ts'
import { missEvent } from '../decide/gap.ts'
import type { RetainedItem } from '../state/retained-log.ts'
import type { Subscription, Topic } from '../state/topic.ts'

/** The position that the event got. */
export function keepEvent(desk: Desk, topic: Topic, message: Message, block: number): number {
  const position = desk.state.position + 1
  desk.effects.retained(
    topic.number,
    position,
    desk.now,
    block,
    desk.state.names.intern(message.event.type, desk.effects),
  )
  desk.isDirty = true
  retimeTopic(desk, topic)
  return position
}

/** Forgets what is too old or too much, oldest first, at most so many. */
export function trimTopic(desk: Desk, topic: Topic, most: number): void {
  for (let item = firstTooMuch(desk, topic); item !== undefined && most > 0; item = firstTooMuch(desk, topic), most--)
    forgetEvent(desk, topic, item)
}

/** Forgets all that the topic keeps: it is to keep nothing any more. */
export function forgetAll(desk: Desk, topic: Topic): void {
  const { log } = topic
  if (log === null || log.length === 0) return
  if (topic.lagging.size > 0) for (const item of log.after(0)) missForgotten(desk, topic, item)
  desk.dirty()
  desk.effects.trimmed(topic.number, log.lastPosition)
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
  missForgotten(desk, topic, item)
  desk.dirty()
  desk.effects.trimmed(topic.number, item.position)
}

/** Who was still owed the event will never get it. */
function missForgotten(desk: Desk, topic: Topic, item: RetainedItem): void {
  for (const subscription of topic.lagging) if (isOwed(desk, subscription, item)) missEvent(desk, subscription, item.at)
}

/** Where the content is far away its type alone decides. */
function isOwed(desk: Desk, subscription: Subscription, item: RetainedItem): boolean {
  const { cursor } = subscription.row
  if (cursor === 0 || cursor >= item.position || !subscription.wantsType(desk.state.names.text(item.type))) return false
  try {
    const content = desk.store.blocks.readMessage(item.block)
    if (!(content instanceof Promise)) return subscription.wants(content.event)
    content.catch(() => {})
  } catch {
    // What cannot be read would have been missed as well.
  }
  return true
}
