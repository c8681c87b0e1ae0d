/**
 * What a run's end means: the table "How a run ends" as pure functions. A verdict is the change that settles the token, the
 * held effects that go with it (with `done` and no other), and how the operation ends, if it does.
 */
import type { Change } from '../core/engine.ts'
import { describeError } from '../core/error.ts'
import type { Random } from '../core/id.ts'
import type { TelemetryEvents } from '../runtime/telemetry.ts'
import type { Ended, RetryPolicy } from './binding.ts'
import type { Handling } from './handling.ts'
import type { Outcome } from './outcome.ts'
import { decide, isLastAttempt, retryDelayMs } from './retry.ts'

export interface Verdict {
  readonly outcome: TelemetryEvents['ended']['outcome']
  /** Why, where it is neither done nor given back. */
  readonly code: string | null
  readonly settling: Change
  readonly effects: readonly Change[]
  /** How the message ends; null where it does not. */
  readonly ended: Ended | null
}

/** A failed run. `error` is what the policy's `decide` gets. */
export interface Fault {
  readonly code: string
  readonly error: unknown
  /** A delay that was asked for; null: as the policy says. */
  readonly afterMs: number | null
}

const NO_EFFECTS: readonly Change[] = []

export function faultOf(code: string, error: unknown, afterMs: number | null = null): Fault {
  return { code, error, afterMs }
}

export function judgeDone(handling: Handling, value: unknown, effects: readonly Change[]): Verdict {
  return {
    outcome: 'done',
    code: null,
    settling: { do: 'ack', token: handling.delivery.token },
    effects,
    ended: { status: 'succeeded', value },
  }
}

export function judgeOutcome(
  handling: Handling,
  outcome: Outcome,
  effects: readonly Change[],
  random: Random,
): Verdict {
  const { token } = handling.delivery
  switch (outcome.kind) {
    case 'done':
      return judgeDone(handling, outcome.value, effects)
    case 'fail': {
      const { code, data, message } = outcome
      return {
        outcome: 'fail',
        code,
        settling: { do: 'ack', token },
        effects: NO_EFFECTS,
        ended: { status: 'failed', state: 'acked', code, message, data },
      }
    }
    case 'retry':
      return judgeFault(
        handling,
        faultOf('handler-failed', outcome.message, outcome.afterMs),
        { ...handling.served.retry, decide: undefined },
        random,
      )
    case 'snooze':
      return handling.cancelRequested ? judgeCancelled(handling) : judgeGivenBack(handling, outcome.afterMs, 'snooze')
    case 'bury':
      // What is wrong with the answer of a handler that gave up because it was told to is not worth a dead letter.
      if (handling.cancelRequested && outcome.code !== 'buried') return judgeCancelled(handling)
      return judgeBuried(handling, outcome.code, outcome.reason)
    case 'cancel':
      break
  }
  return judgeCancelled(handling, outcome.reason)
}

/** A throw, a timeout, `retry`, effects that were refused: another attempt, or the end of them. */
export function judgeFault(handling: Handling, fault: Fault, policy: RetryPolicy, random: Random): Verdict {
  if (handling.cancelRequested) return judgeCancelled(handling)
  const { stored, token } = handling.delivery
  const { decision, fault: unadvised } = decide(policy, fault.error, stored.failed + 1)
  if (decision !== undefined && decision.kind !== 'retry') return judgeOutcome(handling, decision, NO_EFFECTS, random)
  const { message: thrown, stack } = describeError(fault.error)
  const message = unadvised === null ? thrown : `${thrown} (and retry.decide failed: ${unadvised})`
  if (isLastAttempt(policy, stored)) return judgeBuried(handling, fault.code, message, stack)
  const afterMs = toDelay(decision?.afterMs ?? fault.afterMs ?? retryDelayMs(policy, stored, random))
  return {
    outcome: 'retry',
    code: fault.code,
    settling: { do: 'retry', token, delay: { afterMs }, error: { code: fault.code, message, stack } },
    effects: NO_EFFECTS,
    ended: null,
  }
}

export function judgeBuried(handling: Handling, code: string, message: string, stack?: string): Verdict {
  const settling: Change = { do: 'bury', token: handling.delivery.token, error: { code, message, stack } }
  return {
    outcome: 'bury',
    code,
    settling,
    effects: NO_EFFECTS,
    ended: { status: 'failed', state: 'dead', code, message, data: undefined },
  }
}

export function judgeCancelled(handling: Handling, reason = 'cancelled'): Verdict {
  return {
    outcome: 'cancel',
    code: null,
    settling: { do: 'drop', token: handling.delivery.token, reason },
    effects: NO_EFFECTS,
    ended: { status: 'cancelled', reason },
  }
}

/** Uncounted. `released`: not by the handler's wish. */
export function judgeGivenBack(handling: Handling, afterMs: number, outcome: 'snooze' | 'released'): Verdict {
  return {
    outcome,
    code: null,
    settling: { do: 'release', token: handling.delivery.token, delay: { afterMs: toDelay(afterMs) } },
    effects: NO_EFFECTS,
    ended: null,
  }
}

/** What is no time at all is at once: a wrong delay must not keep a message from being settled. */
function toDelay(ms: number): number {
  return Number.isFinite(ms) && ms > 0 ? ms : 0
}
