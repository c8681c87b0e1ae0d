/**
 * The engine over the ledger: takes the calls, lets time decide what it has to, decides, and answers when what it said is durable. Each call is
 * decided in one synchronous piece; only content and durability are waited for.
 */
import type { BrowseQuery, Capabilities, Commit, CommitResult, Durability, Engine, Hint, Interest, LeaseRequest, LeaseResult, Page, QueueDepth, RetainedEvent, Token } from '../../core/engine.ts'
import type { Clock } from '../../core/clock.ts'
import { PosthornError } from '../../core/error.ts'
import type { Ids } from '../../core/id.ts'
import type { MessageRef, StoredMessage } from '../../core/message.ts'
import type { StoredRecord } from '../../core/record.ts'
import type { ReadFrom } from '../../core/settings.ts'
import { Both } from './both.ts'
import { browse, depthOf, getRecord, listRecords, readEvents, settlePage, type Later } from './browse.ts'
import { decideCommit } from './commit.ts'
import { findSlot } from './decide-by-id.ts'
import { Desk } from './desk.ts'
import { settleTouched } from './due.ts'
import { DueTimer } from './due-timer.ts'
import { EngineClock } from './engine-clock.ts'
import { FLAG } from './entries.ts'
import { Watchers } from './hint.ts'
import { checkLeaseMs, checkLeaseRequest, lease, LeaseMemory, nextReadyInMs } from './lease.ts'
import { DEFAULT_ENGINE_LIMITS, type EngineLimits } from './limit.ts'
import { reopen } from './reopen.ts'
import { CHUNK_MASK } from './slots.ts'
import type { LedgerState } from './state.ts'
import type { Store } from './store.ts'
import { sweep, sweepDueInMs } from './sweep.ts'
import { heldBy, tokenOf } from './token.ts'
import { viewOf } from './view.ts'
import { Waiters } from './waiter.ts'

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
  /** For tests: watchers are never told anything. */
  readonly dropHints?: boolean | undefined
  readonly capabilities?: Partial<Capabilities> | undefined
}

export class LedgerEngine implements Engine {
  readonly capabilities: Capabilities
  readonly #state: LedgerState
  readonly #store: Store
  readonly #clock: EngineClock
  readonly #desk: Desk
  readonly #best: Durability
  readonly #watchers: Watchers
  readonly #waiters: Waiters
  readonly #timer: DueTimer
  readonly #requests: LeaseMemory
  readonly #dropHints: boolean
  /** The last frame that holds anything that must be durable. */
  #dirtyFrame = 0
  /** The last frame of which something was confirmed before it was durable. */
  #confirmedFrame = 0
  #failure: Error | null = null
  #closing: Promise<void> | null = null

  constructor(options: LedgerEngineOptions) {
    const { state, store } = options
    const limits = { ...DEFAULT_ENGINE_LIMITS, ...options.limits }
    this.#state = state
    this.#store = store
    this.#best = store.durability.at(-1)!
    this.#dropHints = options.dropHints ?? false
    this.#clock = new EngineClock(options.clock, options.openedAt)
    this.#watchers = new Watchers(() => store.frame)
    this.#waiters = new Waiters(store)
    this.#timer = new DueTimer(this.#clock, () => this.#onTimer())
    this.#requests = new LeaseMemory(state.messages.slots, limits.leaseRequests)
    const effects = store.entries === null ? state : new Both(state, store.entries)
    this.#desk = new Desk({ state, effects, store, ids: options.ids, limits, notices: this.#watchers })
    this.#desk.wake = () => this.#timer.arm(this.#clock.engine(), 0)
    this.capabilities = { ...capabilitiesOf(store, limits), ...options.capabilities }
    this.#open(options.era ?? state.era + 1)
  }

  /** Resolves when the opening itself is durable. Before, no token may be given out. */
  opened(): Promise<void> {
    return this.#waiters.answer(this.#best, this.#dirtyFrame, undefined)
  }

  commit(commits: readonly Commit[]): Promise<readonly CommitResult[]> {
    return this.#run(() => {
      const desk = this.#desk
      const offers = this.#store.durability
      let level = commits.length === 0 ? offers.length - 1 : 0
      const results = commits.map((commit, at) => {
        // Each is as if it came alone: what the one before brought beyond its bounds is forgotten first.
        if (at > 0) sweep(desk)
        level = Math.max(level, commit.durability === undefined ? offers.length - 1 : offers.indexOf(commit.durability))
        // What a commit makes ready waits for its frame, although nothing of it may come to pass.
        desk.holdBack()
        const result = decideCommit(desk, commit, offers)
        settleTouched(desk)
        return result
      })
      this.#finish()
      if (level < offers.length - 1) this.#confirmedFrame = this.#dirtyFrame
      return this.#waiters.answer(offers[level]!, this.#dirtyFrame, results)
    })
  }

  lease(request: LeaseRequest): Promise<LeaseResult> {
    return this.#run(() => {
      checkLeaseRequest(request)
      // What time has decided just now, and what was confirmed at a lower level, is not handed out before it is durable. It is waited for.
      const held = this.#desk.isDirty ? this.#store.frame : this.#confirmedFrame
      if (held <= this.#store.reached(this.#best)) return this.#lease(request)
      this.#finish()
      return this.#waiters.answer(this.#best, held, undefined).then(() => this.#run(() => this.#lease(request)))
    })
  }

  extend(tokens: readonly Token[], leaseMs: number): Promise<readonly ('kept' | 'stale' | 'cancel')[]> {
    return this.#run(() => {
      checkLeaseMs(leaseMs)
      const { slots } = this.#state.messages
      const answers = tokens.map((token) => {
        const slot = typeof token === 'string' ? heldBy(slots, token) : 0
        if (slot === 0) return 'stale'
        this.#desk.effects.extended(slot, this.#desk.now + leaseMs)
        return (slots.of(slot).flags[slot & CHUNK_MASK]! & FLAG.cancelRequested) === 0 ? 'kept' : 'cancel'
      })
      settleTouched(this.#desk)
      this.#finish()
      this.#store.write()
      return Promise.resolve(answers)
    })
  }

  watch(interest: Interest, hint: (hint: Hint) => void): Disposable {
    return this.#dropHints ? { [Symbol.dispose]: () => {} } : this.#watchers.watch(interest, hint)
  }

  get(keys: readonly string[]): Promise<readonly (StoredRecord | null)[]> {
    return this.#read(() => all(keys.map((key) => getRecord(this.#desk, key))))
  }

  list(query: { readonly prefix: string; readonly after: string | null; readonly limit: number }): Promise<Page<StoredRecord>> {
    return this.#read(() => settlePage(listRecords(this.#desk, query)))
  }

  find(messages: readonly MessageRef[]): Promise<readonly (StoredMessage | null)[]> {
    return this.#read(() =>
      all(
        messages.map((ref) => {
          const slot = findSlot(this.#desk, ref)
          return slot === 0 ? null : viewOf(this.#desk, slot)
        }),
      ),
    )
  }

  browse(query: BrowseQuery): Promise<Page<StoredMessage>> {
    return this.#read(() => settlePage(browse(this.#desk, query)))
  }

  depth(queues: readonly string[] | 'all'): Promise<readonly QueueDepth[]> {
    return this.#read(() => {
      const names = queues === 'all' ? [...this.#state.queueByName.keys()] : queues
      return names.map((name) => this.#state.queueByName.get(name)).flatMap((queue) => (queue === undefined ? [] : [depthOf(queue)]))
    })
  }

  read(query: { readonly topic: string; readonly from: ReadFrom; readonly limit: number }): Promise<Page<RetainedEvent>> {
    return this.#read(() => settlePage(readEvents(this.#desk, query.topic, query.from, query.limit)))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** Runs one call in one piece. What it throws unexpectedly stops the engine: half a decision must never be built upon. */
  #run<T>(call: () => Promise<T>): Promise<T> {
    const refusal = this.#refusal()
    if (refusal !== null) return Promise.reject(refusal)
    try {
      this.#begin()
      return call()
    } catch (error) {
      if (!(error instanceof PosthornError)) {
        this.#store.abandon()
        this.#fail(new PosthornError('engine-failed', 'the engine has stopped: a decision failed in the middle', { cause: error }))
      }
      return Promise.reject(this.#failure ?? error)
    }
  }

  /** Computes the answer at once, and gives it when all that it shows is durable. */
  #read<T>(compute: () => Later<T>): Promise<T> {
    return this.#run(() => {
      const answer = attempt(compute)
      this.#finish()
      return this.#waiters.answer(this.#best, this.#dirtyFrame, answer)
    })
  }

  #lease(request: LeaseRequest): Promise<LeaseResult> {
    const desk = this.#desk
    const recalled = this.#requests.recall(request.id)
    const slots = recalled ?? lease(desk, request)
    if (recalled === null) this.#requests.remember(request.id, slots)
    const { slots: columns } = this.#state.messages
    const deliveries = all(
      slots.map((slot) => {
        const token = tokenOf(columns, slot)
        const leaseUntil = columns.of(slot).due[slot & CHUNK_MASK]!
        const stored = viewOf(desk, slot)
        return stored instanceof Promise ? stored.then((message) => ({ token, leaseUntil, stored: message })) : { token, leaseUntil, stored }
      }),
    )
    const inMs = nextReadyInMs(desk, request.wants)
    settleTouched(desk)
    this.#finish()
    if (slots.length > 0) this.#store.write()
    return Promise.resolve(deliveries).then((given) => ({ deliveries: given, nextReadyInMs: inMs }))
  }

  #open(era: number): void {
    const desk = this.#desk
    this.#store.attach({ reached: (level, frame) => this.#onReached(level, frame), failed: (error) => this.#fail(error), now: () => this.#clock.engine() })
    this.#state.listener = { becameReady: (queue) => this.#watchers.ready(queue.name), blockFreed: (block) => this.#store.blocks.release(block) }
    this.#look()
    desk.dirty()
    desk.effects.opened(era, desk.now)
    reopen(desk)
    settleTouched(desk)
    this.#finish()
  }

  #refusal(): PosthornError | null {
    if (this.#closing !== null) return new PosthornError('closed', 'the engine is closed')
    return this.#failure === null ? null : new PosthornError('engine-failed', this.#failure.message, { cause: this.#failure })
  }

  #look(): void {
    this.#desk.now = this.#clock.engine()
    this.#desk.wall = this.#clock.wall()
    const { messages } = this.#state
    messages.seatAfter = this.#dirtyFrame > this.#store.reached(this.#best) ? this.#dirtyFrame : 0
  }

  #begin(): void {
    this.#look()
    sweep(this.#desk)
  }

  #finish(): void {
    const desk = this.#desk
    if (desk.isDirty) {
      desk.isDirty = false
      this.#dirtyFrame = this.#store.frame
      this.#store.sync()
    }
    this.#timer.arm(desk.now, sweepDueInMs(desk))
  }

  #onTimer(): void {
    if (this.#refusal() !== null) return
    void this.#run(() => {
      this.#finish()
      return Promise.resolve()
    }).catch(() => {})
  }

  #onReached(level: Durability, frame: number): void {
    if (level === this.#best) this.#state.messages.seat(frame)
    this.#waiters.reached(level, frame)
    if (level === this.#best) this.#watchers.reached(frame)
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#timer[Symbol.dispose]()
    this.#waiters.failed(new PosthornError('unknown', `the engine stopped before the answer was known: ${error.message}`, { cause: error }))
  }

  async #close(): Promise<void> {
    this.#timer[Symbol.dispose]()
    await this.#store.close()
    this.#waiters.failed(new PosthornError('closed', 'the engine was closed before the answer was known'))
  }
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

/** A read decides nothing, so a question that makes no sense harms nobody but who asked it. */
function attempt<T>(compute: () => Later<T>): Later<T> {
  try {
    return compute()
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)))
  }
}
