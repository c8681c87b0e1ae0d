/** The options of a send, and what becomes of them in a message. */
import { parseDuration, type Duration } from '../core/duration.ts'
import { PosthornError, type Problem } from '../core/error.ts'
import { HIGHEST_PRIORITY, type Message, type When } from '../core/message.ts'
import type { Sendable } from './contract.ts'

export type Priority = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9

/** How a message is delivered. What is given here goes before the contract's own `key`, `group` and `dedupe`. */
export interface MessageOptions {
  /** One at a time and in send order among the messages of a queue that share it. */
  readonly key?: string | undefined
  /** The tenant, for fairness and for finding. */
  readonly group?: string | undefined
  /** Not handed out before so long from now. */
  readonly delay?: Duration | undefined
  /** Not handed out before this time. Not together with `delay`. */
  readonly notBefore?: Date | undefined
  /** A second send with the same text within the queue's window (24 h) changes nothing, and answers with the first id. */
  readonly dedupe?: string | undefined
  /** 0 to 9, higher first. Default 4. */
  readonly priority?: Priority | undefined
  /** Not handed out after so long from now, or after this time: it ends as expired. */
  readonly expires?: Duration | Date | undefined
  /** What it is about, as CloudEvents' `subject`. */
  readonly subject?: string | undefined
  /** Posthorn's id for it, a UUID: sending it again while it lives changes nothing. Default: a new UUIDv7. */
  readonly id?: string | undefined
  /** W3C trace context, passed through. */
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
}

/** Of a task also: who is told durably when its operation ends, by a message in the commit that ends it. */
export interface SendOptions<Output> extends MessageOptions {
  readonly onSuccess?: Sendable<{ id: string; output: Output }, unknown, unknown> | undefined
  readonly onFailure?: Sendable<{ id: string; error: Problem }, unknown, unknown> | undefined
}

export type Args<Input, Options> = 0 extends 1 & Input
  ? [input: Input, options?: Options]
  : [Input] extends [void]
    ? [input?: undefined, options?: Options]
    : [input: Input, options?: Options]
