/** What `open` gives: the verbs send, commit and work, operations, administration. Types only; `posthorn.ts` makes them. */
import type { AppControl } from './app/index.ts'
import type { EndpointControl, MasterKeyOption } from './callback/index.ts'
import type { Clock } from './core/clock.ts'
import type { Duration } from './core/duration.ts'
import type { Durability } from './core/engine.ts'
import type { PosthornError } from './core/error.ts'
import type { Ids, Random } from './core/id.ts'
import type { Measure } from './core/measure.ts'
import type { Forward, Source } from './event/index.ts'
import type { Operation, Receipt } from './operation/index.ts'
import type { QueueControl } from './queue/index.ts'
import type { RecordControl } from './record/index.ts'
import type { Log } from './runtime/log.ts'
import type {
  Args,
  Contract,
  Effects,
  Handler,
  JoinOptions,
  Publishable,
  PublishOptions,
  Sendable,
  SendOptions,
  Task,
} from './task/index.ts'
import type { Topic, TopicControl } from './topic/index.ts'

/** What `work` takes, and what a module given to `posthorn serve` and `posthorn work` default-exports. */
export type Work =
  | readonly Part[]
  | ((given: WorkGiven) => readonly Part[] | WorkParts | Promise<readonly Part[] | WorkParts>)

/** A handler; what `forward` makes; a source, for the server to mount where `on` listens to it. */
export type Part = Handler | Forward | Source

export interface WorkGiven {
  readonly post: Post
  /** Aborts when the worker is to stop. */
  readonly signal: AbortSignal
}

export interface WorkParts {
  readonly handlers: readonly Part[]
  /** Contracts that the server shows although nothing here handles them. */
  readonly contracts?: readonly (Contract | Topic)[] | undefined
  /** Ends what the function made, once the handlers have stopped. */
  readonly stop?: (() => void | Promise<void>) | undefined
}

export interface WorkOptions {
  /** Stops the worker when it aborts. */
  readonly signal?: AbortSignal | undefined
}

export interface StopOptions {
  /** How long handlers may run on. Default 25 s. */
  readonly grace?: Duration | undefined
}

export interface Worker extends AsyncDisposable {
  /** Resolves when it has stopped, and what its function made is ended. */
  readonly closed: Promise<void>
  /** The queues it serves. */
  readonly queues: readonly string[]
  /** Takes nothing more, lets handlers run on for the grace, then gives back what still runs, uncounted. Idempotent. */
  stop(options?: StopOptions): Promise<void>
  /** Runs until nothing is ready and nothing runs, or the budget is used up. What is delayed is left. */
  drain(options?: { readonly budget?: Duration | undefined }): Promise<{ readonly handled: number }>
}

export interface PublishReceipt extends Receipt {
  /** How many subscriptions got it at once: those that are live and want it. 0 answers why nobody got it; inside a transaction nobody has it yet. */
  readonly matched: number
}

export interface Post extends AsyncDisposable {
  /**
   * Sends to a task or queue; resolves when it is durable, with the operation of a task or the receipt of a queue. With `within` it is part of
   * the user's own transaction, durable and seen when that has committed.
   * @throws PosthornError `invalid-input`, `payload-too-large`, `full`, `invalid-option`, `unsupported`, `closed`, `unknown`; with `within` also
   *   `no-transaction`, `other-database`, `transaction-failed`
   */
  send<I, O, Sent>(
    to: Sendable<I, O, Sent>,
    ...input: Args<NoInfer<I>, SendOptions<NoInfer<O>> & JoinOptions>
  ): Promise<Sent>
  /**
   * Publishes an event to every subscription of the topic that wants it, to all of them or to none; resolves when it is durable.
   * Many at once, all or none: `post.commit((fx) => { fx.publish(…); fx.publish(…) })`.
   * @throws PosthornError `unknown-event`, `invalid-input`, `payload-too-large`, `invalid-option`, `closed`, `unknown`
   */
  publish<E, K extends keyof E & string>(
    topic: Publishable<E>,
    type: K,
    data: NoInfer<E>[K],
    options?: PublishOptions & JoinOptions,
  ): Promise<PublishReceipt>
  /**
   * Many effects in one commit, all or none: they take place when the body has ended without a throw.
   * @throws PosthornError as `send`, and `conflict` where an `ifVersion` does not hold
   */
  commit<T>(body: (effects: Effects) => T | Promise<T>, options?: JoinOptions): Promise<T>
  /**
   * Runs handlers; resolves when all is bound and checked.
   * @throws PosthornError `invalid-module`, `duplicate-handler`, `unsupported`
   */
  work(work: Work, options?: WorkOptions): Promise<Worker>
  /** Holds again an operation that was sent before, by this process or another. */
  operation<I, O, E, P, R>(task: Task<I, O, E, P, R>, id: string): Operation<O, E>
  /** Administration of a queue: a contract, or a name like 'inbox' or 'task:resize'. */
  queue(of: string | Contract): QueueControl
  /** Administration of a topic, by its contract or its name: what it keeps, who is subscribed. */
  topic(of: string | Topic): TopicControl
  readonly records: RecordControl
  /** Third parties of the platform: their keys, scopes and quotas. */
  readonly apps: AppControl
  /** Where events go over HTTP: signed callbacks to the platform's receivers. */
  readonly endpoints: EndpointControl
  /** What the engine tells of itself in numbers; none where it tells nothing. What the process does beside is at `/metrics`. */
  measure(): readonly Measure[]
  /** Stops its workers and closes the engine. Idempotent. */
  close(options?: StopOptions): Promise<void>
}

export interface OpenOptions {
  /** CloudEvents `source` of what is sent. Default 'posthorn:'. */
  readonly source?: string | undefined
  /** What a receipt must reach. Default: the best that the engine offers. */
  readonly durability?: Durability | undefined
  /** Share an engine that this process has open already at the same URL. */
  readonly shared?: boolean | undefined
  readonly limits?: OpenLimits | undefined
  /** Default: warnings and errors to standard error. */
  readonly log?: Log | undefined
  /** Told what goes wrong beside any call: an engine that is away, a lost lease, a settling that was refused. */
  readonly onError?: ((error: PosthornError) => void) | undefined
  readonly clock?: Clock | undefined
  readonly ids?: Ids | undefined
  readonly random?: Random | undefined
  /**
   * Seals endpoints' secrets: a text of at least 32 characters, or several, the newest first, while one takes the place of another. Unset: the
   * environment's `POSTHORN_MASTER_KEY`, else the file that `POSTHORN_MASTER_KEY_FILE` names, else a key in the store itself.
   */
  readonly masterKey?: MasterKeyOption | undefined
}

export interface OpenLimits {
  /** Largest body of a message. Default 1 MiB. */
  readonly bodyBytes?: number | undefined
  /** `file:DIR` and `sqlite:FILE`: with less room on their disk, new messages are refused as `disk-full`; what is there can still be settled. Default 64 MiB. */
  readonly minFreeBytes?: number | undefined
}
