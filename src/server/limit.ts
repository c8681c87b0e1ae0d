/** What one client may cost. */
import { DEFAULTS } from '../core/default.ts'
import { PosthornError } from '../core/error.ts'

export interface Limits {
  /** Default 1 MiB. */
  readonly bodyBytes: number
  /** How long a body may take to arrive. Default 30 s. */
  readonly bodyMs: number
  /** How long headers may take to arrive (`serve` only). Default 10 s. */
  readonly headersMs: number
  /** Default 64 KiB (`serve` only). */
  readonly headersBytes: number
  /** Default 1,000 (`serve` only). */
  readonly connections: number
  /** Answers to Idempotency-Keys remembered at once, each for 24 hours. Default 1,000,000. */
  readonly answers: number
  /** Requests a second that need no key (sources, consent, public keys), from one address; twice as many at once. Default 1,000. */
  readonly keylessPerSecond: number
}

export const DEFAULT_LIMITS: Limits = {
  bodyBytes: DEFAULTS.maxBodyBytes,
  bodyMs: 30_000,
  headersMs: 10_000,
  headersBytes: 65_536,
  connections: 1_000,
  answers: 1_000_000,
  keylessPerSecond: 1_000,
}

/** @throws PosthornError `invalid-option` */
export function resolveLimits(
  given: { readonly [K in keyof Limits]?: number | undefined } = {},
  defaults: Limits = DEFAULT_LIMITS,
): Limits {
  const limits = { ...defaults }
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    if (!Object.hasOwn(DEFAULT_LIMITS, name))
      throw new PosthornError(
        'invalid-option',
        `limits.${name} is not known: there is ${Object.keys(DEFAULT_LIMITS).join(', ')}`,
      )
    if (!Number.isSafeInteger(value) || value < 1)
      throw new PosthornError('invalid-option', `limits.${name} is ${value}: it must be a whole number of at least 1`, {
        details: { field: `limits.${name}`, value },
      })
    limits[name as keyof Limits] = value
  }
  return Object.freeze(limits)
}
