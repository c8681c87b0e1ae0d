/** Places that are kept for what the engine hands out unasked, until it is durable and arrives: nothing else is asked for in their stead. */
import type { Clock } from '../core/clock.ts'
import type { Delivery, LeaseRequest, Room } from '../core/engine.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { Handling } from './handling.ts'
import type { ServedQueue } from './served-queue.ts'

export interface ReservationsDeps {
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly holder: LeaseRequest['holder']
  take(handlings: readonly Handling[]): void
  rested(): void
  /** Places are free again that nothing came for. */
  freed(served: ServedQueue): void
}

export class Reservations {
  readonly #deps: ReservationsDeps
  #count = 0
  #filled: PromiseWithResolvers<void> | null = null

  constructor(deps: ReservationsDeps) {
    this.#deps = deps
  }

  /** Reservations that have not been filled. */
  get count(): number {
    return this.#count
  }

  /** Resolves when none is left. */
  async filled(): Promise<void> {
    if (this.#count > 0) await (this.#filled ??= Promise.withResolvers()).promise
  }

  /** Of places that are free. */
  reserve(served: ServedQueue, count: number): Room {
    const { clock, holder } = this.#deps
    const atMs = clock.monotonicMs()
    for (let place = 0; place < count; place++) served.capacity.take()
    this.#count++
    return {
      count,
      leaseMs: served.leaseMs,
      holder,
      filled: (deliveries) => this.#fill(served, count, atMs, deliveries),
    }
  }

  #fill(served: ServedQueue, count: number, atMs: number, deliveries: readonly Delivery[]): void {
    const { telemetry } = this.#deps
    if (--this.#count === 0) {
      this.#filled?.resolve()
      this.#filled = null
    }
    for (let place = deliveries.length; place < count; place++) served.capacity.give()
    if (deliveries.length < count) this.#deps.freed(served)
    if (deliveries.length > 0) {
      if (telemetry.wants('leased')) telemetry.emit('leased', { queue: served.queue, count: deliveries.length })
      // It was handed out when its place was kept: what it waited for since is part of its way.
      this.#deps.take(deliveries.map((delivery) => new Handling(delivery, served, atMs, atMs)))
    }
    // As a round of leases is over: a suspect that came has its turn now, and no round may be to come.
    this.#deps.rested()
  }
}
