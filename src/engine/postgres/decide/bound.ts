/** Subscriptions: what they are for, how they are changed together with the record that shows them, and what they miss. */
import { toJsonBytes } from '../../../core/json.ts'
import { subscriptionKey, subscriptionQueue, type StoredSubscription } from '../../../core/settings.ts'
import type { Bound } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'

const KEPT_GAPS = 20

/** Changes a subscription, the record that shows it, and whether its queue knows that it lags. */
export async function setBound(work: Work, bound: Bound, patch: Partial<Bound>): Promise<void> {
  const topic = await work.topic(bound.topic)
  topic.subscriptions.change(bound, patch)
  const key = subscriptionKey(bound.topic, bound.name)
  const record = await work.record(key)
  work.undo.set(record, { value: toJsonBytes(shownAs(bound)), version: bound.version, isThere: true })
  work.hints.push({ key })
  const queue = await work.queue(subscriptionQueue(bound.topic, bound.name))
  const isLagging = bound.status !== 'live'
  if (queue !== null && queue.isLagging !== isLagging) work.undo.set(queue, { isLagging })
}

/** One more event, of that time, that the subscription will never get. One gap a suspension. */
export async function missEvent(work: Work, bound: Bound, at: number): Promise<void> {
  const last = bound.hasGap ? bound.gaps.at(-1) : undefined
  const gap =
    last === undefined
      ? { from: at, to: at, count: 1 }
      : { from: last.from, to: Math.max(last.to, at), count: last.count + 1 }
  const before = last === undefined ? bound.gaps : bound.gaps.slice(0, -1)
  await setBound(work, bound, { hasGap: true, gaps: [...before, gap].slice(-KEPT_GAPS) })
}

/** The subscription as its record shows it. */
function shownAs({ definition, status, gaps }: Bound): StoredSubscription {
  return { ...definition, status, gaps }
}
