/** The engine over the ledger: the calls of the contract, each in terms of a decision or a read. Content and durability are all that is waited for. */
import type { Clock } from '../../core/clock.ts'
import type {
  BrowseQuery,
  Capabilities,
  Commit,
  CommitResult,
  Delivery,
  Engine,
  Happening,
  Hint,
  Interest,
  LeaseRequest,
  LeaseResult,
  Page,
  QueueDepth,
  RetainedEvent,
  RoomFor,
  Token,
} from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import type { Ids } from '../../core/id.ts'
import type { MessageRef, StoredMessage } from '../../core/message.ts'
import type { StoredRecord } from '../../core/record.ts'
import type { ReadFrom } from '../../core/settings.ts'
import type { Transfer } from '../../core/transfer.ts'
import { browse, depthOf, getRecord, listRecords, readEvents, settlePage, type Later } from './read/browse.ts'
import { CommitDecider } from './decide/commits.ts'
import { Conduct } from './conduct.ts'
import { findSlot } from './decide/decide-by-id.ts'
import { deliver } from './hand-out/deliver.ts'
import { settleTouched } from './time/due.ts'
import { checkLeaseMs, checkLeaseRequest, extend, lease, LeaseMemory, nextReadyInMs } from './decide/lease.ts'
import { quote } from './decide/refusal.ts'
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from './limit.ts'
import type { LedgerState } from './state/state.ts'
import type { Store } from './store.ts'
import { viewOrName } from './read/view.ts'
import { LedgerTransfer } from './transfer/transfer.ts'

export interface LedgerEngineOptions {
  /** Empty, or as a replay left it. Nobody else changes it from here on. */
  readonly state: LedgerState
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  /** Engine time now: for a new engine the wall time, else so that it goes on from where it was. */
  readonly openedAt: number
  /** Which opening this is, below 2^32 and never the same again: part of every token. Default: one more than the state's. */
  readonly era?: number | undefined
  readonly limits?: Partial<EngineLimits> | undefined
  /** Opened for a copy: what it holds stays as it is until that ends. */
  readonly isStill?: boolean | undefined
  /** For tests: watchers are never told anything. */
  readonly dropHints?: boolean | undefined
  readonly capabilities?: Partial<Capabilities> | undefined
}

export class LedgerEngine implements Engine {
  readonly capabilities: Capabilities
  readonly #store: Store
  readonly #conduct: Conduct
  readonly #requests: LeaseMemory
  readonly #dropHints: boolean
  readonly #decider: CommitDecider

  constructor(options: LedgerEngineOptions) {
    const { state, store } = options
    const limits = { ...DEFAULT_ENGINE_LIMITS, ...options.limits }
    this.#store = store
    this.#dropHints = options.dropHints ?? false
    this.#conduct = new Conduct({ ...options, limits, era: options.era ?? state.era + 1 })
    this.#decider = new CommitDecider(this.#conduct.desk, store.durability, this.#conduct.watchers)
    this.#requests = new LeaseMemory(state.messages.slots, limits.leaseRequests)
    this.capabilities = { ...capabilitiesOf(store, limits), ...options.capabilities }
  }

  get failed(): Promise<Error> {
    return this.#conduct.failed
  }

  /** Resolves when the opening itself is durable. Before, no token may be given out. */
  opened(): Promise<void> {
    return this.#conduct.answer(this.#conduct.best, undefined)
  }

  commit(commits: readonly Commit[]): Promise<readonly CommitResult[]> {
    return this.#conduct.run(() => {
      if (!Array.isArray(commits) || commits.some((commit) => typeof commit !== 'object' || commit === null))
        throw new PosthornError('invalid', `commits is ${quote(commits)}: it must be a list of { changes }`)
      if (commits.length === 1 && isAwaited(commits[0])) this.#store.expectSync?.()
      const { results, level, isPatient, awaited } = this.#decider.decide(commits)
      this.#conduct.finish(commits.length, isPatient)
      if (level === this.#conduct.best) this.#conduct.awaited(awaited)
      return this.#conduct.answer(level, results)
    })
  }

  lease(request: LeaseRequest): Promise<LeaseResult> {
    return this.#conduct.run(() => {
      checkLeaseRequest(request)
      const turn = this.#conduct.share.turn()
      if (turn === null) return this.#leaseSettled(request)
      // What time has decided just now does not wait with him.
      this.#conduct.finish()
      return turn.then(() => this.#conduct.run(() => this.#leaseSettled(request)))
    })
  }

  extend(tokens: readonly Token[], leaseMs: number): Promise<readonly ('kept' | 'stale' | 'cancel')[]> {
    return this.#conduct.run(() => {
      checkLeaseMs(leaseMs)
      if (!Array.isArray(tokens)) throw new PosthornError('invalid', `tokens is ${quote(tokens)}: it must be a list`)
      const { desk } = this.#conduct
      const answers = tokens.map((token) => extend(desk, token, leaseMs))
      settleTouched(desk)
      this.#conduct.finish()
      this.#store.write()
      return Promise.resolve(answers)
    })
  }

  watch(interest: Interest, hint: (hint: Hint) => void, roomFor?: RoomFor): Disposable {
    return this.#dropHints ? { [Symbol.dispose]: () => {} } : this.#conduct.watch(interest, hint, roomFor)
  }

  follow(listener: (happenings: readonly Happening[]) => void): Disposable {
    return this.#conduct.trail.follow(listener)
  }

  get(keys: readonly string[]): Promise<readonly (StoredRecord | null)[]> {
    return this.#conduct.read(() => all(keys.map((key) => getRecord(this.#conduct.desk, key))))
  }

  list(query: {
    readonly prefix: string
    readonly after: string | null
    readonly limit: number
  }): Promise<Page<StoredRecord>> {
    return this.#conduct.read(() => settlePage(listRecords(this.#conduct.desk, query)))
  }

  find(messages: readonly MessageRef[]): Promise<readonly (StoredMessage | null)[]> {
    const { desk } = this.#conduct
    const find = (ref: MessageRef): Later<StoredMessage | null> => {
      const slot = findSlot(desk, ref)
      return slot === 0 ? null : viewOrName(desk, slot)
    }
    return this.#conduct.read(() => all(messages.map(find)))
  }

  browse(query: BrowseQuery): Promise<Page<StoredMessage>> {
    return this.#conduct.read(() => settlePage(browse(this.#conduct.desk, query)))
  }

  depth(queues: readonly string[] | 'all'): Promise<readonly QueueDepth[]> {
    const { queueByName } = this.#conduct.desk.state
    return this.#conduct.read(() => {
      const names = queues === 'all' ? [...queueByName.keys()] : queues
      return names.flatMap((name) => {
        const queue = queueByName.get(name)
        return queue === undefined ? [] : [depthOf(queue)]
      })
    })
  }

  read(query: {
    readonly topic: string
    readonly from: ReadFrom
    readonly limit: number
  }): Promise<Page<RetainedEvent>> {
    return this.#conduct.read(() => settlePage(readEvents(this.#conduct.desk, query.topic, query.from, query.limit)))
  }

  /** For a copy. Time decides nothing until it is closed; nobody else should work with the engine meanwhile. */
  transfer(): Transfer {
    return new LedgerTransfer(this.#conduct)
  }

  close(): Promise<void> {
    return this.#conduct.close()
  }

  #leaseSettled(request: LeaseRequest): Promise<LeaseResult> {
    const settled = this.#conduct.settled()
    return settled === null ? this.#lease(request) : settled.then(() => this.#conduct.run(() => this.#lease(request)))
  }

  #lease(request: LeaseRequest): Promise<LeaseResult> {
    const { desk } = this.#conduct
    const recalled = this.#requests.recall(request.id)
    const slots = recalled ?? lease(desk, request)
    if (recalled === null) this.#requests.remember(request.id, slots)
    const given = slots.map((slot) => deliver(this.#conduct, slot))
    const inMs = nextReadyInMs(desk, request.wants)
    settleTouched(desk)
    this.#conduct.finish()
    if (slots.length > 0) this.#store.write()
    this.#conduct.share.gave(slots.length)
    const inOrder = all(given)
    if (!(inOrder instanceof Promise))
      return Promise.resolve({ deliveries: inOrder as readonly Delivery[], nextReadyInMs: inMs })
    return inOrder.then((late) => ({ deliveries: late.filter((delivery) => delivery !== null), nextReadyInMs: inMs }))
  }
}

/** Whether its caller does nothing else meanwhile. It has not been checked yet. */
function isAwaited({ changes }: Commit): boolean {
  const kind = changes?.[0]?.do
  return kind === 'send' || kind === 'publish'
}

function capabilitiesOf(store: Store, limits: EngineLimits): Capabilities {
  return {
    engine: store.engine,
    durability: store.durability,
    atomic: 'commit',
    processes: 'one',
    clock: 'monotonic',
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

function all<T>(items: readonly Later<T>[]): Later<readonly T[]> {
  return items.some((item) => item instanceof Promise) ? Promise.all(items) : (items as readonly T[])
}
