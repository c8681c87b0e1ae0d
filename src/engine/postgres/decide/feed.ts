/** Feeds subscriptions that do not follow live from what their topic keeps, until they have caught up. */
import { subscriptionQueue } from '../../../core/settings.ts'
import type { Bound } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { missEvent, setBound } from './bound.ts'
import { wants } from '../unit/subscriptions.ts'
import { insert } from './insert.ts'
import { announce } from './publish.ts'
import { eventsAfter, toMessage } from './retained.ts'
import { isFull } from './send.ts'

/** Events looked at in one step. */
const STEP_EVENTS = 500

/** Feeds those subscriptions whose queue may have room again. */
export async function feedTouched(work: Work): Promise<void> {
  while (work.touched.size > 0) {
    const queues = [...work.touched]
    work.touched.clear()
    for (const queue of queues) {
      if (!queue.isLagging || queue.isGone) continue
      // A topic has no colon in its name; subscriptions of apps have.
      const [, topicName = '', ...name] = queue.name.split(':')
      const topic = await work.topic(topicName)
      const bound = topic.subscriptions.find(name.join(':'))
      if (bound !== null) await feed(work, bound)
    }
  }
}

/** One step. Suspended ones wait until their queue is below half its limit. */
export async function feed(work: Work, bound: Bound): Promise<void> {
  const queue = (await work.queue(subscriptionQueue(bound.topic, bound.name)))!
  if (bound.status === 'live') return
  const wasSuspended = bound.status === 'suspended'
  if (wasSuspended && !(await isBelowHalf(work, bound))) return
  const topic = await work.topic(bound.topic)
  const some =
    bound.cursor === null || topic.retention === null ? [] : await eventsAfter(work, topic, bound.cursor, STEP_EVENTS)
  let { cursor } = bound
  let status: Bound['status'] = some.length < STEP_EVENTS ? 'live' : 'catching-up'
  for (const event of some) {
    const message = toMessage(event)
    if (wants(bound, message.event)) {
      const living = await work.living(queue)
      const isTooMuch = await isFull(work, queue, message.body.byteLength)
      if (isTooMuch && living.messages > 0) {
        status = 'suspended'
        break
      }
      // What can never fit is missed, rather than standing in the way for ever.
      if (isTooMuch) await missEvent(work, bound, event.at)
      else if ((await work.row(queue, message.id)) === null) await insert(work, queue, message, event.shared)
    }
    cursor = event.position
  }
  const isMoved = status !== bound.status || cursor !== bound.cursor
  if (isMoved) await setBound(work, bound, { status, cursor: status === 'live' ? null : cursor })
  if (wasSuspended && status !== 'suspended') await announce(work, bound, 'resumed')
}

async function isBelowHalf(work: Work, bound: Bound): Promise<boolean> {
  const queue = (await work.queue(subscriptionQueue(bound.topic, bound.name)))!
  const { limit } = queue.settings
  const living = await work.living(queue)
  return (
    (limit.messages === null || living.messages * 2 < limit.messages) &&
    (limit.bytes === null || living.bytes * 2 < limit.bytes)
  )
}
