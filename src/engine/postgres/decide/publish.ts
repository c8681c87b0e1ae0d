/** Routes an event of a topic: kept where the topic keeps its events, and into the queue of every live subscription that wants it. */
import type { ChangeResult } from '../../../core/engine.ts'
import type { Message } from '../../../core/message.ts'
import { EVENTS_TOPIC, isTopicName } from '../../../core/name.ts'
import { DEFAULT_QUEUE, subscriptionQueue } from '../../../core/settings.ts'
import type { Bound, Shared, Topic } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { missEvent, setBound } from './bound.ts'
import { engineMessage } from './ending.ts'
import { insert } from './insert.ts'
import { quote } from '../../sql/refusal.ts'
import { refuse } from './refusal.ts'
import { keepEvent } from './retained.ts'
import { checkMessage, firstOf, isFull } from './send.ts'

const DEDUPE_MS = DEFAULT_QUEUE.dedupeWindowMs
/** Copies of a body that have no more than so many bytes together are cheaper than looking after one that is shared. */
const COPIED_BYTES = 4_096

export async function publish(work: Work, name: string, message: Message): Promise<ChangeResult> {
  if (typeof name !== 'string' || !isTopicName(name))
    return refuse('invalid', `topic is ${quote(name)}: it must be 1 to 100 letters, digits, '.', '_' or '-'`)
  checkMessage(work, message)
  const { id } = message
  const first = message.dedupe === undefined ? null : await firstOf(work, `topic ${name}`, message, DEDUPE_MS)
  if (first !== null) return { id: first, duplicate: true, routed: 0 }
  work.hints.push({ topic: name })
  return { id, duplicate: false, routed: await route(work, name, message) }
}

async function route(work: Work, name: string, message: Message): Promise<number> {
  const topic = await work.topic(name)
  const wanting = topic.subscriptions.wanting(message.event)
  const shared = await shareOf(work, topic, wanting, message)
  const position = topic.retention === null ? null : await keepEvent(work, topic, message, shared)
  const suspended: Bound[] = []
  let routed = 0
  for (const bound of wanting) {
    const queue = (await work.queue(subscriptionQueue(name, bound.name)))!
    if (bound.status !== 'live') {
      if (bound.status === 'suspended') await owe(work, bound, position)
    } else if (await isFull(work, queue, message.body.byteLength)) {
      await setBound(work, bound, {
        status: 'suspended',
        cursor: position === null ? null : position - 1,
        hasGap: false,
      })
      if (position === null) await missEvent(work, bound, work.now)
      suspended.push(bound)
    } else if ((await work.row(queue, message.id)) === null) {
      await insert(work, queue, message, shared)
      routed++
    }
  }
  for (const bound of suspended) await announce(work, bound, 'suspended')
  return routed
}

/** The body for all who get it, unless their copies are small. Whoever comes later may want what is kept. */
async function shareOf(
  work: Work,
  { retention }: Topic,
  wanting: readonly Bound[],
  { body }: Message,
): Promise<Shared | null> {
  const live = wanting.filter(({ status }) => status === 'live').length
  const copies = retention === null ? live - 1 : Math.max(live, 1)
  if (copies * body.byteLength <= COPIED_BYTES) return null
  await work.reserve(1)
  return { n: work.serial(), body, isStored: false }
}

/** A suspended subscription is owed what is kept from now on, or it misses the event. */
async function owe(work: Work, bound: Bound, position: number | null): Promise<void> {
  if (position === null) await missEvent(work, bound, work.now)
  else if (bound.cursor === null) await setBound(work, bound, { cursor: position - 1 })
}

/** Tells operators, by an event of its own topic. */
export async function announce(work: Work, bound: Bound, what: 'suspended' | 'resumed'): Promise<void> {
  const { topic, name } = bound
  const queue = (await work.queue(subscriptionQueue(topic, name)))!
  const living = await work.living(queue)
  const about = { topic, name, queue: queue.name, at: work.now, ...living }
  await publish(work, EVENTS_TOPIC, engineMessage(work, `posthorn.subscription.${what}`, about))
}
