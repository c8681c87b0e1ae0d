/** The queues of a worker by their lease time, for a request of leases has one: each group is asked for and extended by itself. */
import type { DeadlineWheel } from '../runtime/deadline.ts'
import { Away, type AwayDeps } from './away.ts'
import { Extender, type ExtenderDeps } from './extend.ts'
import type { Handling } from './handling.ts'
import { Intake, type IntakeDeps } from './lease.ts'
import type { ServedQueue } from './served-queue.ts'

export type LeaseGroupsDeps = Omit<IntakeDeps & ExtenderDeps, 'away'> & AwayDeps

export class LeaseGroups {
  readonly #intakes = new Map<number, Intake>()

  constructor(deps: LeaseGroupsDeps, wheel: DeadlineWheel, served: Iterable<ServedQueue>) {
    const extending = { ...deps, away: new Away(deps, 'extend') }
    for (const [leaseMs, queues] of Map.groupBy(served, (queue) => queue.leaseMs)) {
      const extender = new Extender(extending, wheel, leaseMs)
      const take = (handlings: readonly Handling[]) => {
        for (const handling of handlings) extender.keep(handling, handling.leaseUntilMs - leaseMs)
        deps.take(handlings)
      }
      this.#intakes.set(leaseMs, new Intake({ ...deps, take, away: new Away(deps, 'lease') }, leaseMs, queues))
    }
  }

  /** Nothing can be leased for now. */
  get idle(): boolean {
    return this.#intakes.values().every((intake) => intake.idle)
  }

  start(): void {
    for (const intake of this.#intakes.values()) intake.start()
  }

  async stop(): Promise<void> {
    await Promise.all(this.#intakes.values().map((intake) => intake.stop()))
  }

  async tick(): Promise<void> {
    await Promise.all(this.#intakes.values().map((intake) => intake.tick()))
  }

  wake(): void {
    for (const intake of this.#intakes.values()) intake.wake()
  }

  askAll(): void {
    for (const intake of this.#intakes.values()) intake.askAll()
  }

  /** The group of this queue. */
  of(served: ServedQueue): Intake {
    return this.#intakes.get(served.leaseMs)!
  }
}
