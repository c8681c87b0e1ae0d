/** What an engine does with what it finds when it opens: leases of processes that are gone lapse, and everything that can fall due is timed. */
import type { Desk } from '../decide/desk.ts'
import { FLAG, LEASED } from '../entries.ts'
import { queueOf } from '../decide/ending.ts'
import { retimeTopic } from './retain.ts'
import { CHUNK_MASK } from '../state/slots.ts'
import { lapse } from './sweep.ts'

export function reopen(desk: Desk): void {
  const { messages, queues, subscriptions, topics } = desk.state
  for (const queue of queues) {
    queue.lastUsedAt = desk.now
    desk.state.touch(queue)
  }
  const orphans: number[] = []
  for (let slot = 1; slot <= messages.slots.high; slot++) {
    const chunk = messages.slots.of(slot)
    const row = slot & CHUNK_MASK
    if (chunk.state[row] === LEASED && (chunk.flags[row]! & FLAG.processHolder) !== 0) orphans.push(slot)
  }
  // In order of arrival: all become ready at one moment, so each is placed behind the last without searching.
  const seq = (slot: number): number => messages.slots.of(slot).seq[slot & CHUNK_MASK]!
  orphans.sort((one, other) => seq(one) - seq(other))
  for (const slot of orphans) lapse(desk, queueOf(desk, slot), slot)
  for (const topic of topics) retimeTopic(desk, topic)
  for (const subscription of subscriptions) if (!subscription.isLive) desk.hungry.add(subscription.row.number)
}
