/** A queue's settings as a contract declares them, and how a declaration meets what is stored. */
import type { Duration } from '../core/duration.ts'

export interface QueueOptions {
  /** How the next message is chosen. Default 'priority': higher first, then oldest. 'fifo': priority is ignored. */
  readonly pick?: 'fifo' | 'priority' | undefined
  /** With 'priority': one step of priority is worth so much waiting, so that nothing starves. Default: none (strict). */
  readonly aging?: Duration | undefined
  /** What waits or is leased may not exceed this: a send beyond is refused as `full`. null: no limit. Default 1,000,000 messages. */
  readonly limit?: { readonly messages?: number | null | undefined; readonly bytes?: number | null | undefined } | undefined
  /** Default 24 h. */
  readonly dedupeWindow?: Duration | undefined
  /** A message whose holder vanished more often is buried as `lapsed`. Default 5. */
  readonly maxLapses?: number | undefined
  readonly keep?:
    | {
        /** Whether acked messages are kept like the other ended ones. Default false. */
        readonly acked?: boolean | undefined
        /** Default 1 h. */
        readonly ended?: Duration | undefined
        /** Default 10,000. */
        readonly endedCount?: number | undefined
        /** Dead letters older than this are discarded; null: kept until somebody acts. Default null. */
        readonly dead?: Duration | null | undefined
        /** Default 100,000. */
        readonly deadCount?: number | undefined
      }
    | undefined
  /** A queue without a lease, a send or a message for so long is removed. Default null: never. */
  readonly idleExpiry?: Duration | null | undefined
}
