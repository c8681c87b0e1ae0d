/**
 * All endpoints that this process delivers to, on one worker: which there are is learnt from their records, and each has a gate of its
 * own, so that none waits for another. An endpoint to which nothing is to be sent costs its record in memory and no call.
 */
import type { Agent } from 'undici'
import type { Clock } from '../core/clock.ts'
import type { Engine, Version } from '../core/engine.ts'
import { fromJsonBytes } from '../core/json.ts'
import { Histogram } from '../core/histogram.ts'
import type { Ids, Random } from '../core/id.ts'
import type { Binding } from '../delivery/binding.ts'
import { cancel } from '../delivery/outcome.ts'
import type { Log } from '../runtime/log.ts'
import { Loop } from '../runtime/loop.ts'
import type { Mac } from '../webhooks/index.ts'
import { AttemptRing } from './attempt.ts'
import { deliverTo, type CourierDeps, type Round } from './courier.ts'
import { BodyCache } from './body-cache.ts'
import { CHANGED_KEY, isActive, isFor, queuesOf, type StoredEndpoint } from './endpoint.ts'
import { addressOf, type Address } from './exchange.ts'
import { EndpointGate, type GateSettings } from './gate.ts'
import { heldApps } from './hold.ts'
import { signingKeys } from './key.ts'
import { createPen, type Pen } from './pen.ts'
import { profileOf, type CallbackProfile } from './profile.ts'
import type { SealDeps } from './seal.ts'
import { EndpointStore } from './store.ts'
import { TimeLimits } from './time-limit.ts'
import { noteTurn } from './turn.ts'

export interface DispatchDeps extends SealDeps {
  readonly engine: Engine
  readonly clock: Clock
  readonly ids: Ids
  readonly random: Random
  readonly log: Log
  readonly source: string
  readonly agent: Agent
  readonly origin: string
  readonly checkUrl: (url: string) => void
  readonly mac: Mac
  /** How long an endpoint may fail before it is disabled. */
  readonly failingMs: number
}

/** What the dispatch needs of a worker. */
export interface Bench {
  add(binding: Binding): void
  remove(queue: string): void
  wake(): void
}

/** In case a hint was lost. */
const LOOK_MS = 2_000
/** Until a receiver that says that nobody is there is asked again, where that could not be written. */
const AGAIN_MS = 60_000
/** Between two readings of all endpoints. */
const READ_MS = 250

export class Dispatch {
  readonly #deps: DispatchDeps
  readonly #bench: Bench
  readonly #store: EndpointStore
  readonly #courier: CourierDeps
  readonly #entries = new Map<string, Entry>()
  readonly #loop: Loop
  #held: ReadonlySet<string> = new Set()
  #seen: Version | null = null
  #readAtMs = -Infinity
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
    }
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
    if (changed === null || changed.version === this.#seen) return LOOK_MS
    const restMs = this.#readAtMs + READ_MS - clock.monotonicMs()
    const { id } = fromJsonBytes(changed.value) as { readonly id: string | null }
    // The last one that was changed is known at once, and that others were changed before it is found by the reading.
    if (restMs > 0) {
      if (id !== null) await this.#refresh(id)
      return restMs
    }
    await this.#read()
    return LOOK_MS
  }

  async #refresh(id: string): Promise<void> {
    const found = await this.#store.get(id)
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
  }

  #take(endpoint: StoredEndpoint, version: Version): void {
    const there = this.#entries.get(endpoint.id)
    // One that has its id now is another: nothing that was learnt of the one before is true of it.
    if (there !== undefined && there.endpoint.incarnation !== endpoint.incarnation) this.#drop(endpoint.id)
    const known = this.#entries.get(endpoint.id)
    const isHeld = endpoint.app !== null && this.#held.has(endpoint.app)
    if (known?.version === version && known.isHeld === isHeld) return
    const entry = known ?? new Entry(this.#deps, this.#store, endpoint, () => this.#bench.wake())
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

  #binding(entry: Entry, queue: string): Binding {
    const { gate, attempts, endpoint } = entry
    return {
      queue,
      concurrency: endpoint.concurrency,
      gate,
      suspects: false,
      retry: { attempts, backoff: { kind: 'fixed', baseMs: 60_000, capMs: 60_000, factor: 1, jitter: 'none' } },
      // One of the same id that was made later is another.
      run: (run) =>
        this.#entries.get(endpoint.id) === entry && isFor(endpoint, run.delivery.stored.message.notes)
          ? deliverTo(this.#courier, entry, run)
          : cancel('the endpoint is no more'),
    }
  }
}

/** One endpoint as this process knows it. */
class Entry implements Round {
  readonly gate: EndpointGate
  readonly ring: AttemptRing
  endpoint: StoredEndpoint
  version: Version = ''
  /** Its app is paused. */
  isHeld = false
  profile: CallbackProfile
  /** With what its queues were given to the worker. */
  bound = 0
  readonly #deps: DispatchDeps
  readonly #store: EndpointStore
  readonly #wake: () => void
  #pen: Pen | Promise<Pen> | null = null
  #turning = false
  /** The address that said 410 while another turn was being written. */
  #goneAt: string | null = null
  #checkedUrl = ''
  #address: Address | null = null

  constructor(deps: DispatchDeps, store: EndpointStore, endpoint: StoredEndpoint, wake: () => void) {
    this.#deps = deps
    this.#store = store
    this.#wake = wake
    this.endpoint = endpoint
    this.profile = profileOf(endpoint.profile)
    this.gate = new EndpointGate(deps.clock, deps.random, paceOf(endpoint))
    // Who begins again goes on where it likes: what is overwritten is the oldest or nearly.
    this.ring = new AttemptRing(endpoint.id, Math.floor(deps.random() * 10_000))
  }

  get address(): Address {
    return (this.#address ??= addressOf(this.endpoint.url))
  }

  get queues(): readonly string[] {
    return queuesOf(this.endpoint)
  }

  get attempts(): number {
    return (this.endpoint.retry ?? this.profile.retry).attempts
  }

  get delaysMs(): readonly number[] {
    return (this.endpoint.retry ?? this.profile.retry).delaysMs
  }

  /** Whether it is called at all. */
  get isServed(): boolean {
    return isActive(this.endpoint) && !this.isHeld
  }

  update(endpoint: StoredEndpoint, version: Version, isHeld: boolean): void {
    this.endpoint = endpoint
    this.version = version
    this.isHeld = isHeld
    this.profile = profileOf(endpoint.profile)
    this.#pen = null
    this.#address = null
    this.gate.change(paceOf(endpoint))
    this.gate.open(this.isServed)
  }

  checkUrl(): void {
    if (this.#checkedUrl === this.endpoint.url) return
    this.#deps.checkUrl(this.endpoint.url)
    this.#checkedUrl = this.endpoint.url
  }

  pen(): Pen | Promise<Pen> {
    const pen = this.#pen
    if (pen === null) return this.#cut()
    return pen instanceof Promise || this.#deps.clock.wallMs() < pen.untilMs ? pen : this.#cut()
  }

  tell(what: Parameters<Round['tell']>[0], sentAt: number, url: string): void {
    const { endpoint } = this
    // It has moved while it was called.
    if (what === 'gone' && url !== endpoint.url) return
    if (what === 'gone') this.gate.open(false)
    // All that waited while it was disabled has been sent.
    if (endpoint.resumedAt !== null && sentAt >= endpoint.resumedAt)
      this.gate.change({ ...paceOf({ ...endpoint, resumedAt: null }) })
    const isTurn =
      what === 'gone' ||
      what === 'opened' ||
      (what === 'delivered' || what === 'recovered' ? endpoint.failingSince !== null : this.#isOverdue())
    if (!isTurn) return
    if (!this.#turning) return void this.#turn(what, url)
    // While it is closed here, no further call would say so again.
    if (what === 'gone') this.#goneAt = url
  }

  async #turn(what: Parameters<Round['tell']>[0], url: string): Promise<void> {
    this.#turning = true
    try {
      await noteTurn({ ...this.#deps, store: this.#store }, this.endpoint.id, what, url)
    } catch (error) {
      this.#deps.log.error('what became of an endpoint could not be written', { endpoint: this.endpoint.id, error })
      // It is not written that it is disabled, so it is not: the next call finds out again.
      if (what === 'gone') {
        this.gate.open(this.isServed)
        this.gate.pause(AGAIN_MS)
        this.#wake()
      }
    }
    this.#turning = false
    const goneAt = this.#goneAt
    this.#goneAt = null
    if (goneAt !== null) await this.#turn('gone', goneAt)
  }

  #isOverdue(): boolean {
    const { failingSince } = this.endpoint
    return failingSince !== null && this.#deps.clock.wallMs() - failingSince >= this.#deps.failingMs
  }

  /** What comes of one that has been replaced meanwhile says nothing of the one that is used. */
  #cut(): Promise<Pen> {
    const cutting = this.#make()
    const become = (pen: Pen | null): void => {
      if (this.#pen === cutting) this.#pen = pen
    }
    cutting.then(become, () => become(null))
    this.#pen = cutting
    return cutting
  }

  async #make(): Promise<Pen> {
    const { endpoint, profile } = this
    const { clock, mac } = this.#deps
    const vault = await this.#store.vault(endpoint.id)
    const platformKeys = endpoint.signature === 'v1' ? [] : await signingKeys(this.#deps)
    return createPen(endpoint, profile, vault, platformKeys, () => clock.wallMs(), mac)
  }
}

/** What its settings, what it granted and what it has to catch up with allow. */
function paceOf({ concurrency, ratePerSecond, verified, drainPerSecond, resumedAt }: StoredEndpoint): GateSettings {
  const rates = [
    ratePerSecond,
    verified?.ratePerMinute == null ? null : verified.ratePerMinute / 60,
    resumedAt === null ? null : drainPerSecond,
  ].filter((rate) => rate !== null)
  return { concurrency, ratePerSecond: rates.length === 0 ? null : Math.min(...rates) }
}
