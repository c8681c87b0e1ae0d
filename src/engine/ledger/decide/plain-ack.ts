/**
 * The short way of what handlers nearly always come to: a commit that is one ack, and at most records of how it went behind it, of a queue that
 * keeps no acked messages and is owed none. It leaves nothing beyond its bounds, so that many of them in a row are looked after once.
 */
import type { Change, ChangeResult } from '../../../core/engine.ts'
import { ACKED } from '../entries.ts'
import { refusalOfPut } from './check-settings.ts'
import { put } from './decide-record.ts'
import type { Desk } from './desk.ts'
import { end, queueOf } from './ending.ts'
import { heldBy } from './token.ts'

type Put = Extract<Change, { readonly do: 'put' }>

/** false: nothing was decided, and the commit goes the long way. */
export function ackPlainly(desk: Desk, { token }: Extract<Change, { readonly do: 'ack' }>): boolean {
  const slot = plainlyHeld(desk, token)
  if (slot === 0) return false
  endPlainly(desk, slot)
  return true
}

/** The same with records that are put whatever version they have. null: nothing was decided. */
export function ackWithRecords(desk: Desk, changes: readonly Change[]): readonly ChangeResult[] | null {
  const [ack] = changes
  if (ack?.do !== 'ack' || changes.length > desk.limits.changes) return null
  const slot = plainlyHeld(desk, ack.token)
  if (slot === 0) return null
  for (let at = 1; at < changes.length; at++) if (!isPlainPut(desk, changes[at]!)) return null
  endPlainly(desk, slot)
  const results: ChangeResult[] = [null]
  for (let at = 1; at < changes.length; at++) results.push(put(desk, changes[at] as Put))
  return results
}

/** The slot that the token holds, where its ack changes nothing else; else 0. */
function plainlyHeld(desk: Desk, token: unknown): number {
  if (typeof token !== 'string') return 0
  const slot = heldBy(desk.state.messages.slots, token)
  if (slot === 0) return 0
  const { feeding, settings, unbound } = queueOf(desk, slot)
  return settings.keep.acked || unbound || (feeding !== null && !feeding.isLive) ? 0 : slot
}

function endPlainly(desk: Desk, slot: number): void {
  queueOf(desk, slot).lastUsedAt = desk.now
  end(desk, slot, ACKED, 'unreported')
}

function isPlainPut(desk: Desk, change: Change): boolean {
  try {
    return change.do === 'put' && change.ifVersion === undefined && refusalOfPut(desk, change, null, true) === null
  } catch {
    return false
  }
}
