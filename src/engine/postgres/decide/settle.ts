/** What a holder says of the message that it was handed: ack, retry, release, bury, drop. */
import type { Change } from '../../../core/engine.ts'
import { FAILURE_BYTES, faultOfWhen, KEPT_FAILURES, type Failure, type When } from '../../../core/message.ts'
import { isFailure } from '../../sql/check.ts'
import { cutCode, cutFailure, cutText } from '../../sql/failure.ts'
import { ACKED, CANCELLED, DEAD, DISCARDED, EXPIRED, LEASED, type Row } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { end } from './ending.ts'
import { use } from './insert.ts'
import { delay as delayRow, enterLine, isPast } from './place.ts'
import { quote } from '../../sql/refusal.ts'
import { refuse } from './refusal.ts'
import { parseToken } from './token.ts'

export type Settlement = Extract<Change, { readonly token: string }>

export async function settle(work: Work, change: Settlement): Promise<null> {
  check(change)
  const row = await heldBy(work, change.token)
  if (row === null) return refuse('stale', 'the token holds no lease: it was settled, or its lease has lapsed')
  if (row.queue.settings.idleExpiryMs !== null || row.queue.isUnbound) use(work, row.queue)
  switch (change.do) {
    case 'ack':
      await end(work, row, ACKED, 'unreported', null)
      return null
    case 'retry':
      recordFailure(work, row, change.error, 'at' in change.delay ? change.delay.at - work.wall : change.delay.afterMs)
      await giveBack(work, row, change.delay)
      return null
    case 'release':
      work.undo.set(row, { released: row.released + 1 })
      await giveBack(work, row, change.delay)
      return null
    case 'bury':
      recordFailure(work, row, change.error, null)
      await end(work, row, DEAD, 'unreported', cutCode(change.error.code))
      return null
    case 'drop':
      work.undo.set(row, { released: row.released + 1 })
      await end(work, row, CANCELLED, 'unreported', cutText(change.reason, FAILURE_BYTES))
      return null
  }
}

/** The message that the token holds; null where it holds none: stale, or no token at all. */
export async function heldBy(work: Work, token: unknown): Promise<Row | null> {
  const held = parseToken(token)
  const queue = held === null ? null : await work.queueOf(held.queue)
  const row = held === null || queue === null ? null : await work.row(queue, held.id)
  return row !== null && row.state === LEASED && row.lease === held!.lease && row.until! > work.now ? row : null
}

/** A leased message waits again, unless it was cancelled or has expired meanwhile, or its queue is going. */
export async function giveBack(work: Work, row: Row, delay: When): Promise<void> {
  if (row.isCancelled) return end(work, row, CANCELLED, 'reported', null)
  if (hasExpired(work, row)) return end(work, row, EXPIRED, 'reported', null)
  if (row.queue.isUnbound) return end(work, row, DISCARDED, 'reported', null)
  work.undo.set(row, { lease: null, holder: null, until: null })
  if (isPast(work, delay)) await enterLine(work, row)
  else delayRow(work, row, delay)
}

export function hasExpired(work: Work, { expires, isWallExpires }: Row): boolean {
  return expires !== null && expires <= (isWallExpires ? work.wall : work.now)
}

function check(change: Settlement): void {
  if ((change.do === 'retry' || change.do === 'release') && !(change.delay && !faultOfWhen(change.delay)))
    refuse(
      'invalid',
      `delay is ${quote(change.delay)}: it must be { afterMs } of at least 0 or { at } in ms since the epoch`,
    )
  if ((change.do === 'retry' || change.do === 'bury') && !isFailure(change.error))
    refuse('invalid', `error is ${quote(change.error)}: it must have a code that is not empty and a message`)
  if (change.do === 'drop' && typeof change.reason !== 'string')
    refuse('invalid', `reason is ${quote(change.reason)}: it must be a text`)
}

function recordFailure(work: Work, row: Row, error: Failure, delayMs: number | null): void {
  const failures = [...row.failures, { ...cutFailure(error), at: work.now, delayMs }].slice(-KEPT_FAILURES)
  work.undo.set(row, { failures, failed: row.failed + 1 })
}
