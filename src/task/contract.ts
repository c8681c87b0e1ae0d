/**
 * Contracts: what exists. A task is work with an outcome that somebody may wait for; a queue takes data and answers with a
 * receipt. Producers, workers and the server share the file that declares them; everything is inferred from it.
 */
import type { Duration } from '../core/duration.ts'
import type { Schema } from '../core/schema.ts'
import type { Receipt, SentOperation } from '../operation/index.ts'
import { defineContract } from './definition.ts'
import type { QueueOptions } from './settings.ts'
import type { In, JsonInput, Out } from './wire.ts'

declare const sends: unique symbol
declare const runs: unique symbol
declare const publishes: unique symbol

/** Any contract, whatever it takes. */
export interface Contract {
  readonly kind: 'task' | 'queue'
  readonly name: string
}

/** What `send` takes: how it sees a contract. */
export interface Sendable<Input, Output, Sent> extends Contract {
  readonly [sends]?: { input: (input: Input) => void; output: Output; sent: Sent } | undefined
}

/** What `handle` takes: how it sees a contract. */
export interface Runnable<Parsed, Returned, Errors> extends Contract {
  readonly [runs]?: { parsed: Parsed; returned: (value: Returned) => void; errors: Errors } | undefined
}

/** What `publish` takes: how it sees a topic. `Events` are the wire forms of its events' data, by type. */
export interface Publishable<Events> {
  readonly kind: 'topic'
  readonly name: string
  readonly [publishes]?: { events: Events } | undefined
}

/**
 * Work with an outcome. `Input` and `Output` are what callers send and get, `Parsed` and `Returned` what its handler gets
 * and returns, `Errors` its own errors' data by code.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- `Task` alone is any task
export interface Task<Input = any, Output = void, Errors = {}, Parsed = Input, Returned = Output>
  extends Sendable<Input, Output, SentOperation<Output, Errors>>, Runnable<Parsed, Returned, Errors> {
  readonly kind: 'task'
}

/** A place for data that a handler takes out. `Data` is what is sent, `Parsed` what its handler gets. */
// oxlint-disable-next-line typescript/no-explicit-any -- `Queue` alone is any queue
export interface Queue<Data = any, Parsed = Data> extends Sendable<Data, void, Receipt>, Runnable<Parsed, void, {}> {
  readonly kind: 'queue'
}

export interface BackoffOptions {
  /** Default 'exponential'. */
  readonly kind?: 'fixed' | 'exponential' | undefined
  /** The first delay. Default 1 s. */
  readonly base?: Duration | undefined
  /** No delay is longer. Default 1 h. */
  readonly cap?: Duration | undefined
  /** By how much an exponential delay grows per failure. Default 2. */
  readonly factor?: number | undefined
  /** Default 'full'. */
  readonly jitter?: 'none' | 'full' | 'decorrelated' | undefined
}

/** What to do about one error; undefined: as the policy says. `snooze` is uncounted. */
export type Decision = 'retry' | 'bury' | { readonly after: Duration } | { readonly snooze: Duration } | undefined

export interface RetryOptions {
  /** Failed runs at most. Default 5. */
  readonly attempts?: number | undefined
  readonly backoff?: BackoffOptions | undefined
  /** Asked after each run that threw or timed out. */
  readonly decide?: ((error: unknown, attempt: number) => Decision) | undefined
}

/** Takes the wire form of one version to the next one's. A method, so that a parameter may be declared as the old form. */
export type Upcast = { upcast(old: unknown): unknown }['upcast']

/** What tasks and queues have in common. `key`, `group` and `dedupe` are functions of the parsed input. */
export interface ContractOptions<Parsed> {
  /** Of the input's form. Default 1. A worker gives back, uncounted, what is of a version that it does not know. */
  readonly version?: number | undefined
  /** From each older version that is still to be understood to the one after it: `{ 1: (old) => … }` with `version: 2`. */
  readonly upcast?: { readonly [version: number]: Upcast } | undefined
  readonly retry?: RetryOptions | undefined
  /** Longest time of one run. Default: none. */
  readonly timeout?: Duration | undefined
  /** One at a time and in send order among those that share it. */
  readonly key?: ((input: Parsed) => string | undefined) | undefined
  /** The tenant. */
  readonly group?: ((input: Parsed) => string | undefined) | undefined
  /** A second send with the same text within the window changes nothing. */
  readonly dedupe?: ((input: Parsed) => string | undefined) | undefined
  /** Settings of its queue, put in place when handlers start. What is not given stays as it is. */
  readonly queue?: QueueOptions | undefined
}

/**
 * Declares a task.
 * @throws PosthornError `invalid-name`, `invalid-option`, `invalid-duration`
 */
export function task<
  const I extends Schema | undefined = undefined,
  const O extends Schema | undefined = undefined,
  E extends { readonly [code: string]: Schema } = {},
>(
  name: string,
  options?: {
    readonly input?: (I & JsonInput<I>) | undefined
    readonly output?: (O & JsonInput<O>) | undefined
    /** The task's own errors: final, typed, made by `ctx.fail`. */
    readonly errors?: E | undefined
  } & ContractOptions<Out<I>>,
): Task<In<I>, Out<O>, { [Code in keyof E]: In<E[Code]> }, Out<I>, In<O>> {
  return defineContract('task', name, options ?? {}) as Task<
    In<I>,
    Out<O>,
    { [Code in keyof E]: In<E[Code]> },
    Out<I>,
    In<O>
  >
}

/**
 * Declares a queue.
 * @throws PosthornError `invalid-name`, `invalid-option`, `invalid-duration`
 */
export function queue<D extends Schema>(
  name: string,
  options: { readonly data: D & JsonInput<D> } & ContractOptions<Out<D>>,
): Queue<In<D>, Out<D>> {
  return defineContract('queue', name, options) as Queue<In<D>, Out<D>>
}
