/** What a topic keeps: each event under the next position, as many and for as long as its retention says. */
import type { Message } from '../../core/message.ts'
import type { Desk } from './desk.ts'
import type { RetainedItem } from './retained-log.ts'
import type { Topic } from './topic.ts'

/** The position that the event got. */
export function keepEvent(desk: Desk, topic: Topic, message: Message, block: number): number {
  const position = desk.state.position + 1
  desk.effects.retained(topic.number, position, desk.now, block, desk.state.names.intern(message.event.type, desk.effects))
  retimeTopic(desk, topic)
  return position
}

/** Forgets what is too old or too much, oldest first, at most so many. */
export function trimTopic(desk: Desk, topic: Topic, most: number): void {
  for (let item = firstTooMuch(desk, topic); item !== undefined && most > 0; item = firstTooMuch(desk, topic), most--) desk.effects.trimmed(topic.number, item.position)
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
