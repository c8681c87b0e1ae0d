/**
 * The short way of what handlers nearly always come to: a commit that is one ack and nothing else, of a queue that keeps no acked messages
 * and is owed none. It leaves nothing beyond its bounds, so that many of them in a row are looked after once.
 */
import type { Change } from '../../../core/engine.ts'
import { ACKED } from '../entries.ts'
import type { Desk } from './desk.ts'
import { end, queueOf } from './ending.ts'
import { heldBy } from './token.ts'

/** false: nothing was decided, and the commit goes the long way. */
export function ackPlainly(desk: Desk, { token }: Extract<Change, { readonly do: 'ack' }>): boolean {
  if (typeof token !== 'string') return false
  const slot = heldBy(desk.state.messages.slots, token)
  if (slot === 0) return false
  const queue = queueOf(desk, slot)
  const { feeding, settings, unbound } = queue
  if (settings.keep.acked || unbound || (feeding !== null && !feeding.isLive)) return false
  queue.lastUsedAt = desk.now
  end(desk, slot, ACKED, 'unreported')
  return true
}
