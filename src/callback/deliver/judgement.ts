/** What one call's answer makes of its message: its end, another attempt, a wait; and what it says about the receiver. */
import type { StoredMessage } from '../../core/message.ts'
import { bury, done, retry, snooze, type Outcome } from '../../delivery/outcome.ts'
import { EXCERPT_BYTES, parseRetryAfter, type Answered } from '../call/exchange.ts'
import type { Attempt } from '../endpoint/attempt.ts'
import type { Sign } from './gate.ts'
import type { CourierDeps, Round } from './round.ts'

export interface Judgement {
  readonly outcome: Outcome
  readonly said: Attempt['outcome']
  readonly error: string | null
  readonly retryInMs: number | null
  readonly sign: Sign | null
}

const STOP_HEADERS = ['webhook-no-retry', 'posthorn-no-retry']
const MOST_WAITS = 100
const JITTER = 0.1

const DELIVERED: Judgement = {
  outcome: done(undefined),
  said: 'delivered',
  error: null,
  retryInMs: null,
  sign: 'fine',
}

/** All alike. */
export const delivered = (): Judgement => DELIVERED

/** Of an answer that is no acknowledgement. */
export function judge(
  deps: CourierDeps,
  round: Round,
  stored: StoredMessage,
  answered: Answered,
  fault: string,
): Judgement {
  const { status, headers, body } = answered
  const error = `${fault}${body === '' ? '' : `: ${body.slice(0, EXCERPT_BYTES)}`}`
  const asked = parseRetryAfter(headers['retry-after'], deps.clock.wallMs())
  // Kept for when it is enabled again: nobody is there now (Standard Webhooks; CloudEvents WebHook).
  if (status === 410) return { outcome: snooze(0), said: 'held', error, retryInMs: null, sign: 'fine' }
  const stops = [...STOP_HEADERS, ...(round.profile.stopHeader === undefined ? [] : [round.profile.stopHeader])]
  if (stops.some((name) => headers[name] !== undefined && headers[name] !== '0' && headers[name] !== 'false')) {
    const reason = `${fault}, and asked for no further attempt`
    return { outcome: bury(reason, 'callback-failed'), said: 'dead', error: reason, retryInMs: null, sign: 'fine' }
  }
  if (asked !== null && (status === 429 || status === 503)) round.gate.pause(asked)
  if (status === 429 && stored.released < MOST_WAITS) {
    const afterMs = asked ?? delayOf(deps, round, stored)
    return { outcome: snooze(afterMs), said: 'held', error, retryInMs: Math.round(afterMs), sign: 'throttled' }
  }
  return later(deps, round, stored, error, asked, status >= 500 ? 'failed' : 'fine')
}

/** Another attempt, or none where this was the last. */
export function later(
  deps: CourierDeps,
  round: Round,
  stored: StoredMessage,
  error: string,
  asked: number | null,
  sign: Sign,
): Judgement {
  const afterMs = asked ?? delayOf(deps, round, stored)
  const isLast = stored.failed + 1 >= round.attempts
  return {
    outcome: isLast ? bury(error, 'callback-failed') : retry({ afterMs, message: error }),
    said: isLast ? 'dead' : 'retry',
    error,
    retryInMs: isLast ? null : Math.round(afterMs),
    sign,
  }
}

function delayOf({ random }: CourierDeps, { delaysMs }: Round, { failed }: StoredMessage): number {
  const delayMs = delaysMs[Math.min(failed, delaysMs.length - 1)] ?? 60_000
  return delayMs * (1 + JITTER * random())
}
