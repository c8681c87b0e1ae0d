/**
 * Asks the engine for messages: one request for all queues of one lease time that have room and may have stock. A queue that
 * gave less than it was asked for is not asked again before a hint, before the moment the engine named, or before it is its turn to be
 * looked at again. The last bounds what a lost hint costs: each `FALLBACK_MS` one request for as many queues as `FALLBACK_QUEUES`, in
 * turn. Otherwise a queue that is idle costs nothing, however many there are.
 */
import type { Clock } from '../core/clock.ts'
import type { Delivery, LeaseRequest, LeaseResult, Ledger, Room } from '../core/engine.ts'
import type { Ids } from '../core/id.ts'
import type { Log } from '../runtime/log.ts'
import type { Gate } from '../runtime/capacity.ts'
import { Loop } from '../runtime/loop.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import type { Away } from './away.ts'
import { Handling } from './handling.ts'
import { Reservations } from './reservation.ts'
import type { ServedQueue } from './served-queue.ts'

const FALLBACK_MS = 1_000
const FALLBACK_QUEUES = 200
/** Queues in one request. */
const MOST_WANTS = 1_000
/** Messages of one queue in one request: an engine in this process hands them out in one piece. */
const MOST_ASKED = 1_000
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
  readonly #byName: Map<string, ServedQueue>
  /** Those that may have something. */
  readonly #stocked = new Set<ServedQueue>()
  /** Those to which time alone may bring something. */
  readonly #timed = new Set<ServedQueue>()
  /** Whose turn it is to be looked at again. */
  #turns: Iterator<ServedQueue>
  readonly #loop: Loop
  #isOpen = false
  /** A request is under way, or its answer was lost. */
  #isAsking = false
  readonly #reservations: Reservations
  /** A request whose answer was lost: it is repeated, so that what it handed out is not left to lapse. */
  #lost: Asked | null = null
  #fallbackAtMs = 0

  constructor(deps: IntakeDeps, leaseMs: number, queues: readonly ServedQueue[]) {
    this.#deps = deps
    this.#leaseMs = leaseMs
    this.#byName = new Map(queues.map((served) => [served.queue, served]))
    this.#turns = this.#byName.values()
    this.#reservations = new Reservations({ ...deps, freed: (served) => this.freed(served) })
    this.#loop = new Loop(
      deps.clock,
      () => this.#round(),
      (error) => deps.log.error('a lease round failed; the next one comes in a second', { error }),
    )
  }

  start(): void {
    this.#fallbackAtMs = this.#deps.clock.monotonicMs() + FALLBACK_MS
    this.#isOpen = true
    this.#loop.start()
    this.askAll()
  }

  /** Resolves when nothing more comes. */
  async stop(): Promise<void> {
    this.#isOpen = false
    await this.#loop.stop()
    await this.#reservations.filled()
  }

  tick(): Promise<void> {
    return this.#loop.tick()
  }

  wake(): void {
    this.#loop.wake()
  }

  /** Nothing can be leased here for now: what a gate holds back is left. */
  get idle(): boolean {
    if (this.#lost !== null || this.#reservations.count > 0) return false
    for (const { capacity } of this.#stocked) if (capacity.gate === null || capacity.free > 0) return false
    return true
  }

  add(served: ServedQueue): void {
    this.#byName.set(served.queue, served)
    this.#stock(served)
    this.#loop.wake()
  }

  /** Nothing of the queue is leased any more. */
  remove(served: ServedQueue): void {
    this.#byName.delete(served.queue)
    this.#stocked.delete(served)
    this.#timed.delete(served)
  }

  hint(queue: string): void {
    const served = this.#byName.get(queue)
    if (served === undefined) return
    served.hints++
    this.#stock(served)
    // Behind a gate it is the loop that looks when the gate opens.
    if (served.capacity.free > 0 || served.capacity.gate !== null) this.#loop.wake()
  }

  /** Places for what the engine hands out unasked. While it is being asked, all that are free are asked for. */
  roomFor(served: ServedQueue, most: number): Room | null {
    if (!this.#isOpen || this.#isAsking || !this.#deps.mayLease()) return null
    const count = Math.min(most, served.capacity.free)
    return count <= 0 ? null : this.#reservations.reserve(served, count)
  }

  /** To be called when a run is over. */
  freed(served: ServedQueue): void {
    if (this.#stocked.has(served) || served.capacity.gate !== null)
      this.#loop.wake(served.capacity.worthFilling ? 1 : PATIENCE_TURNS)
  }

  /** Time alone will bring something: no hint is needed for what this worker itself gave back. */
  expect(served: ServedQueue, afterMs: number): void {
    const atMs = this.#deps.clock.monotonicMs() + afterMs
    // What was removed may have one after it, which is served then.
    const current = this.#byName.get(served.queue)
    if (current === undefined || this.#stocked.has(current) || atMs >= current.stockedAtMs) return
    this.#time(current, atMs)
    if (atMs < this.#fallbackAtMs) this.#loop.wake()
  }

  /** Believes nothing of what it knows about stock. */
  askAll(): void {
    for (const served of this.#byName.values()) {
      served.hints++
      this.#stock(served)
    }
    this.#loop.wake()
  }

  #stock(served: ServedQueue): void {
    this.#stocked.add(served)
    this.#timed.delete(served)
  }

  #time(served: ServedQueue, atMs: number): void {
    served.stockedAtMs = atMs
    if (atMs === Infinity) this.#timed.delete(served)
    else this.#timed.add(served)
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
    for (const served of this.#timed) if (served.stockedAtMs <= nowMs) this.#stock(served)
    if (nowMs < this.#fallbackAtMs) return
    this.#fallbackAtMs = nowMs + FALLBACK_MS
    for (let n = Math.min(FALLBACK_QUEUES, this.#byName.size); n > 0; n--) {
      let next = this.#turns.next()
      if (next.done === true) {
        this.#turns = this.#byName.values()
        next = this.#turns.next()
      }
      if (next.done !== true) this.#stock(next.value)
    }
  }

  #ask(): Asked | null {
    const queues: ServedQueue[] = []
    const wants: { queue: string; max: number }[] = []
    /** What queues before have asked for of a gate that they share. */
    let shared: Map<Gate, number> | null = null
    for (const served of this.#stocked) {
      const { gate, free } = served.capacity
      const max = Math.min(MOST_ASKED, gate === null ? free : free - (shared?.get(gate) ?? 0))
      if (max <= 0) continue
      if (gate !== null) (shared ??= new Map()).set(gate, (shared.get(gate) ?? 0) + max)
      served.hintsWhenAsked = served.hints
      served.asked = max
      queues.push(served)
      wants.push({ queue: served.queue, max })
      if (wants.length === MOST_WANTS) break
    }
    if (wants.length === 0) return null
    if (shared !== null) this.#takeTurns(queues)
    const { clock, ids, worker, holder } = this.#deps
    return {
      request: { id: ids.uuid(), worker, holder, leaseMs: this.#leaseMs, wants },
      atMs: clock.monotonicMs(),
      queues,
    }
  }

  /** Those of a gate that was asked for come last the next time: however much waits in one, the others of its gate are not held up. */
  #takeTurns(asked: readonly ServedQueue[]): void {
    for (const served of asked) {
      if (served.capacity.gate === null) continue
      this.#stocked.delete(served)
      this.#stocked.add(served)
    }
  }

  /** Milliseconds to wait, where the engine did not answer. */
  async #lease(asked: Asked): Promise<number | null> {
    const { engine, clock, away } = this.#deps
    let result: LeaseResult
    this.#isAsking = true
    try {
      result = await engine.lease(asked.request)
    } catch (error) {
      // Repeated only while its leases can stand: later the same id would ask for nothing.
      this.#lost = clock.monotonicMs() < asked.atMs + this.#leaseMs ? asked : null
      this.#isAsking = this.#lost !== null
      return away.failed(error)
    }
    this.#lost = null
    this.#isAsking = false
    away.answered()
    this.#note(asked.queues, result, clock.monotonicMs())
    this.#take(asked, result.deliveries)
    return null
  }

  #note(queues: readonly ServedQueue[], { deliveries, nextReadyInMs }: LeaseResult, nowMs: number): void {
    if (queues.length === 1) queues[0]!.got = deliveries.length
    else countBy(queues, deliveries)
    for (const served of queues) {
      if (served.got >= served.asked || served.hints !== served.hintsWhenAsked) continue
      this.#stocked.delete(served)
      // One that was removed while it was asked for is not asked for again, whatever was added after it.
      if (this.#byName.get(served.queue) === served)
        this.#time(served, nextReadyInMs === null ? Infinity : nowMs + nextReadyInMs)
    }
  }

  #take({ queues, atMs }: Asked, deliveries: readonly Delivery[]): void {
    if (deliveries.length === 0) return
    const { clock, telemetry } = this.#deps
    const leasedAtMs = clock.monotonicMs()
    const asked = queues.length === 1 ? null : new Map(queues.map((served) => [served.queue, served]))
    const handlings: Handling[] = []
    for (const delivery of deliveries) {
      // One that is served no longer was asked for all the same: who holds it ends it.
      const served = asked === null ? queues[0]! : asked.get(delivery.stored.queue)!
      served.capacity.take()
      handlings.push(new Handling(delivery, served, atMs, leasedAtMs))
    }
    if (telemetry.wants('leased'))
      for (const { queue, got } of queues) if (got > 0) telemetry.emit('leased', { queue, count: got })
    this.#deps.take(handlings)
  }

  #sleepMs(): number | null {
    const nowMs = this.#deps.clock.monotonicMs()
    let untilMs = this.#stocked.size < this.#byName.size ? this.#fallbackAtMs : Infinity
    let patient = false
    for (const { capacity } of this.#stocked) {
      const { free } = capacity
      if (free * 4 >= capacity.limit) return 0
      if (free > 0) patient = true
      else if (capacity.gate !== null) untilMs = Math.min(untilMs, capacity.gate.opensAtMs)
    }
    for (const served of this.#timed) untilMs = Math.min(untilMs, served.stockedAtMs)
    if (patient) this.#loop.wake(PATIENCE_TURNS)
    return untilMs === Infinity ? null : Math.max(0, untilMs - nowMs)
  }
}

function countBy(queues: readonly ServedQueue[], deliveries: readonly Delivery[]): void {
  for (const served of queues) served.got = 0
  const asked = new Map(queues.map((served) => [served.queue, served]))
  for (const { stored } of deliveries) asked.get(stored.queue)!.got++
}
