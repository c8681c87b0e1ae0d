/** `sqlite:FILE`: messages and records in an SQLite database that several processes of one machine may open at once. */
import { systemClock, type Clock } from '../../core/clock.ts'
import type {
  BrowseQuery,
  Capabilities,
  Commit,
  CommitResult,
  Durability,
  Engine,
  Happening,
  Hint,
  Interest,
  JoinedTransaction,
  LeaseRequest,
  LeaseResult,
  Page,
  QueueDepth,
  RetainedEvent,
  Token,
} from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import type { Measure } from '../../core/measure.ts'
import type { MessageRef, StoredMessage } from '../../core/message.ts'
import type { StoredRecord } from '../../core/record.ts'
import type { ReadFrom } from '../../core/settings.ts'
import { faultOfCommit } from '../sql/check.ts'
import { checkLeaseMs, checkLeaseRequest } from '../sql/lease-request.ts'
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from '../sql/limit.ts'
import { quote } from '../sql/refusal.ts'
import type { PackedDecided } from './wire/answer.ts'
import { decodeCommit, decodeEvent, decodeLease, decodeMessage, decodePage, decodeRecord } from './wire/decode.ts'
import { Exchange } from './wire/exchange.ts'
import { Joins } from './join/joins.ts'
import { Followers } from './process/followers.ts'
import type { HostOptions } from './host.ts'
import { ThreadLink } from './link/thread-link.ts'
import { machineTicks } from './process/machine-clock.ts'
import { realPathOf } from './process/real-path.ts'
import type { Ticks } from './wire/request.ts'
import { MIN_FREE_BYTES } from './space.ts'
import { Watchers } from './process/watchers.ts'

export interface SqliteEngineOptions {
  readonly clock?: Clock | undefined
  /**
   * disk (the default): a commit is confirmed when it survives power loss · os: when it survives the process. What was confirmed at `os` may
   * be lost with the machine, newest first.
   */
  readonly durability?: 'disk' | 'os' | undefined
  readonly limits?: Partial<EngineLimits> | undefined
  /** New messages are refused as `disk-full` while the disk has less room than this; what is there can be settled. Default 64 MiB. */
  readonly minFreeBytes?: number | undefined
  /** For tests: the database in this thread, by this driver. */
  readonly local?: Pick<HostOptions, 'driver' | 'checkpointPages' | 'freeBytes' | 'thresholds' | 'clock'> | undefined
}

/** What a commit is told that did its one plain change. */
const DONE: PackedDecided = { replayed: false, results: [0] }

export class SqliteEngine implements Engine {
  readonly capabilities: Capabilities
  readonly failed: Promise<Error>
  readonly #limits: EngineLimits
  readonly #exchange: Exchange
  readonly #watchers: Watchers
  readonly #followers: Followers
  readonly #path: string
  readonly #joins: Joins
  #closing: Promise<void> | null = null

  constructor(parts: {
    readonly exchange: Exchange
    readonly watchers: Watchers
    readonly followers: Followers
    readonly path: string
    readonly joins: Joins
    readonly limits: EngineLimits
    readonly durability: 'disk' | 'os'
  }) {
    this.#exchange = parts.exchange
    this.#watchers = parts.watchers
    this.#followers = parts.followers
    this.#path = parts.path
    this.#joins = parts.joins
    this.#limits = parts.limits
    this.failed = parts.exchange.stopped
    this.capabilities = capabilitiesOf(parts.limits, parts.durability)
  }

  async commit(commits: readonly Commit[]): Promise<readonly CommitResult[]> {
    if (!Array.isArray(commits) || commits.some((commit) => typeof commit !== 'object' || commit === null))
      throw new PosthornError('invalid', `commits is ${quote(commits)}: it must be a list of { changes }`)
    const refused = commits.map((commit) => this.#refuse(commit))
    const sound = commits.filter((_, at) => refused[at] === null)
    const best = this.capabilities.durability.at(-1)!
    const decided = await this.#exchange.call(
      (stream, n) => stream.commit(n, sound),
      (value: readonly PackedDecided[] | null) =>
        sound.map((commit, at) => decodeCommit(value?.[at] ?? DONE, commit, best)),
      sound.length,
    )
    let next = 0
    return refused.map((refusal) => refusal ?? decided[next++]!)
  }

  async lease(request: LeaseRequest): Promise<LeaseResult> {
    checkLeaseRequest(request)
    return this.#exchange.call((stream, n) => stream.call(n, { call: 'lease', request }), decodeLease)
  }

  async extend(tokens: readonly Token[], leaseMs: number): Promise<readonly ('kept' | 'stale' | 'cancel')[]> {
    checkLeaseMs(leaseMs)
    if (!Array.isArray(tokens)) throw new PosthornError('invalid', `tokens is ${quote(tokens)}: it must be a list`)
    return this.#exchange.call(
      (stream, n) => stream.call(n, { call: 'extend', tokens, leaseMs }),
      (value: readonly ('kept' | 'stale' | 'cancel')[]) => value,
    )
  }

  watch(interest: Interest, hint: (hint: Hint) => void): Disposable {
    return this.#watchers.watch(interest, hint)
  }

  follow(listener: (happenings: readonly Happening[]) => void): Disposable {
    return this.#followers.follow(listener)
  }

  measure(): readonly Measure[] {
    return this.#exchange.measures.all(this.#path)
  }

  join(transaction: unknown): JoinedTransaction {
    if (this.#closing !== null) throw new PosthornError('closed', 'the engine is closed')
    return this.#joins.join(transaction)
  }

  async get(keys: readonly string[]): Promise<readonly (StoredRecord | null)[]> {
    return this.#exchange.call(
      (stream, n) => stream.call(n, { call: 'get', keys }),
      (value: readonly Parameters<typeof decodeRecord>[0][], bytes) => value.map((each) => decodeRecord(each, bytes)),
    )
  }

  async list(query: {
    readonly prefix: string
    readonly after: string | null
    readonly limit: number
  }): Promise<Page<StoredRecord>> {
    return this.#exchange.call(
      (stream, n) => stream.call(n, { ...query, call: 'list' }),
      (value: Parameters<typeof decodePage<Parameters<typeof decodeRecord>[0], StoredRecord>>[0], bytes) =>
        decodePage(value, (each) => decodeRecord(each, bytes)!),
    )
  }

  async find(messages: readonly MessageRef[]): Promise<readonly (StoredMessage | null)[]> {
    const refs = messages.map(({ queue, id }) => ({ queue, id }))
    return this.#exchange.call(
      (stream, n) => stream.call(n, { call: 'find', messages: refs }),
      (value: readonly (Parameters<typeof decodeMessage>[0] | null)[], bytes) =>
        value.map((each) => (each === null ? null : decodeMessage(each, bytes))),
    )
  }

  async browse(query: BrowseQuery): Promise<Page<StoredMessage>> {
    return this.#exchange.call(
      (stream, n) => stream.call(n, { call: 'browse', query }),
      (value: Parameters<typeof decodePage<Parameters<typeof decodeMessage>[0], StoredMessage>>[0], bytes) =>
        decodePage(value, (each) => decodeMessage(each, bytes)),
    )
  }

  async depth(queues: readonly string[] | 'all'): Promise<readonly QueueDepth[]> {
    return this.#exchange.call(
      (stream, n) => stream.call(n, { call: 'depth', queues }),
      (value: readonly QueueDepth[]) => value,
    )
  }

  async read(query: {
    readonly topic: string
    readonly from: ReadFrom
    readonly limit: number
  }): Promise<Page<RetainedEvent>> {
    return this.#exchange.call(
      (stream, n) => stream.call(n, { ...query, call: 'read' }),
      (value: Parameters<typeof decodePage<Parameters<typeof decodeEvent>[0], RetainedEvent>>[0], bytes) =>
        decodePage(value, (each) => decodeEvent(each, bytes)),
    )
  }

  close(): Promise<void> {
    this.#joins.close()
    this.#closing ??= this.#exchange.end()
    return this.#closing
  }

  /** What is at fault whatever is stored. */
  #refuse(commit: Commit): CommitResult | null {
    const offers = this.capabilities.durability
    if (commit.durability !== undefined && !offers.includes(commit.durability)) {
      const detail = `durability is ${quote(commit.durability)}: this engine offers ${offers.join(', ')}`
      return { status: 'refused', code: 'unsupported', at: 0, detail }
    }
    const fault = faultOfCommit(commit, this.#limits)
    return fault === null ? null : { status: 'refused', at: fault.at, ...fault.refusal }
  }
}

/**
 * Opens the database, makes it where there is none, and lets the leases of processes that are gone lapse; those of clients stand.
 * @throws PosthornError `corrupt`, `newer-format`, `disk-full`, `engine-failed`, `unknown`
 */
export async function openSqliteEngine(file: string, options: SqliteEngineOptions = {}): Promise<SqliteEngine> {
  const { clock = systemClock, durability = 'disk', minFreeBytes = MIN_FREE_BYTES, local } = options
  const limits = { ...DEFAULT_ENGINE_LIMITS, ...options.limits }
  const path = realPathOf(file)
  const watchers = new Watchers()
  const exchange: Exchange = new Exchange(clock, ({ notices, happenings }) => {
    watchers.tell(notices)
    followers.tell(happenings)
  })
  const followers = new Followers((follows) => exchange.follow(follows))
  if (local === undefined)
    exchange.connect(
      await ThreadLink.open({ path, durability, limits, minFreeBytes, ticks: exchange.ticks() }, exchange),
    )
  else {
    const { LocalLink } = await import('./link/local-link.ts')
    const ticks = (): Ticks => ({ machineMs: clock.monotonicMs(), wallMs: clock.wallMs() })
    exchange.connect(
      new LocalLink({ ...local, path, durability, limits, minFreeBytes, boot: 'given', ticks }, exchange),
    )
  }
  const joins = new Joins({
    path,
    limits,
    clock,
    ticks: () =>
      local === undefined
        ? (exchange.ticks() ?? machineTicks())
        : { machineMs: clock.monotonicMs(), wallMs: clock.wallMs() },
    look: () => exchange.look(),
  })
  return new SqliteEngine({ exchange, watchers, followers, joins, path, limits, durability })
}

function capabilitiesOf(limits: EngineLimits, durability: 'disk' | 'os'): Capabilities {
  const levels: readonly Durability[] = durability === 'disk' ? ['os', 'disk'] : ['os']
  return {
    engine: 'sqlite',
    // What is confirmed reaches the best of them in any case: many commits share one write.
    durability: levels,
    atomic: 'commit',
    processes: 'machine',
    clock: 'monotonic',
    limitSlack: 0,
    maxChanges: limits.changes,
    maxBodyBytes: limits.bodyBytes,
    pick: ['fifo', 'priority'],
    fair: false,
    join: true,
    retained: true,
    deviations: [],
  }
}
