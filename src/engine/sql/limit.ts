/** What an engine on a database holds at most, beside the limits of its queues. Everything that grows is bounded here or there. */

export interface EngineLimits {
  readonly queues: number
  readonly topics: number
  readonly subscriptions: number
  readonly records: number
  /** Dedupe texts that are remembered, over all queues and topics. */
  readonly dedupe: number
  /** Commit ids that are remembered. */
  readonly commitIds: number
  /** Changes of one Commit, and references to messages in one. */
  readonly changes: number
  readonly bodyBytes: number
  readonly recordBytes: number
  readonly aliases: number
  /** Lease requests whose answers can be repeated. */
  readonly leaseRequests: number
  /** Messages that are handed out to one request. */
  readonly leaseBatch: number
}

export const DEFAULT_ENGINE_LIMITS: EngineLimits = {
  queues: 100_000,
  topics: 100_000,
  subscriptions: 100_000,
  records: 10_000_000,
  dedupe: 1_000_000,
  commitIds: 1_000_000,
  changes: 10_000,
  bodyBytes: 16 * 1_048_576,
  recordBytes: 16 * 1_048_576,
  aliases: 16,
  leaseRequests: 4_096,
  leaseBatch: 10_000,
}
