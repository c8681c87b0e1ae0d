/**
 * All endpoints that this process delivers to, on one worker: which there are is learnt from their records, and each has a gate of its
 * own, so that none waits for another. An endpoint to which nothing is to be sent costs its record in memory and no call.
 */
import type { Dispatcher } from 'undici'
import type { Version } from '../../core/engine.ts'
import { Histogram } from '../../core/histogram.ts'
import { fromJsonBytes } from '../../core/json.ts'
import type { StoredRecord } from '../../core/record.ts'
import type { Binding, Run } from '../../delivery/binding.ts'
import { cancel, type Outcome } from '../../delivery/outcome.ts'
import { Loop } from '../../runtime/loop.ts'
import { TimeLimits } from '../call/time-limit.ts'
import { CHANGED_KEY, ChangeFeed, type Noted } from '../endpoint/change-feed.ts'
import { isFor, type StoredEndpoint } from '../endpoint/endpoint.ts'
import { heldApps } from '../endpoint/hold.ts'
import { EndpointStore } from '../endpoint/store.ts'
import { takesBatches } from '../profile/profile.ts'
import { Batch } from './batch.ts'
import { BodyCache } from './body-cache.ts'
import { deliverTo, deliverTogether } from './courier.ts'
import type { EndpointGate } from './gate.ts'
import type { CourierDeps } from './round.ts'
import { ServedEndpoint, type ServedDeps } from './served-endpoint.ts'

export interface DispatchDeps extends ServedDeps {
  readonly agent: Pick<Dispatcher, 'dispatch'>
  readonly origin: string
}

/** What the dispatch needs of a worker. */
export interface Bench {
  add(binding: Binding): void
  remove(queue: string): void
  wake(): void
}

/** In case a hint was lost. */
const LOOK_MS = 2_000
/** Between two readings of all endpoints. */
const READ_MS = 250
/** All are read again so long after a change, whatever was told of it: by a clock that is far off another may not have been. */
const SURE_MS = 60_000

/** Of one endpoint, that were answered and are not yet on record. */
const MOST_BESIDE = 100

export class Dispatch {
  readonly #deps: DispatchDeps
  readonly #bench: Bench
  readonly #store: EndpointStore
  readonly #courier: CourierDeps
  readonly #entries = new Map<string, ServedEndpoint>()
  readonly #batches = new WeakMap<ServedEndpoint, Batch>()
  readonly #feed: ChangeFeed
  readonly #loop: Loop
  #held: ReadonlySet<string> = new Set()
  #seen: Version | null = null
  #readAtMs = -Infinity
  /** When all are to be read again. */
  #readByMs = Infinity
  #hints: Disposable | null = null

  constructor(deps: DispatchDeps, bench: Bench) {
    this.#deps = deps
    this.#bench = bench
    this.#store = new EndpointStore(deps)
    this.#courier = {
      ...deps,
      delays: new Histogram(),
      timeLimits: new TimeLimits(deps.clock),
      bodies: new BodyCache(),
      signal: null,
    }
    this.#feed = new ChangeFeed(deps)
    this.#loop = new Loop(
      deps.clock,
      () => this.#look(),
      (error) => deps.log.error('the endpoints could not be read; the next try comes soon', { error }),
    )
  }

  /** From the publish to the acknowledgement, of all endpoints. */
  get delays(): Histogram {
    return this.#courier.delays
  }

  /** How an endpoint stands here; null where it is not delivered to. */
  paceOf(
    id: string,
  ): { readonly circuit: EndpointGate['circuit']; readonly limit: number; readonly underWay: number } | null {
    const gate = this.#entries.get(id)?.gate
    return gate === undefined ? null : { circuit: gate.circuit, limit: gate.limit, underWay: gate.underWay }
  }

  /** Whether the app is paused, as far as is known here. */
  holds(app: string): boolean {
    return this.#held.has(app)
  }

  /** Resolves when all that are there are served. */
  async start(): Promise<void> {
    await this.#read()
    try {
      this.#hints = this.#deps.engine.watch({ keys: [CHANGED_KEY] }, () => this.#loop.wake())
    } catch {
      // Changes are seen a moment later.
    }
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#hints?.[Symbol.dispose]()
    this.#hints = null
    await this.#loop.stop()
  }

  async #look(): Promise<number> {
    const { clock, engine } = this.#deps
    const [changed = null] = await engine.get([CHANGED_KEY])
    if (changed !== null && changed.version !== this.#seen) await this.#follow(changed)
    const restMs = this.#readByMs - clock.monotonicMs()
    if (restMs > 0) return Math.min(restMs, LOOK_MS)
    await this.#read()
    return LOOK_MS
  }

  async #follow(changed: StoredRecord): Promise<void> {
    const readByMs = this.#readByMs
    // A change is told once: where this ends early, all are read.
    this.#readByMs = this.#readAtMs + READ_MS
    const ids = await this.#feed.read(changed)
    // The last is known at once, also where all are read a moment later.
    const { id: last } = fromJsonBytes(changed.value) as Noted
    await this.#refresh(ids === 'all' ? (last === null ? [] : [last]) : ids)
    if (ids !== 'all') this.#readByMs = Math.min(readByMs, this.#deps.clock.monotonicMs() + SURE_MS)
    this.#seen = changed.version
  }

  async #refresh(ids: readonly string[]): Promise<void> {
    for (const [id, found] of await this.#store.some(ids))
      if (found === null) this.#drop(id)
      else this.#take(found.endpoint, found.version)
  }

  async #read(): Promise<void> {
    this.#readAtMs = this.#deps.clock.monotonicMs()
    const [changed = null] = await this.#deps.engine.get([CHANGED_KEY])
    this.#held = await heldApps(this.#deps.engine)
    const there = new Set<string>()
    for await (const { endpoint, version } of this.#store.all()) {
      there.add(endpoint.id)
      this.#take(endpoint, version)
    }
    for (const id of this.#entries.keys()) if (!there.has(id)) this.#drop(id)
    this.#seen = changed?.version ?? null
    this.#readByMs = Infinity
  }

  #take(endpoint: StoredEndpoint, version: Version): void {
    const there = this.#entries.get(endpoint.id)
    // One that has its id now is another: nothing that was learnt of the one before is true of it.
    if (there !== undefined && there.endpoint.incarnation !== endpoint.incarnation) this.#drop(endpoint.id)
    const known = this.#entries.get(endpoint.id)
    const isHeld = endpoint.app !== null && this.#held.has(endpoint.app)
    if (known?.version === version && known.isHeld === isHeld) return
    const entry = known ?? new ServedEndpoint(this.#deps, this.#store, endpoint, () => this.#bench.wake())
    const before = known?.isServed === true ? new Map(entry.queues.map((queue) => [queue, entry.attempts])) : new Map()
    entry.update(endpoint, version, isHeld)
    this.#entries.set(endpoint.id, entry)
    const now = entry.isServed ? entry.queues : []
    for (const [queue, attempts] of before)
      if (!now.includes(queue) || attempts !== entry.attempts || entry.bound !== endpoint.concurrency) {
        this.#bench.remove(queue)
        before.delete(queue)
      }
    entry.bound = endpoint.concurrency
    for (const queue of now) if (!before.has(queue)) this.#bench.add(this.#binding(entry, queue))
    this.#bench.wake()
  }

  #drop(id: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    for (const queue of entry.queues) this.#bench.remove(queue)
  }

  #deliver(entry: ServedEndpoint, run: Run): Promise<Outcome> {
    if (!takesBatches(entry.profile)) return deliverTo(this.#courier, entry, run)
    let batch = this.#batches.get(entry)
    if (batch === undefined) {
      batch = new Batch((runs) => deliverTogether(this.#courier, entry, runs))
      this.#batches.set(entry, batch)
    }
    return batch.join(run)
  }

  #binding(entry: ServedEndpoint, queue: string): Binding {
    const { gate, attempts, endpoint } = entry
    return {
      queue,
      concurrency: endpoint.concurrency,
      gate,
      suspects: false,
      beside: MOST_BESIDE,
      retry: { attempts, backoff: { kind: 'fixed', baseMs: 60_000, capMs: 60_000, factor: 1, jitter: 'none' } },
      // One of the same id that was made later is another.
      run: (run) =>
        this.#entries.get(endpoint.id) === entry && isFor(endpoint, run.delivery.stored.message.notes)
          ? this.#deliver(entry, run)
          : cancel('the endpoint is no more'),
    }
  }
}
