/**
 * The narrow waist: what stores messages and records and hands them out. Everything above is written against these three
 * slices and nothing else; every engine passes the same conformance kit. The comments are laws (docs/reference/laws.md).
 */
import type { Measure } from './measure.ts'
import type { Failure, Message, MessageRef, State, StoredMessage, When } from './message.ts'
import type { StoredRecord } from './record.ts'
import type { QueueSettings, ReadFrom, Retention, Subscription } from './settings.ts'

export interface Engine extends Ledger, Records, Inspect {
  readonly capabilities: Capabilities
  /** Ends cleanly what is under way; later calls throw `closed`. Idempotent. */
  close(): Promise<void>
  /**
   * Where one process owns the engine: tells others how to reach that process over HTTP, until it closes. An `open` elsewhere that
   * fails with `engine-locked` then has `address` and `keyFile` (readable by this user only) among its details.
   */
  announce?(owner: { readonly address: string; readonly key: string }): Promise<void>
  /** What it tells of itself in numbers: cheap to ask, and changing. */
  measure?(): readonly Measure[]
  /** Resolves, with why, where the engine has stopped on its own and will do nothing any more; never rejects. */
  readonly failed?: Promise<Error> | undefined
}

export interface Ledger {
  /**
   * Each Commit is all or nothing and independent of the others; results are in order. Resolves when all of them are durable.
   * Refusals are values. Throws only `unknown` (the answer was lost: it may have happened) or `closed`.
   */
  commit(commits: readonly Commit[]): Promise<readonly CommitResult[]>
  /** Hands out what may be handed out now. Never waits for messages. Repeating an `id` returns the same deliveries. */
  lease(request: LeaseRequest): Promise<LeaseResult>
  /** Makes leases last `leaseMs` from now. `cancel`: kept, and somebody asked that the run be cancelled. */
  extend(tokens: readonly Token[], leaseMs: number): Promise<readonly ('kept' | 'stale' | 'cancel')[]>
  /**
   * Hints only: may be lost, late, doubled or spurious. Everything works without them. Where the watcher tells what it has room for, an engine in its
   * process may hand out to it unasked, as by a lease, what becomes ready; no engine need.
   */
  watch(interest: Interest, hint: (hint: Hint) => void, roomFor?: RoomFor): Disposable
  /** What happens to messages from now on, in order and not before it is durable. Costs something only while somebody follows. */
  follow?(listener: (happenings: readonly Happening[]) => void): Disposable
  /**
   * Capability `join`: commits inside the user's own transaction.
   * @throws PosthornError `invalid-option` for what is no transaction of a library that the engine knows
   */
  join?(transaction: unknown): JoinedTransaction
}

/**
 * A transaction of the user's, as an engine joins it. What is committed here exists when the transaction has committed, all of it, and never
 * where it has not; then it is seen at once by every read and lease.
 */
export interface JoinedTransaction {
  /**
   * One commit of sends, publishes, puts and removes without `ifVersion`, and acks. A refusal throws, so that the user rolls back. Limits and
   * duplicates are judged as they are now; a message that another with its dedupe text then comes before ends as discarded. The lease of an
   * acked message stays as it is until the transaction ends, and nobody else can settle it.
   * @throws PosthornError `stale`, `full`, `invalid`, `unsupported`, `no-transaction`, `other-database`, `transaction-failed`
   */
  commit(commit: Commit): Promise<readonly ChangeResult[]>
  /** Whether everything else that the engine writes waits until the transaction has ended. */
  readonly isExclusive: boolean
  /** What became of the transaction of the last commit here. */
  state(): Promise<'open' | 'committed' | 'rolled-back'>
}

export interface Records {
  /** In the order of the keys; null where there is none. An alias finds its record. */
  get(keys: readonly string[]): Promise<readonly (StoredRecord | null)[]>
  /**
   * Records whose key or alias begins with `prefix`, in bytewise order of that text; a record before those that have its key for an alias.
   * `after` is a page's `next`, or a text of the caller's own, with or without a record: what comes behind a record of that key.
   */
  list(query: {
    readonly prefix: string
    readonly after: string | null
    readonly limit: number
  }): Promise<Page<StoredRecord>>
}

export interface Inspect {
  /** In the order of the references; ended messages as long as the queue keeps them. */
  find(messages: readonly MessageRef[]): Promise<readonly (StoredMessage | null)[]>
  /** In order of arrival. A page may be empty and still have `next`: the work of a call is bounded, not its matches. */
  browse(query: BrowseQuery): Promise<Page<StoredMessage>>
  /** Unknown queues are left out. */
  depth(queues: readonly string[] | 'all'): Promise<readonly QueueDepth[]>
  /** Retained events in order of position. Throws `unsupported` for a topic that keeps none. */
  read(query: { readonly topic: string; readonly from: ReadFrom; readonly limit: number }): Promise<Page<RetainedEvent>>
}

export interface Commit {
  /** A commit repeated with the same id within ten minutes applies once and answers the same. At most 200 characters. */
  readonly id?: string | undefined
  /** The least that the receipt must reach; default: the best the engine was opened with. More than it offers is refused as `unsupported`. */
  readonly durability?: Durability | undefined
  readonly changes: readonly Change[]
}

export type Change =
  | { readonly do: 'send'; readonly queue: string; readonly message: Message }
  | { readonly do: 'publish'; readonly topic: string; readonly message: Message }
  | { readonly do: 'ack'; readonly token: Token }
  /** failed + 1 */
  | { readonly do: 'retry'; readonly token: Token; readonly delay: When; readonly error: Failure }
  /** released + 1 */
  | { readonly do: 'release'; readonly token: Token; readonly delay: When }
  /** Ends as dead: failed + 1, `error.code` is the reason. */
  | { readonly do: 'bury'; readonly token: Token; readonly error: Failure }
  /** Ends as cancelled: released + 1. */
  | { readonly do: 'drop'; readonly token: Token; readonly reason: string }
  /** `ifVersion: null`: must not exist. `expiresAt` is wall time. Aliases replace those of the put before. */
  | {
      readonly do: 'put'
      readonly key: string
      readonly value: Uint8Array
      readonly ifVersion?: Version | null | undefined
      readonly expiresAt?: number | undefined
      readonly aliases?: readonly string[] | undefined
    }
  | { readonly do: 'remove'; readonly key: string; readonly ifVersion?: Version | undefined }
  /** Creates or changes a queue. An unknown queue is created with defaults by the first send as well. */
  | {
      readonly do: 'configure'
      readonly queue: string
      readonly settings: QueueSettings
      readonly ifVersion?: Version | null | undefined
    }
  /** Makes a topic keep its events; null: it keeps none from now on, and forgets those it has. */
  | {
      readonly do: 'retain'
      readonly topic: string
      readonly retention: Retention | null
      readonly ifVersion?: Version | null | undefined
    }
  /** Creates or changes a subscription and its queue. */
  | { readonly do: 'bind'; readonly subscription: Subscription; readonly ifVersion?: Version | null | undefined }
  /** Ends a subscription; what waits in its queue is discarded. */
  | { readonly do: 'unbind'; readonly topic: string; readonly name: string }
  /** Waiting messages end as cancelled. Of a leased one it is a request: it is never handed out again, and its holder is told. */
  | { readonly do: 'cancel'; readonly messages: readonly MessageRef[] }
  /** Dead messages become ready with fresh counts; their history stays. */
  | { readonly do: 'redrive'; readonly messages: readonly MessageRef[] }
  /** Waiting and dead messages end as discarded. */
  | { readonly do: 'discard'; readonly messages: readonly MessageRef[] }
  /** Takes in a message with its state, counts and history, for copying between engines. Leased becomes ready. */
  | { readonly do: 'restore'; readonly message: StoredMessage }

export type CommitResult =
  | {
      readonly status: 'committed'
      readonly durability: Durability
      readonly replayed: boolean
      readonly results: readonly ChangeResult[]
    }
  /** Nothing of it exists. `at` is the index of the change that was refused; `detail` a sentence for people. */
  | { readonly status: 'refused'; readonly code: RefusalCode; readonly at: number; readonly detail: string }

/** `disk-full`: there is no room for what is new; what settles a token is never refused for it. */
export type RefusalCode = 'stale' | 'conflict' | 'full' | 'disk-full' | 'invalid' | 'unsupported'

/** send, publish: `id` (a duplicate's is the first one's), `routed` for publish · put, configure, retain, bind: `version` · cancel, redrive, discard: `count` · others: null. */
export type ChangeResult =
  | { readonly id: string; readonly duplicate: boolean; readonly routed?: number | undefined }
  | { readonly version: Version }
  | { readonly count: number }
  | null

export interface LeaseRequest {
  /** Unique per request: repeating it while its leases stand returns the same deliveries. */
  readonly id: string
  /** Who asks, for people: shown nowhere but in logs and `show`. */
  readonly worker: string
  /**
   * `process`: the holder lives and dies with this process, so after a crash its leases lapse as soon as the engine opens again.
   * `client`: the holder is elsewhere, so its leases stand until their time.
   */
  readonly holder: 'process' | 'client'
  readonly leaseMs: number
  /** At most so many of each queue, all queues in one call. Unknown queues are legal and empty. */
  readonly wants: readonly { readonly queue: string; readonly max: number }[]
}

export interface LeaseResult {
  readonly deliveries: readonly Delivery[]
  /** Milliseconds until time alone can make a further message of these queues ready (a delay, a lapse); null: only a change can. */
  readonly nextReadyInMs: number | null
}

/** Takes places for messages of a queue that the watcher named, at most so many; null where it has none, or is about to lease. */
export type RoomFor = (queue: string, most: number) => Room | null

/** Places that are kept free for what is being handed out. */
export interface Room {
  /** 1 or more. */
  readonly count: number
  readonly leaseMs: number
  readonly holder: LeaseRequest['holder']
  /** Called once, when what was handed out is durable; with less than `count` where there was less, or it was taken back. */
  filled(deliveries: readonly Delivery[]): void
}

/** A message handed to one worker. */
export interface Delivery {
  readonly token: Token
  /** Engine time, ms since the epoch. */
  readonly leaseUntil: number
  readonly stored: StoredMessage
}

export interface BrowseQuery {
  readonly queue: string
  readonly state: State
  readonly after: string | null
  readonly limit: number
  /** All must hold. `error`: a failure's code or the reason. `before`, `since`: engine time of the send. */
  readonly match?:
    | {
        readonly type?: string | undefined
        readonly error?: string | undefined
        readonly group?: string | undefined
        readonly key?: string | undefined
        readonly before?: number | undefined
        readonly since?: number | undefined
      }
    | undefined
}

export interface QueueDepth extends Readonly<
  Record<'arrived' | 'ready' | 'held' | 'delayed' | 'leased' | 'dead', number>
> {
  readonly queue: string
  /** Bytes of what waits or is leased. */
  readonly bytes: number
  readonly oldestReadyAt: number | null
  readonly paused: boolean
  /** Totals since the queue began, for *conserved*. */
  readonly ended: Readonly<Record<'acked' | 'expired' | 'cancelled' | 'discarded', number>>
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Opaque; null: there is no more. */
  readonly next: string | null
}

export interface RetainedEvent {
  readonly position: string
  readonly message: Message
}

/** memory: dies with the process · os: survives the process · disk: survives power loss · quorum: survives a node · joined: as the user's transaction. */
export type Durability = 'joined' | 'memory' | 'os' | 'disk' | 'quorum'
/** Names one hand-out. Opaque; holds the engine's incarnation; never used again. */
export type Token = string
/** Opaque; never used again for a key, also after a remove. */
export type Version = string

export type Interest = {
  readonly queues?: readonly string[] | undefined
  readonly keys?: readonly string[] | undefined
  readonly topics?: readonly string[] | undefined
}
export type Hint =
  | { readonly queue: string }
  | { readonly key: string }
  | { readonly topic: string }
  | { readonly cancel: Token }

/** Something that happened to a message: it was sent, a run of it failed, or it ended. */
export interface Happening {
  /** Engine time. */
  readonly at: number
  readonly what: 'sent' | 'failed' | 'dead' | 'acked' | 'expired' | 'cancelled' | 'discarded'
  readonly queue: string
  readonly id: string
  readonly type: string
  readonly key: string | null
  readonly group: string | null
  readonly sentAt: number
  readonly acquired: number
  readonly failed: number
  /** A failure's code, or why it ended. */
  readonly reason: string | null
}

export interface Capabilities {
  readonly engine: string
  /** What can be asked for; the last is what a commit reaches unless it says otherwise. */
  readonly durability: readonly Durability[]
  /** Over what a Commit is all or nothing. */
  readonly atomic: 'commit' | 'queue' | 'none'
  /** Who may open it at once. */
  readonly processes: 'one' | 'machine' | 'many'
  readonly clock: 'monotonic' | 'server'
  /** By how much a limit may be overshot. */
  readonly limitSlack: number
  readonly maxChanges: number
  readonly maxBodyBytes: number
  readonly pick: readonly QueueSettings['pick']['by'][]
  readonly fair: boolean
  readonly join: boolean
  readonly retained: boolean
  /** Laws it does not keep, and why. */
  readonly deviations: readonly { readonly law: string; readonly why: string }[]
}
