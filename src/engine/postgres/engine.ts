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
import { Folder } from './fold.ts'
import { Leases } from './lease.ts'
import type { EngineLimits } from './limit.ts'
import type { PlainSends } from './plain.ts'
import { Reads } from './read.ts'
import type { Session } from './session.ts'
import type { Transactor } from './transact.ts'
import type { Upkeep } from './upkeep.ts'
import type { Watchers } from './hint.ts'

export interface PostgresEngineParts {
  readonly session: Session
  readonly transactor: Transactor
  readonly plain: PlainSends
  readonly upkeep: Upkeep
  readonly watchers: Watchers
  readonly limits: EngineLimits
  readonly clock: Clock
  /** Ends the connections, when nothing uses them any more. */
  readonly end: () => Promise<void>
}

const OFFERS: Capabilities['durability'] = ['os', 'disk']

export class PostgresEngine implements Engine {
  readonly capabilities: Capabilities
  readonly #parts: PostgresEngineParts
  readonly #folder: Folder
  readonly #leases: Leases
  readonly #reads: Reads
  readonly #underWay = new Set<Promise<unknown>>()
  #closing: Promise<void> | null = null

  constructor(parts: PostgresEngineParts) {
    const { limits, plain, session, transactor } = parts
    this.#parts = parts
    this.#folder = new Folder(transactor, plain, OFFERS, limits.fold)
    this.#leases = new Leases(session)
    this.#reads = new Reads(session)
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
      join: false,
      retained: true,
      deviations: [],
    }
  }

  commit(commits: readonly Commit[]): Promise<readonly CommitResult[]> {
    return this.#run(() => {
      if (!Array.isArray(commits) || commits.some((commit) => typeof commit !== 'object' || commit === null))
        throw new PosthornError('invalid', `commits is ${quote(commits)}: it must be a list of { changes }`)
      return Promise.all(commits.map((commit) => this.#folder.commit(commit)))
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
    const answer = call()
    this.#underWay.add(answer)
    try {
      return await answer
    } finally {
      this.#underWay.delete(answer)
    }
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#underWay)
    await this.#parts.upkeep.stop()
    await this.#parts.end()
  }
}
