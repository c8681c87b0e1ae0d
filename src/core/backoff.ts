/** How long to wait before another attempt: pure functions of the policy, the failures so far and a random number. */
import type { Random } from './id.ts'

export interface Backoff {
  readonly kind: 'fixed' | 'exponential'
  /** The first delay; of `fixed`, every delay. */
  readonly baseMs: number
  /** No delay is longer. */
  readonly capMs: number
  /** By how much an exponential delay grows per failure. */
  readonly factor: number
  /**
   * `none`; `full`: uniform in [0, delay]; `decorrelated`: uniform in [base, 3 × the delay before], both as in
   * "Exponential Backoff And Jitter" (M. Brooker, AWS Architecture Blog, 2015).
   */
  readonly jitter: 'none' | 'full' | 'decorrelated'
}

/**
 * The delay after the given number of failures.
 * @param failed failures so far, this one included: at least 1
 * @param previousMs the delay decided after the failure before; null for the first
 */
export function backoffMs(backoff: Backoff, failed: number, previousMs: number | null, random: Random): number {
  const { baseMs, capMs, factor, jitter } = backoff
  if (jitter === 'decorrelated') {
    const highMs = Math.max(baseMs, 3 * (previousMs ?? baseMs))
    return Math.min(capMs, baseMs + random() * (highMs - baseMs))
  }
  const plainMs = Math.min(capMs, backoff.kind === 'fixed' ? baseMs : baseMs * factor ** (failed - 1))
  return jitter === 'full' ? random() * plainMs : plainMs
}
