/**
 * Asks the engine for messages: one request for all queues of one lease time that have room and may have stock. A queue that
 * gave less than it was asked for is not asked again before a hint, before the moment the engine named, or before `FALLBACK_MS`
 * have passed. The last bounds what a lost hint costs; it is one request a second in all, however many queues are idle.
 */
import type { Clock } from '../core/clock.ts'
import type { Delivery, LeaseRequest, LeaseResult, Ledger } from '../core/engine.ts'
import type { Ids } from '../core/id.ts'
import type { Log } from '../runtime/log.ts'
import { Loop } from '../runtime/loop.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { Away } from './away.ts'
import { Handling } from './handling.ts'
import type { ServedQueue } from './served-queue.ts'

const FALLBACK_MS = 1_000
/** Turns of the event loop that a little free capacity waits for more to become free. */
const PATIENCE_TURNS = 4

export interface IntakeDeps {
  readonly engine: Ledger
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly telemetry: Telemetry
  readonly away: Away
  readonly worker: string
  readonly holder: LeaseRequest['holder']
  /** Whether more may be leased now. */
  mayLease(): boolean
  take(handlings: readonly Handling[]): void
  /** A round is over, whether or not there was anything to ask. */
  rested(): void
}

interface Asked {
  readonly request: LeaseRequest
  readonly atMs: number
  readonly queues: readonly ServedQueue[]
}

export class Intake {
  readonly #deps: IntakeDeps
  readonly #leaseMs: number
  readonly #queues: readonly ServedQueue[]
  readonly #byName: ReadonlyMap<string, ServedQueue>
  readonly #loop: Loop
  /** A request whose answer was lost: it is repeated, so that what it handed out is not left to lapse. */
  #lost: Asked | null = null
  #fallbackAtMs = 0

  constructor(deps: IntakeDeps, leaseMs: number, queues: readonly ServedQueue[]) {
    this.#deps = deps
    this.#leaseMs = leaseMs
    this.#queues = queues
    this.#byName = new Map(queues.map((served) => [served.queue, served]))
    this.#loop = new Loop(
      deps.clock,
      () => this.#round(),
      (error) => deps.log.error('a lease round failed; the next one comes in a second', { error }),
    )
  }

  start(): void {
    this.#fallbackAtMs = this.#deps.clock.monotonicMs() + FALLBACK_MS
    this.#loop.start()
    this.askAll()
  }

  stop(): Promise<void> {
    return this.#loop.stop()
  }

  tick(): Promise<void> {
    return this.#loop.tick()
  }

  wake(): void {
    this.#loop.wake()
  }

  /** Nothing can be leased here for now. */
  get idle(): boolean {
    return this.#lost === null && this.#queues.every((served) => !served.stocked)
  }

  hint(queue: string): void {
    const served = this.#byName.get(queue)
    if (served === undefined) return
    served.hints++
    served.stocked = true
    if (served.capacity.free > 0) this.#loop.wake()
  }

  /** To be called when a run is over. */
  freed(served: ServedQueue): void {
    if (served.stocked) this.#loop.wake(served.capacity.worthFilling ? 1 : PATIENCE_TURNS)
  }

  /** Time alone will bring something: no hint is needed for what this worker itself gave back. */
  expect(served: ServedQueue, afterMs: number): void {
    const atMs = this.#deps.clock.monotonicMs() + afterMs
    if (served.stocked || atMs >= served.stockedAtMs) return
    served.stockedAtMs = atMs
    if (atMs < this.#fallbackAtMs) this.#loop.wake()
  }

  /** Believes nothing of what it knows about stock. */
  askAll(): void {
    for (const served of this.#queues) {
      served.hints++
      served.stocked = true
    }
    this.#loop.wake()
  }

  async #round(): Promise<number | null> {
    if (!this.#deps.mayLease()) {
      this.#deps.rested()
      return null
    }
    this.#restock()
    const asked = this.#lost ?? this.#ask()
    const sleepMs = asked === null ? null : await this.#lease(asked)
    this.#deps.rested()
    return sleepMs ?? this.#sleepMs()
  }

  #restock(): void {
    const nowMs = this.#deps.clock.monotonicMs()
    const fallback = nowMs >= this.#fallbackAtMs
    if (fallback) this.#fallbackAtMs = nowMs + FALLBACK_MS
    for (const served of this.#queues) if (fallback || served.stockedAtMs <= nowMs) served.stocked = true
  }

  #ask(): Asked | null {
    const queues: ServedQueue[] = []
    const wants: { queue: string; max: number }[] = []
    for (const served of this.#queues) {
      const { free } = served.capacity
      if (!served.stocked || free <= 0) continue
      served.hintsWhenAsked = served.hints
      served.asked = free
      queues.push(served)
      wants.push({ queue: served.queue, max: free })
    }
    if (wants.length === 0) return null
    const { clock, ids, worker, holder } = this.#deps
    return {
      request: { id: ids.uuid(), worker, holder, leaseMs: this.#leaseMs, wants },
      atMs: clock.monotonicMs(),
      queues,
    }
  }

  /** Milliseconds to wait, where the engine did not answer. */
  async #lease(asked: Asked): Promise<number | null> {
    const { engine, clock, away } = this.#deps
    let result: LeaseResult
    try {
      result = await engine.lease(asked.request)
    } catch (error) {
      // Repeated only while its leases can stand: later the same id would ask for nothing.
      this.#lost = clock.monotonicMs() < asked.atMs + this.#leaseMs ? asked : null
      return away.failed(error)
    }
    this.#lost = null
    away.answered()
    this.#note(asked.queues, result, clock.monotonicMs())
    this.#take(asked, result.deliveries)
    return null
  }

  #note(queues: readonly ServedQueue[], { deliveries, nextReadyInMs }: LeaseResult, nowMs: number): void {
    for (const served of queues) served.got = 0
    for (const { stored } of deliveries) this.#byName.get(stored.queue)!.got++
    for (const served of queues) {
      served.stockedAtMs = nextReadyInMs === null ? Infinity : nowMs + nextReadyInMs
      if (served.got < served.asked && served.hints === served.hintsWhenAsked) served.stocked = false
    }
  }

  #take({ queues, atMs }: Asked, deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return
    const { clock, telemetry } = this.#deps
    const leasedAtMs = clock.monotonicMs()
    const handlings: Handling[] = []
    for (const delivery of deliveries) {
      const served = this.#byName.get(delivery.stored.queue)!
      served.capacity.take()
      handlings.push(new Handling(delivery, served, atMs, leasedAtMs))
    }
    if (telemetry.wants('leased'))
      for (const { queue, got } of queues) if (got > 0) telemetry.emit('leased', { queue, count: got })
    this.#deps.take(handlings)
  }

  #sleepMs(): number | null {
    const nowMs = this.#deps.clock.monotonicMs()
    let untilMs = Infinity
    let patient = false
    for (const served of this.#queues) {
      if (!served.stocked) untilMs = Math.min(untilMs, served.stockedAtMs, this.#fallbackAtMs)
      else if (served.capacity.worthFilling) return 0
      else if (served.capacity.free > 0) patient = true
    }
    if (patient) this.#loop.wake(PATIENCE_TURNS)
    return untilMs === Infinity ? null : Math.max(0, untilMs - nowMs)
  }
}
