/** A contract's `retry` option, resolved to the policy that delivery follows. */
import type { Backoff } from '../core/backoff.ts'
import { DEFAULTS } from '../core/default.ts'
import { parseDuration } from '../core/duration.ts'
import { describeError, type PosthornError } from '../core/error.ts'
import { toPromise } from '../core/thenable.ts'
import type { RetryPolicy } from '../delivery/binding.ts'
import { bury, retry, snooze } from '../delivery/outcome.ts'
import type { Decision, RetryOptions } from './contract.ts'
import { checkKnown, invalidOption, isPlain } from '../core/option.ts'

export function resolveRetry(field: string, given: unknown): RetryPolicy {
  if (given !== undefined && !isPlain(given))
    throw invalidOption(field, 'retry', given, "an object like { attempts: 8, backoff: { base: '1s' } }")
  const { attempts = DEFAULTS.attempts, backoff, decide } = (given ?? {}) as RetryOptions
  checkKnown(`${field}: retry`, given ?? {}, ['attempts', 'backoff', 'decide'])
  if (!Number.isSafeInteger(attempts) || attempts < 1)
    throw invalidOption(field, 'retry.attempts', attempts, 'a whole number of at least 1')
  const policy = { attempts, backoff: resolveBackoff(field, backoff) }
  if (decide === undefined) return policy
  if (typeof decide !== 'function') throw invalidOption(field, 'retry.decide', decide, 'a function of the error')
  return { ...policy, decide: (error, attempt) => toOutcome(field, decide(error, attempt), error) }
}

function resolveBackoff(field: string, given: unknown): Backoff {
  if (given !== undefined && !isPlain(given))
    throw invalidOption(field, 'retry.backoff', given, "an object like { base: '1s', cap: '1h' }")
  const {
    kind = 'exponential',
    base = DEFAULTS.backoffBaseMs,
    cap,
    factor = 2,
    jitter = 'full',
  } = (given ?? {}) as NonNullable<RetryOptions['backoff']>
  checkKnown(`${field}: retry.backoff`, given ?? {}, ['kind', 'base', 'cap', 'factor', 'jitter'])
  if (kind !== 'exponential' && kind !== 'fixed')
    throw invalidOption(field, 'retry.backoff.kind', kind, "'exponential' or 'fixed'")
  if (!['none', 'full', 'decorrelated'].includes(jitter))
    throw invalidOption(field, 'retry.backoff.jitter', jitter, "'none', 'full' or 'decorrelated'")
  if (!(Number.isFinite(factor) && factor >= 1))
    throw invalidOption(field, 'retry.backoff.factor', factor, 'a number of at least 1')
  const baseMs = parseDuration(base, `${field}: retry.backoff.base`)
  const capMs =
    cap === undefined ? Math.max(baseMs, DEFAULTS.backoffCapMs) : parseDuration(cap, `${field}: retry.backoff.cap`)
  if (capMs < baseMs) throw invalidOption(field, 'retry.backoff.cap', cap, `at least the base, ${base}`)
  return { kind, baseMs, capMs, factor, jitter }
}

function wrong(field: string, decision: unknown): PosthornError {
  return invalidOption(
    field,
    'what retry.decide returned',
    decision,
    "'retry', 'bury', { after }, { snooze } or undefined",
  )
}

function toOutcome(field: string, decision: Decision, error: unknown): ReturnType<NonNullable<RetryPolicy['decide']>> {
  const { message } = describeError(error)
  if (decision === undefined) return undefined
  if (decision === 'retry') return retry({ message })
  if (decision === 'bury') return bury(message, 'handler-failed')
  const late = toPromise<unknown>(decision)
  late?.catch(() => {})
  if (late !== null || !isPlain(decision)) throw wrong(field, late === null ? decision : 'a promise')
  if ('after' in decision)
    return retry({ afterMs: parseDuration(decision.after, `${field}: what retry.decide returned, after`), message })
  if ('snooze' in decision)
    return snooze(parseDuration(decision.snooze, `${field}: what retry.decide returned, snooze`))
  throw wrong(field, decision)
}
