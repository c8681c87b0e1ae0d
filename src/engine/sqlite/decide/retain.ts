/** What a topic keeps: each event under the next position, as many and for as long as its retention says. */
import { attributesOf, type Content } from '../wire/content.ts'
import type { Desk } from '../desk.ts'
import {
  DELETE_ALL_RETAINED,
  DELETE_RETAINED,
  FIRST_RETAINED,
  INSERT_RETAINED,
  RETAINED_AFTER,
  SHARED_RETAINED,
  type Subscription,
  type Topic,
} from '../state/topic.ts'
import { missEvent, writeSubscription } from './gap.ts'
import type { Incoming } from './insert.ts'

const NOTHING = new Uint8Array(0)

type RetainedRow = readonly [
  position: number,
  at: number,
  type: string,
  split: number,
  content: Uint8Array,
  shared: number | null,
]

/** The position that the event got. */
export function keepEvent(desk: Desk, topic: Topic, message: Incoming): number {
  const position = ++desk.numbers.position
  desk.isDirty = true
  const { type, split, bytes, shared } = message
  desk.run(INSERT_RETAINED, position, topic.id, desk.now, type, split, shared === null ? bytes : NOTHING, shared)
  if (shared !== null) desk.shared.hold(shared)
  desk.topics.change(topic)
  topic.kept++
  const { ms, count } = topic.retention!
  const due = topic.kept > count ? desk.now : ms === null ? null : desk.now + ms
  if (due !== null && (topic.due === null || due < topic.due)) topic.due = due
  desk.isOverdue ||= due !== null && due <= desk.now
  return position
}

/** Forgets what is too old or too much, oldest first, at most so many. @returns how many it were */
export function trimTopic(desk: Desk, topic: Topic, most: number): number {
  desk.topics.change(topic)
  const missed = new Set<Subscription>()
  let left = most
  for (; left > 0 && isTooMuch(desk, topic); left--) {
    const [event] = desk.statements.of(RETAINED_AFTER).all(topic.id, 0, 1)
    const [position, at, , split, bytes, shared] = event as RetainedRow
    for (const subscription of owedTo(topic, position, { split, bytes })) {
      missEvent(subscription, at)
      missed.add(subscription)
    }
    desk.run(DELETE_RETAINED, position)
    if (shared !== null) desk.shared.release(shared)
    topic.kept--
    desk.isDirty = true
  }
  for (const subscription of missed) writeSubscription(desk, subscription)
  retime(desk, topic)
  return most - left
}

/** Forgets all that the topic keeps: it is to keep nothing any more. */
export function forgetAll(desk: Desk, topic: Topic): void {
  if (topic.kept === 0) return
  const { lagging } = topic
  if (lagging.size > 0) {
    for (const [position, at, , split, bytes] of desk.statements.of(RETAINED_AFTER).all(topic.id, 0, topic.kept))
      for (const subscription of owedTo(topic, position as number, {
        split: split as number,
        bytes: bytes as Uint8Array,
      }))
        missEvent(subscription, at as number)
    for (const subscription of lagging) writeSubscription(desk, subscription)
  }
  for (const [shared] of desk.statements.of(SHARED_RETAINED).all(topic.id)) desk.shared.release(shared as number)
  desk.run(DELETE_ALL_RETAINED, topic.id)
  topic.kept = 0
}

/** When the topic has something to forget. */
export function retime(desk: Desk, topic: Topic): void {
  const { retention } = topic
  const first = retention === null ? undefined : desk.statements.of(FIRST_RETAINED).first(topic.id)
  if (retention === null || first === undefined) topic.due = null
  else if (topic.kept > retention.count) topic.due = desk.now
  else topic.due = retention.ms === null ? null : (first[1] as number) + retention.ms
}

function isTooMuch(desk: Desk, { id, kept, retention }: Topic): boolean {
  if (retention === null || kept === 0) return false
  if (kept > retention.count) return true
  if (retention.ms === null) return false
  const first = desk.statements.of(FIRST_RETAINED).first(id)
  return first !== undefined && (first[1] as number) + retention.ms <= desk.now
}

/** Who was still owed the event will never get it. */
function owedTo(topic: Topic, position: number, content: Content): Subscription[] {
  const owed = [...topic.lagging].filter(({ cursor }) => cursor !== 0 && cursor < position)
  if (owed.length === 0) return owed
  const { event } = attributesOf(content)
  return owed.filter((subscription) => subscription.wants(event))
}
