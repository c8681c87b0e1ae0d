/** How long a call may take and when it is made again, as a platform says it. */
import { parseDuration, type Duration } from '../../core/duration.ts'
import { checkKnown, invalidOption, isPlain } from '../../core/option.ts'
import { STANDARD_RETRY, type EndpointRetry } from '../profile/profile.ts'

/** @throws PosthornError `invalid-option`, `invalid-duration` */
export function checkTimeout(field: string, value: unknown): number {
  const ms = parseDuration(value as Duration, `${field}: timeout`)
  if (ms >= 100 && ms <= 120_000) return ms
  throw invalidOption(field, 'timeout', value, "from '100ms' to '2m'")
}

/** @throws PosthornError `invalid-option`, `invalid-duration` */
export function resolveRetry(field: string, value: unknown, base: EndpointRetry | null): EndpointRetry {
  if (!isPlain(value))
    throw invalidOption(field, 'retry', value, "an object like { attempts: 5, delays: ['5s', '5m'] }")
  checkKnown(`${field}: retry`, value, ['attempts', 'delays'])
  const { attempts, delays } = value
  if (delays !== undefined && !(Array.isArray(delays) && delays.length > 0 && delays.length <= 50))
    throw invalidOption(field, 'retry.delays', delays, "a list of 1 to 50 durations like '5s'")
  const delaysMs =
    delays === undefined
      ? (base?.delaysMs ?? STANDARD_RETRY.delaysMs)
      : (delays as readonly Duration[]).map((each, at) => parseDuration(each, `${field}: retry.delays[${at}]`))
  const most = attempts ?? (delays === undefined && base !== null ? base.attempts : delaysMs.length + 1)
  if (!Number.isSafeInteger(most) || (most as number) < 1 || (most as number) > 1_000)
    throw invalidOption(field, 'retry.attempts', attempts, 'a whole number from 1 to 1,000')
  return { attempts: most as number, delaysMs }
}
