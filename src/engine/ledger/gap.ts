/** What a subscription missed: times and counts of events that it will never get. */
import type { Desk } from './desk.ts'
import type { Subscription } from './topic.ts'

/** Gaps that are kept of a subscription. */
const KEPT_GAPS = 20

/** One more event, of that time, that the subscription will never get. */
export function widenGap(desk: Desk, subscription: Subscription, at: number): void {
  const last = subscription.gaps.at(-1)
  const gap = last === undefined ? { from: at, to: at, count: 1 } : { from: last.from, to: Math.max(last.to, at), count: last.count + 1 }
  setGaps(desk, subscription, [...subscription.gaps.slice(0, -1), gap])
}

/** One more event that the subscription will never get, which does not follow on what it missed before. */
export function openGap(desk: Desk, subscription: Subscription, at: number): void {
  setGaps(desk, subscription, [...subscription.gaps, { from: at, to: at, count: 1 }])
}

function setGaps(desk: Desk, subscription: Subscription, gaps: Subscription['gaps']): void {
  desk.effects.subscriptionGaps(subscription.row.number, gaps.slice(-KEPT_GAPS))
}
