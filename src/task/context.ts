/** What a handler is given beside its input: who it is, effects that are held until its outcome, and the outcomes themselves. */
import type { Duration } from '../core/duration.ts'
import type { Version } from '../core/engine.ts'
import type { Json } from '../core/json.ts'
import type { Message } from '../core/message.ts'
import type { PutOptions } from '../record/index.ts'
import type { Log } from '../runtime/log.ts'
import type { Publishable, Sendable } from './contract.ts'
import type { Args, PublishOptions, SendOptions } from './option.ts'

declare const outcome: unique symbol

/** How a run ends, made by the context. Return it or throw it: one that is made and dropped fails the run. */
export interface Outcome {
  readonly [outcome]: true
}

/** Promised with the outcome: an id, never a result to wait for. Where the send turns out to be a duplicate, the first one's id stands. */
export interface Held {
  readonly id: string
}

export interface RecordEntry {
  readonly value: Json
  /** Opaque; for `ifVersion`. */
  readonly version: Version
}

/**
 * Effects that take place together, all or none: with the outcome of a handler, or at the end of `post.commit`. As everything in
 * a context they may be taken out of it: `({ send, put })`.
 */
export interface Effects {
  send<I, O, Sent>(this: void, to: Sendable<I, O, Sent>, ...input: Args<NoInfer<I>, SendOptions<NoInfer<O>>>): Held
  /** Publishes an event to every subscription of the topic that wants it. */
  publish<E, K extends keyof E & string>(
    this: void,
    topic: Publishable<E>,
    type: K,
    data: NoInfer<E>[K],
    options?: PublishOptions,
  ): Held
  /** Puts a record. Keys are 1 to 512 printable ASCII characters; those that begin with a prefix of Posthorn's own are refused. */
  put(this: void, key: string, value: Json, options?: PutOptions): void
  remove(this: void, key: string, options?: { readonly ifVersion?: Version | undefined }): void
}

/** @typeParam Transaction what the handler's `transaction` option gives */
export interface Context<Errors = {}, Transaction = never> extends Effects {
  /** The open transaction, where the handler has the option `transaction`: what is written with it, the ack and all effects are one. */
  readonly tx: Transaction
  /** The message's id: pass it on as idempotency key to whatever must not be done twice. */
  readonly id: string
  /** 1 for the first: failed runs so far, and this one. */
  readonly attempt: number
  /** Aborts when the run times out, loses its lease, is cancelled or the worker stops. Its reason is a PosthornError that says which. */
  readonly signal: AbortSignal
  /** The message as it came: the event's attributes, the body's bytes. */
  readonly message: Message
  readonly log: Log
  /** How far it is, from 0 to 1. Seen at once, also if the run fails; written at most once a second. Nothing in a queue's handler. */
  progress(this: void, fraction: number, note?: string): void
  /** Reads a record now, as it is stored: what this run holds is not seen. */
  get(this: void, key: string): Promise<RecordEntry | undefined>
  /** A failed run: tried again by the policy, or after the given time. */
  retry(this: void, options?: { readonly after?: Duration | undefined; readonly reason?: string | undefined }): Outcome
  /** Not now: tried again after the given time, uncounted. */
  snooze(this: void, after: Duration): Outcome
  /** Final: a dead letter, for people to look at and to redrive. */
  bury(this: void, reason: string): Outcome
  /** Final: one of the task's own errors. */
  fail<K extends keyof Errors & string>(this: void, code: K, data: Errors[K], message?: string): Outcome
  /** Final: ends as cancelled. */
  cancel(this: void, reason?: string): Outcome
}
