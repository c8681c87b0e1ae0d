/** What a holder says of the message that it was handed: ack, retry, release, bury, drop. The token has been checked. */
import { FAILURE_BYTES, KEPT_FAILURES, type Failure, type StoredFailure, type When } from '../../../core/message.ts'
import type { Settlement } from '../../sql/check.ts'
import { cutCode, cutFailure, cutText } from '../../sql/failure.ts'
import type { Desk } from '../desk.ts'
import {
  ACKED,
  CANCELLED,
  DELETE_OLD_FAILURES,
  DISCARDED,
  EXPIRED,
  INSERT_FAILURE,
  SET_FAILED,
  SET_RELEASED,
  type Standing,
} from '../state/message.ts'
import type { Queue } from '../state/queue.ts'
import { bury, end } from './ending.ts'
import { delay as waitUntil, enterLine } from './place.ts'
import { tellFailed } from './tell.ts'

export function settle(desk: Desk, message: Standing, change: Settlement): void {
  const queue = desk.queues.get(message.queue)!
  desk.use(queue)
  switch (change.do) {
    case 'ack':
      return end(desk, queue, message, ACKED, 'unreported')
    case 'retry':
      recordFailure(
        desk,
        message,
        change.error,
        'at' in change.delay ? change.delay.at - desk.wall : change.delay.afterMs,
      )
      return giveBack(desk, queue, message, change.delay)
    case 'release':
      release(desk, message)
      return giveBack(desk, queue, message, change.delay)
    case 'bury':
      recordFailure(desk, message, change.error, null)
      return bury(desk, queue, message, 'unreported', cutCode(change.error.code))
    case 'drop':
      release(desk, message)
      return end(desk, queue, message, CANCELLED, 'unreported', cutText(change.reason, FAILURE_BYTES))
  }
}

/** A leased message waits again, unless it was cancelled or has expired meanwhile, or its queue is going. */
export function giveBack(desk: Desk, queue: Queue, message: Standing, delay: When, place: number = desk.now): void {
  if (message.cancel) return end(desk, queue, message, CANCELLED, 'reported')
  if (hasExpired(desk, message)) return end(desk, queue, message, EXPIRED, 'reported')
  if (queue.unbound) return end(desk, queue, message, DISCARDED, 'reported')
  if (desk.isPast(delay)) return enterLine(desk, queue, message, place)
  const isWall = 'at' in delay
  waitUntil(desk, queue, message, isWall ? delay.at : desk.now + delay.afterMs, isWall)
}

export function hasExpired(desk: Desk, { expires, wallExpires }: Pick<Standing, 'expires' | 'wallExpires'>): boolean {
  return (expires !== null && expires <= desk.now) || (wallExpires !== null && wallExpires <= desk.wall)
}

function release(desk: Desk, message: Standing): void {
  desk.run(SET_RELEASED, message.seq)
  message.released++
}

function recordFailure(desk: Desk, message: Standing, error: Failure, delayMs: number | null): void {
  storeFailure(desk, message, { ...cutFailure(error), at: desk.now, delayMs })
  desk.run(SET_FAILED, message.history, message.seq)
  message.failed++
  tellFailed(desk, desk.queues.get(message.queue)!, message, cutCode(error.code))
}

/** The last of its history, of which only the newest are kept. */
export function storeFailure(desk: Desk, message: Pick<Standing, 'seq' | 'history'>, failure: StoredFailure): void {
  const n = ++message.history
  desk.run(INSERT_FAILURE, message.seq, n, failure.code, JSON.stringify(failure))
  if (n > KEPT_FAILURES) desk.run(DELETE_OLD_FAILURES, message.seq, n - KEPT_FAILURES)
}
