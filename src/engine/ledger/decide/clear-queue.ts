/** Empties the queue of a subscription that has ended. */
import type { Desk } from './desk.ts'
import { end } from './ending.ts'
import { DEAD, DISCARDED, LEASED } from '../entries.ts'
import type { Queue } from '../state/queue.ts'
import { CHUNK_MASK } from '../state/slots.ts'

/** A queue to which something is sent for itself, although its subscription has ended: from now on it is a queue like others. */
export function revive(desk: Desk, queue: Queue): void {
  if (!queue.unbound) return
  discardSome(desk, queue, Infinity)
  desk.effects.queueSet({ ...queue.row(), unbound: false })
}

/**
 * The queue of a subscription that had ended, for one that is bound anew: of what was there only what is handed out is left, and what is more than one
 * commit should discard.
 */
export function beginAnew(desk: Desk, queue: Queue): void {
  if (!queue.unbound) return
  discardSome(desk, queue, desk.limits.changes)
  for (let slot = queue.ended.head; slot !== 0; slot = queue.ended.head) desk.effects.forgotten(slot)
  desk.effects.queueSet({ ...queue.row(), unbound: false })
}

/** Discards what waits or is dead in a queue that is going; at most so many, a sweep does the rest. How many there were. */
export function discardSome(desk: Desk, queue: Queue, most: number): number {
  const { slots } = desk.state.messages
  // Listed first: with each end, one that had ended before may be forgotten, and its slot be another's.
  const meant: number[] = []
  for (let slot = queue.arrivals.head; slot !== 0 && meant.length < most; slot = queue.arrivals.later(slot)) {
    const state = slots.of(slot).state[slot & CHUNK_MASK]!
    if (state < LEASED || state === DEAD) meant.push(slot)
  }
  for (const slot of meant) end(desk, slot, DISCARDED, 'reported')
  return meant.length
}
