/** What an engine takes at most, beside the limits of its queues. */

export interface EngineLimits {
  /** Changes of one Commit, and references to messages in one. */
  readonly changes: number
  readonly bodyBytes: number
  readonly recordBytes: number
  readonly aliases: number
  /** Lease requests whose answers can be repeated. */
  readonly leaseRequests: number
  /** Messages that are handed out to one request. */
  readonly leaseBatch: number
  /** Commits of one fold. */
  readonly fold: number
  /** Messages that a sweep moves in one transaction. */
  readonly sweep: number
  /** Of each kind of what is remembered: rows that are forgotten in one statement. */
  readonly forget: number
  /** Of bodies that several have had: bytes, and one body more, that are forgotten in one statement. */
  readonly forgetBytes: number
}

export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  changes: 10_000,
  bodyBytes: 16 * 1_048_576,
  recordBytes: 16 * 1_048_576,
  aliases: 16,
  leaseRequests: 4_096,
  leaseBatch: 10_000,
  fold: 1_000,
  sweep: 1_000,
  forget: 20_000,
  forgetBytes: 64 * 1_048_576,
}
