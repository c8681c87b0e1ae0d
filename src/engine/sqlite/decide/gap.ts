/** What a subscription missed: times and counts of events that it will never get. One gap a suspension. */
import type { Desk } from '../desk.ts'
import type { Subscription } from '../state/topic.ts'

/** Gaps that are kept of a subscription. */
const KEPT_GAPS = 20

/** One more event, of that time, that the subscription will never get. Whoever calls writes the subscription. */
export function missEvent(subscription: Subscription, at: number): void {
  const { gaps } = subscription
  const last = subscription.hasGap ? gaps.at(-1) : undefined
  const gap =
    last === undefined
      ? { from: at, to: at, count: 1 }
      : { from: last.from, to: Math.max(last.to, at), count: last.count + 1 }
  subscription.hasGap = true
  subscription.gaps = [...(last === undefined ? gaps : gaps.slice(0, -1)), gap].slice(-KEPT_GAPS)
}

export function writeSubscription(desk: Desk, subscription: Subscription): void {
  desk.topics.write(subscription)
  desk.settingsChanged()
}
