/**
 * What a worker needs to know to serve one queue. The patterns (tasks, queues, subscriptions) make bindings; the worker
 * knows no pattern.
 */
import type { Backoff } from '../core/backoff.ts'
import type { Change, Delivery } from '../core/engine.ts'
import type { PosthornError } from '../core/error.ts'
import type { StoredMessage } from '../core/message.ts'
import type { Gate } from '../runtime/capacity.ts'
import type { Log } from '../runtime/log.ts'
import type { Done, Outcome } from './outcome.ts'

export interface Binding {
  readonly queue: string
  /** Runs at once, at most, in this worker. */
  readonly concurrency: number
  /** Holds back hand-outs beyond the concurrency. Several queues may share one. */
  readonly gate?: Gate | undefined
  /**
   * Whether a message that was handed out before without anybody saying what became of it starts only alone, because its handler may
   * be what killed the process. false: for handlers that run nobody's code but Posthorn's. Default true.
   */
  readonly suspects?: boolean | undefined
  /**
   * How many may have ended and wait for their end to be durable in nobody's place (docs/adr/0005-places-before-durability.md): a crash has them run
   * again. Default 2,000.
   */
  readonly beside?: number | undefined
  /** Default: `DEFAULTS.leaseMs`. */
  readonly leaseMs?: number | undefined
  /** Longest time of one run: then its signal aborts and the run has failed as `timed-out`. null: none. */
  readonly timeoutMs?: number | null | undefined
  /** Default: `DEFAULT_RETRY`. */
  readonly retry?: RetryPolicy | undefined
  /** The first is the outermost. */
  readonly middleware?: readonly Middleware[] | undefined
  /**
   * `unknown`: this worker does not know the message's type or version (an older worker in a rolling deploy). It is given
   * back uncounted, and buried as `unknown-contract` when nobody has known it for `DEFAULTS.unknownContractMs`. Default: always 'yes'.
   */
  recognises?(stored: StoredMessage): 'yes' | 'unknown'
  /**
   * Handles the message. What it returns is the value of a `done`, unless it is an outcome. A throw is a failed run, unless an
   * outcome is thrown. May return without a promise.
   */
  run(run: Run): unknown
  /**
   * What to add to the commit that ends the message: the operation's record, `onSuccess`, `onFailure`. Pure: it may be asked
   * again for the same end. `run` is null where no handler ran.
   */
  ending?(stored: StoredMessage, ended: Ended, run: Run | null): readonly Change[]
}

/** How a message ends by its holder, as the operation above it sees it. */
export type Ended =
  | { readonly status: 'succeeded'; readonly value: unknown }
  /** `state`: acked by a `fail`, dead otherwise. `code` is the task's own, or from the table of errors. */
  | {
      readonly status: 'failed'
      readonly state: 'acked' | 'dead'
      readonly code: string
      readonly message: string
      readonly data: unknown
    }
  | { readonly status: 'cancelled'; readonly reason: string }

/** One run of a handler on one delivery. A rerun is another run: nothing held by the one before remains. */
export interface Run {
  readonly delivery: Delivery
  /** The message's id: the key to pass on where the handler's work must not be done twice. */
  readonly id: string
  /** 1 for the first: failed runs so far, and this one. */
  readonly attempt: number
  /** Aborts when the run times out, its lease is lost, it is cancelled or the worker stops. Its reason is a `PosthornError` that says which. */
  readonly signal: AbortSignal
  /** Whether the signal has aborted, without making one. */
  readonly aborted: boolean
  /** Its outcome is known: what the handler still does has no effect. */
  readonly over: boolean
  /** A transaction of the user's is about to settle it: until that is known, nothing interrupts the run. */
  isJoining: boolean
  /** It was settled in a transaction of the user's, as done. */
  isJoined: boolean
  /** What was held so far. */
  readonly effects: readonly Change[]
  readonly log: Log
  /**
   * Set by a `run` that gives back its handler's own promise: what that comes to goes through here first. It spares each run a promise of its own
   * in between.
   */
  conclusion: Conclusion | null
  /** Holds a change back until the outcome: it takes place with `done` and with no other. Throws when the run is over. */
  hold(change: Change): void
  /** Has a change settled with the run's outcome, whatever that is: for records of what was done. One that is refused is left out. */
  note(change: Change): void
  /** Remembers an outcome made for this run; one that is made and neither returned nor thrown fails the run. Returns it. */
  make<T extends Outcome>(outcome: T): T
  /**
   * What is wrong where outcomes were made and `ended`, what the handler returned or threw, is none of them. Those made so far are
   * then settled. The worker asks it of what `run` gave back; who puts another value in the handler's place asks before.
   */
  forgotten(ended: unknown): PosthornError | null
}

export interface Conclusion {
  /** The outcome, or the value of `done`; may be a promise. Throws where the run has failed. */
  returned(value: unknown): unknown
  threw(error: unknown): unknown
}

export interface RetryPolicy {
  /** Failed runs at most. */
  readonly attempts: number
  readonly backoff: Backoff
  /** What to do about this error instead: `retry({ afterMs })`, `bury(…)`, `fail(…)`, `snooze(…)`; undefined: as the policy says. */
  readonly decide?: ((error: unknown, attempt: number) => Exclude<Outcome, Done> | undefined) | undefined
}

export type Next = (run: Run) => Promise<Outcome>

/**
 * Wraps runs. `next` gives the outcome of what is inside, also of one that was thrown, and rejects with any other error.
 * To return an outcome of its own is legal; to call `next` twice in a run is an error.
 */
export type Middleware = (next: Next) => Next
