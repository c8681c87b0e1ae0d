/** Empties queues: that of a subscription that has ended, and what a queue keeps of ended messages. */
import type { Desk } from '../desk.ts'
import { DISCARDABLE, DISCARDED, OLDEST_ENDED } from '../state/message.ts'
import type { Queue } from '../state/queue.ts'
import { end, erase } from './ending.ts'
import { unbundleWaiting } from './unbundle.ts'

/** A queue to which something is sent for itself, although its subscription has ended: from now on it is a queue like others. */
export function revive(desk: Desk, queue: Queue): void {
  while (discardSome(desk, queue, desk.limits.changes) > 0);
  desk.queues.change(queue).unbound = false
}

/**
 * The queue of a subscription that had ended, for one that is bound anew: of what was there only what is handed out is left, and what is more than one
 * commit should discard.
 */
export function beginAnew(desk: Desk, queue: Queue): void {
  if (!queue.unbound) return
  discardSome(desk, queue, desk.limits.changes)
  forgetEnded(desk, queue)
  desk.queues.change(queue).unbound = false
}

/** Discards what waits or is dead in a queue that is going; at most so many. How many there were. */
export function discardSome(desk: Desk, queue: Queue, most: number): number {
  unbundleWaiting(desk, queue, most)
  const seqs = desk.statements.of(DISCARDABLE).all(queue.id, most)
  for (const [seq] of seqs) {
    const message = desk.message(seq as number)
    if (message !== undefined) end(desk, queue, message, DISCARDED, 'reported')
  }
  return seqs.length
}

/** All that it keeps of messages that have ended. */
export function forgetEnded(desk: Desk, queue: Queue): void {
  const next = () => desk.statements.of(OLDEST_ENDED).first(queue.id)
  for (let row = next(); row !== undefined; row = next()) erase(desk, queue, desk.message(row[0] as number)!)
}
