/** The engine over a schema of a PostgreSQL database: many processes may have it open at once. */
import type { Clock } from '../../core/clock.ts'
import type {
  BrowseQuery,
  Capabilities,
  Commit,
  CommitResult,
  Engine,
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
import type { MessageRef, StoredMessage } from '../../core/message.ts'
import type { StoredRecord } from '../../core/record.ts'
import type { ReadFrom } from '../../core/settings.ts'
import { quote } from '../sql/refusal.ts'
import { OFFERS, type Folder } from './fold/fold.ts'
import { Leases } from './lease/lease.ts'
import type { EngineLimits } from './session/limit.ts'
import type { Hatch } from './lease/hatch.ts'
import type { KnownQueues } from './plain/known-queues.ts'
import type { LateHandOuts } from './lease/late.ts'
import type { LeaseNumbers } from './lease/lease-numbers.ts'
import { Reads } from './row/read.ts'
import { Joins } from './join/joins.ts'
import type { Session } from './session/session.ts'
import type { Statements } from './sql/statement.ts'
import type { Moment } from './session/transact.ts'
import type { Upkeep } from './time/upkeep.ts'
import type { Watchers } from './hint/hint.ts'

export interface PostgresEngineParts {
  readonly session: Session
  readonly statements: Statements
  readonly folder: Folder
  readonly queues: KnownQueues
  readonly numbers: LeaseNumbers
  readonly hatch: Hatch
  readonly late: LateHandOuts
  readonly upkeep: Upkeep
  readonly watchers: Watchers
  readonly limits: EngineLimits
  readonly moment: () => Moment
  readonly clock: Clock
  /** Ends the connections, when nothing uses them any more. */
  readonly end: () => Promise<void>
}

export class PostgresEngine implements Engine {
  readonly capabilities: Capabilities
  readonly #parts: PostgresEngineParts
  readonly #folder: Folder
  readonly #leases: Leases
  readonly #reads: Reads
  readonly #joins: Joins
  /** Calls: counted, not kept in a Set, whose old tables hold the next ones and all that promises in them have come to (delivery/in-flight.ts). */
  #underWay = 0
  #idle: (() => void) | null = null
  #closing: Promise<void> | null = null

  constructor(parts: PostgresEngineParts) {
    const { folder, queues, numbers, hatch, late, limits, moment, session, statements, upkeep } = parts
    this.#parts = parts
    this.#folder = folder
    this.#leases = new Leases({ session, queues, numbers, hatch, late })
    this.#reads = new Reads(session)
    this.#joins = new Joins({ session, statements, moment, hasten: () => upkeep.hasten() })
    this.capabilities = {
      engine: 'postgres',
      durability: OFFERS,
      atomic: 'commit',
      processes: 'many',
      clock: 'server',
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

  commit(commits: readonly Commit[]): Promise<readonly CommitResult[]> {
    return this.#run(() => {
      if (!Array.isArray(commits) || commits.some((commit) => typeof commit !== 'object' || commit === null))
        throw new PosthornError('invalid', `commits is ${quote(commits)}: it must be a list of { changes }`)
      return this.#folder.commit(commits)
    })
  }

  lease(request: LeaseRequest): Promise<LeaseResult> {
    return this.#run(() => this.#leases.lease(request))
  }

  extend(tokens: readonly Token[], leaseMs: number): Promise<readonly ('kept' | 'stale' | 'cancel')[]> {
    return this.#run(() => this.#leases.extend(tokens, leaseMs))
  }

  watch(interest: Interest, hint: (hint: Hint) => void): Disposable {
    return this.#parts.upkeep.watch(interest, hint)
  }

  join(transaction: unknown): JoinedTransaction {
    if (this.#closing !== null) throw new PosthornError('closed', 'the engine is closed')
    const joined = this.#joins.join(transaction)
    return {
      isExclusive: joined.isExclusive,
      commit: (commit) => this.#run(() => joined.commit(commit)),
      state: () => this.#run(() => joined.state()),
    }
  }

  get(keys: readonly string[]): Promise<readonly (StoredRecord | null)[]> {
    return this.#run(() => this.#reads.get(keys))
  }

  list(query: {
    readonly prefix: string
    readonly after: string | null
    readonly limit: number
  }): Promise<Page<StoredRecord>> {
    return this.#run(() => this.#reads.list(query))
  }

  find(messages: readonly MessageRef[]): Promise<readonly (StoredMessage | null)[]> {
    return this.#run(() => this.#reads.find(messages))
  }

  browse(query: BrowseQuery): Promise<Page<StoredMessage>> {
    return this.#run(() => this.#reads.browse(query))
  }

  depth(queues: readonly string[] | 'all'): Promise<readonly QueueDepth[]> {
    return this.#run(() => this.#reads.depth(queues))
  }

  read(query: {
    readonly topic: string
    readonly from: ReadFrom
    readonly limit: number
  }): Promise<Page<RetainedEvent>> {
    return this.#run(() => this.#reads.read(query))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closing !== null) throw new PosthornError('closed', 'the engine is closed')
    this.#underWay++
    try {
      return await call()
    } finally {
      if (--this.#underWay === 0) this.#idle?.()
    }
  }

  async #close(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    await this.#parts.upkeep.stop()
    await this.#parts.end()
  }
}
