/**
 * What the caller of a task holds: the life of one call. While the message lives, the operation is a view of it; after that
 * it is the record that the ending commit put. Nothing here depends on the process that sent it.
 */
import type { Duration } from '../core/duration.ts'
import type { Durability } from '../core/engine.ts'

/** What a send answers: the message is confirmed at this durability. A duplicate's `id` is the first one's. */
export interface Receipt {
  readonly id: string
  readonly duplicate: boolean
  readonly durability: Durability
}

export type OperationStatus = 'accepted' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'expired'

/** Codes of failures that are not a task's own. */
export type FailureCode =
  | 'handler-failed'
  | 'timed-out'
  | 'outcome-not-returned'
  | 'invalid-input'
  | 'invalid-output'
  | 'unknown-contract'
  | 'buried'
  | 'lapsed'
  // Effects that the engine refused, every time.
  | 'conflict'
  | 'full'
  | 'disk-full'
  | 'invalid'
  | 'unsupported'

/** A task's own errors with their data in wire form, or Posthorn's, which carry none. Tell them apart by `code`. */
export type OperationError<Errors> =
  | {
      [Code in keyof Errors & string]: { readonly code: Code; readonly message: string; readonly data: Errors[Code] }
    }[keyof Errors & string]
  | { readonly code: FailureCode; readonly message: string; readonly data?: undefined }

/** How an operation ended. */
export type Ended<Output, Errors> =
  | { readonly status: 'succeeded'; readonly output: Output }
  | { readonly status: 'failed'; readonly error: OperationError<Errors> }
  | { readonly status: 'cancelled' | 'expired' }

export interface Progress {
  /** From 0 to 1. */
  readonly fraction: number
  readonly note?: string | undefined
}

/** An operation at one moment. */
export interface OperationView<Output, Errors> {
  readonly id: string
  readonly task: string
  readonly status: OperationStatus
  /** Whether it has ended. */
  readonly done: boolean
  readonly progress?: Progress | undefined
  readonly output?: Output | undefined
  readonly error?: OperationError<Errors> | undefined
  /** Times it was handed to a handler. */
  readonly attempts: number
  readonly createdAt: Date
  readonly startedAt?: Date | undefined
  readonly endedAt?: Date | undefined
}

export interface WaitOptions {
  /** How long to wait. Default 30 s. The operation goes on when the wait ends. */
  readonly timeout?: Duration | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Operation<Output, Errors> {
  readonly id: string
  /** The task's name. */
  readonly task: string
  /**
   * Waits for the output.
   * @throws PosthornError `operation-failed` (its `details.error` is the operation's), `operation-cancelled`, `operation-expired`,
   *   `wait-timed-out` when the time is over, `aborted` by the signal. After the last two the operation goes on. Of one that was sent inside a
   *   transaction `would-wait` until that has committed, `operation-not-found` where it was rolled back.
   */
  result(options?: WaitOptions): Promise<Output>
  /**
   * Waits for the end, whatever it is.
   * @throws PosthornError `wait-timed-out`, `aborted`
   */
  ended(options?: WaitOptions): Promise<Ended<Output, Errors>>
  /** Asks that it be cancelled: at once while it waits; a running handler is told by its signal. No effect once it has ended. */
  cancel(): Promise<void>
  /** The operation now; undefined where there is none (never sent, or its retention is over). */
  view(): Promise<OperationView<Output, Errors> | undefined>
}

/** The operation of a task that was just sent. */
export interface SentOperation<Output, Errors> extends Operation<Output, Errors> {
  readonly receipt: Receipt
}
