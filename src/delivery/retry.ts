/** What a failed run leads to: the policy of the queue, its decision about the error, and the delay before another attempt. */
import { backoffMs } from '../core/backoff.ts'
import { DEFAULTS } from '../core/default.ts'
import { describeError } from '../core/error.ts'
import type { Random } from '../core/id.ts'
import type { StoredMessage } from '../core/message.ts'
import type { RetryPolicy } from './binding.ts'

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: DEFAULTS.attempts,
  backoff: {
    kind: 'exponential',
    baseMs: DEFAULTS.backoffBaseMs,
    capMs: DEFAULTS.backoffCapMs,
    factor: 2,
    jitter: 'full',
  },
}

/** Whether this run was the last that the policy allows. */
export function isLastAttempt(policy: RetryPolicy, stored: StoredMessage): boolean {
  return stored.failed + 1 >= policy.attempts
}

/** The delay after the failure of this run. Jitter that looks back sees the delays stored with the failures before it. */
export function retryDelayMs(policy: RetryPolicy, stored: StoredMessage, random: Random): number {
  // After a redrive the counts begin anew and the history stays: the delays of another life are not looked at.
  const previousMs = stored.failed === 0 ? null : (stored.failures.at(-1)?.delayMs ?? null)
  return backoffMs(policy.backoff, stored.failed + 1, previousMs, random)
}

export interface Advice {
  /** undefined: as the policy says of all errors. */
  readonly decision: ReturnType<NonNullable<RetryPolicy['decide']>>
  /** What went wrong when it was asked. */
  readonly fault: string | null
}

/** What the policy says about this very error; nothing where it has no opinion, or where asking it went wrong. */
export function decide(policy: RetryPolicy, error: unknown, attempt: number): Advice {
  try {
    return { decision: policy.decide?.(error, attempt), fault: null }
  } catch (fault) {
    return { decision: undefined, fault: describeError(fault).message }
  }
}
