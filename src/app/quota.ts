/** What one app may cost at most. */
import { PosthornError } from '../core/error.ts'
import { checkKnown } from '../core/option.ts'

export interface Quotas {
  /** Requests a second, evenly; twice as many at once. Each server process counts for itself. Default 100. */
  readonly ratePerSecond: number
  /** Requests under way at once, long polls and streams included; per server process. Default 100. */
  readonly concurrency: number
  /** Bytes of messages that wait or are being handled, in its queues, its subscriptions and its calls of tasks. Default 100 MiB. */
  readonly bytes: number
  /** Calls of tasks that have not ended. Default 10,000. */
  readonly operations: number
  /** Default 100. */
  readonly queues: number
  /** Default 100. */
  readonly subscriptions: number
  /** Default 100. */
  readonly endpoints: number
  /** Idempotency-Keys and dedupe texts that are remembered for it at once, each for a day. Default 100,000. */
  readonly remembered: number
}

export const DEFAULT_QUOTAS: Quotas = {
  ratePerSecond: 100,
  concurrency: 100,
  bytes: 100 * 1_048_576,
  operations: 10_000,
  queues: 100,
  subscriptions: 100,
  endpoints: 100,
  remembered: 100_000,
}

export const QUOTA_NAMES: readonly (keyof Quotas)[] = Object.keys(DEFAULT_QUOTAS) as (keyof Quotas)[]

const MOST = 1_000_000_000_000

/** What is not given is as in `base`. @throws PosthornError `invalid-option` */
export function resolveQuotas(
  given: { readonly [K in keyof Quotas]?: number | undefined } = {},
  base: Quotas = DEFAULT_QUOTAS,
): Quotas {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw invalidQuota('quotas', given, 'an object')
  checkKnown('quotas', given, QUOTA_NAMES)
  const quotas = { ...base }
  for (const name of QUOTA_NAMES) {
    const value = given[name]
    if (value === undefined) continue
    const least = name === 'ratePerSecond' ? 0.01 : 0
    const isSound = typeof value === 'number' && value >= least && value <= MOST
    if (!isSound || (name !== 'ratePerSecond' && !Number.isInteger(value)))
      throw invalidQuota(
        `quotas.${name}`,
        value,
        `a ${name === 'ratePerSecond' ? '' : 'whole '}number from ${least} to ${MOST}`,
      )
    quotas[name] = value
  }
  return quotas
}

function invalidQuota(field: string, value: unknown, right: string): PosthornError {
  return new PosthornError('invalid-option', `${field} is ${JSON.stringify(value)}: it must be ${right}`, {
    details: { field, value },
  })
}
