/**
 * Opening Posthorn and its verbs: send, commit, work. The only place that knows every engine; each is loaded when its URL is
 * opened. It installs no signal handlers.
 */
import type { Clock } from './core/clock.ts'
import type { Duration } from './core/duration.ts'
import type { Durability, Engine } from './core/engine.ts'
import { PosthornError } from './core/error.ts'
import type { Ids, Random } from './core/id.ts'
import type { Operation } from './operation/index.ts'
import type { QueueControl } from './queue/index.ts'
import type { RecordControl } from './record/index.ts'
import type { Log } from './runtime/log.ts'
import type { Args, Effects, Handler, Sendable, SendOptions, Task, Queue } from './task/index.ts'

/** What `work` takes, and what a module given to `posthorn serve` and `posthorn work` default-exports. */
export type Work = readonly Handler[] | ((given: WorkGiven) => readonly Handler[] | WorkParts | Promise<readonly Handler[] | WorkParts>)

export interface WorkGiven {
  readonly post: Post
  /** Aborts when the worker is to stop. */
  readonly signal: AbortSignal
}

export interface WorkParts {
  readonly handlers: readonly Handler[]
  /** Contracts that the server shows although nothing here handles them. */
  readonly contracts?: readonly (Task | Queue)[] | undefined
  /** Ends what the function made, once the handlers have stopped. */
  readonly stop?: (() => void | Promise<void>) | undefined
}

export interface WorkOptions {
  /** Stops the worker when it aborts. */
  readonly signal?: AbortSignal | undefined
}

export interface Worker extends AsyncDisposable {
  /** Resolves when it has stopped; rejects where it stopped because of an error. */
  readonly closed: Promise<void>
  /** The queues it serves. */
  readonly queues: readonly string[]
  /** Takes nothing more, lets handlers run on for the grace (default 25 s), then gives back what still runs, uncounted. */
  stop(options?: { readonly grace?: Duration | undefined }): Promise<void>
  /** Runs until nothing is ready any more, or the budget is used up. */
  drain(options?: { readonly budget?: Duration | undefined }): Promise<{ readonly handled: number }>
}

export interface Post extends AsyncDisposable {
  /**
   * Sends to a task or queue; resolves when it is durable.
   * @throws PosthornError `invalid-input`, `full`, `invalid-option`, `unsupported`, `closed`, `unknown`
   */
  send<I, O, Sent>(to: Sendable<I, O, Sent>, ...input: Args<NoInfer<I>, SendOptions<NoInfer<O>>>): Promise<Sent>
  /** Many effects in one commit, all or none: they take place when the body has ended without a throw. */
  commit<T>(body: (effects: Effects) => T | Promise<T>): Promise<T>
  /** Runs handlers; resolves when all is bound and checked. */
  work(work: Work, options?: WorkOptions): Promise<Worker>
  /** Holds again an operation that was sent before, by this process or another. */
  operation<I, O, E, P, R>(task: Task<I, O, E, P, R>, id: string): Operation<O, E>
  /** Administration of a queue: a contract, or a name like 'inbox' or 'task:resize'. */
  queue(of: string | Sendable<never, unknown, unknown>): QueueControl
  readonly records: RecordControl
  /** Stops its workers and ends the engine. Idempotent. */
  close(options?: { readonly grace?: Duration | undefined }): Promise<void>
}

export interface OpenOptions {
  readonly clock?: Clock | undefined
  readonly ids?: Ids | undefined
  readonly random?: Random | undefined
  /** Default: warnings and errors to the console. */
  readonly log?: Log | undefined
  /** CloudEvents `source` of what is sent. Default 'posthorn:'. */
  readonly source?: string | undefined
  readonly limits?: { readonly bodyBytes?: number | undefined } | undefined
  /** Told what goes wrong beside any call: an engine that is away, a lost lease, an effect that could not be written. */
  readonly onError?: ((error: PosthornError) => void) | undefined
  /** What a receipt must reach. Default: the best that the engine offers. */
  readonly durability?: Durability | undefined
  /** Share an engine that this process has open already at the same URL. */
  readonly shared?: boolean | undefined
}

/** For the floors above: what a `Post` stands on. Not part of the public API. */
export interface Internals {
  readonly url: string
  readonly engine: Engine
  readonly clock: Clock
  readonly ids: Ids
  readonly random: Random
  readonly log: Log
  readonly source: string
  readonly limits: { readonly bodyBytes: number }
}

const internals = new WeakMap<Post, Internals>()

/**
 * Opens an engine by URL: `memory:`, `file:DIR`. Unset: the environment's `POSTHORN_URL`, else `file:./.posthorn`.
 * @throws PosthornError `unknown-engine`, `engine-locked`, `invalid-option` and the engine's own
 */
export function open(url?: string, options: OpenOptions = {}): Promise<Post> {
  void url, options
  return Promise.reject(new PosthornError('unknown-engine', 'not wired yet'))
}

export function internalsOf(post: Post): Internals {
  const found = internals.get(post)
  if (found === undefined) throw new PosthornError('invalid-option', 'post was not made by open() of this copy of posthorn')
  return found
}
