/** What a topic keeps: each event under the next position, as many and for as long as its retention says. */
import type { Message } from '../../../core/message.ts'
import type { ReadFrom } from '../../../core/settings.ts'
import type { Event, Shared, Topic } from '../row/row.ts'
import type { Columns } from '../connection/driver.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { missEvent } from './bound.ts'
import { wants } from '../unit/subscriptions.ts'

const BATCH = 500

/** The position that the event got. */
export async function keepEvent(work: Work, topic: Topic, message: Message, shared: Shared | null): Promise<number> {
  await work.reserve(1)
  const { body, ...attributes } = message
  const event: Event = { position: work.serial(), at: work.now, attrs: JSON.stringify(attributes), body, shared }
  const { ms, count } = topic.retention!
  const due = topic.events + 1 > count ? work.now : ms === null ? null : work.now + ms
  const houseAt = due === null ? topic.houseAt : Math.min(topic.houseAt ?? due, due)
  work.undo.set(topic, { fresh: [...topic.fresh, event], events: topic.events + 1, houseAt })
  return event.position
}

/** Forgets what is too old or too much, oldest first, and sees to when there is more. */
export async function trimTopic(work: Work, topic: Topic): Promise<void> {
  const { retention } = topic
  if (retention === null) return work.undo.set(topic, { houseAt: null })
  const isTooOld = (event: Event): boolean => retention.ms !== null && event.at + retention.ms <= work.now
  for (;;) {
    const some = await eventsAfter(work, topic, topic.forgotten, BATCH)
    const gone = some.filter((event, at) => topic.events - at > retention.count || isTooOld(event))
    await forget(work, topic, gone)
    if (gone.length === some.length && some.length === BATCH) continue
    const first = some[gone.length]
    const houseAt = first === undefined || retention.ms === null ? null : first.at + retention.ms
    return work.undo.set(topic, { houseAt })
  }
}

/** The topic is to keep nothing any more. */
export async function forgetAll(work: Work, topic: Topic): Promise<void> {
  for (let some = await eventsAfter(work, topic, topic.forgotten, BATCH); some.length > 0;) {
    await forget(work, topic, some)
    some = await eventsAfter(work, topic, topic.forgotten, BATCH)
  }
}

async function forget(work: Work, topic: Topic, events: readonly Event[]): Promise<void> {
  if (events.length === 0) return
  // Who was still owed them will never get them.
  for (const bound of topic.subscriptions.lagging()) {
    if (bound.cursor === null) continue
    for (const event of events) {
      if (event.position > bound.cursor && wants(bound, toMessage(event).event)) await missEvent(work, bound, event.at)
    }
  }
  work.undo.set(topic, { forgotten: events.at(-1)!.position, events: topic.events - events.length })
}

/** What is kept behind a position, in order. */
export async function eventsAfter(
  work: Work,
  topic: Topic,
  position: number,
  limit: number,
): Promise<readonly Event[]> {
  const after = Math.max(position, topic.forgotten)
  const { rows } = topic.isStored ? await work.query('load-events', [topic.name, after, limit]) : { rows: [] }
  const stored = rows.map(toEvent)
  const fresh = topic.fresh.filter((event) => event.position > after)
  return [...stored, ...fresh].slice(0, limit)
}

function toEvent({ position, at, attrs, body, shared: n }: Columns): Event {
  const shared = n === null ? null : { n: n as number, body: body as Uint8Array, isStored: true }
  return { position: position as number, at: at as number, attrs: attrs as string, body: body as Uint8Array, shared }
}

/** The first event that one who begins there is owed. */
export async function firstEvent(work: Work, topic: Topic, from: ReadFrom): Promise<Event | null> {
  if (from === 'now') return null
  const isOwed = (event: Event): boolean =>
    from === 'beginning' || ('at' in from ? event.at >= from.at : event.position > Number(from.position))
  const since = typeof from === 'object' && 'position' in from ? Number(from.position) : 0
  for (let after = since; ;) {
    const some = await eventsAfter(work, topic, after, BATCH)
    const found = some.find(isOwed)
    if (found !== undefined) return found
    if (some.length < BATCH) return null
    after = some.at(-1)!.position
  }
}

export function toMessage({ attrs, body }: Pick<Event, 'attrs' | 'body'>): Message {
  return { ...(JSON.parse(attrs) as Omit<Message, 'body'>), body }
}
