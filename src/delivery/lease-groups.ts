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
  readonly #deps: LeaseGroupsDeps
  readonly #extending: ExtenderDeps
  readonly #wheel: DeadlineWheel
  #running = false

  constructor(deps: LeaseGroupsDeps, wheel: DeadlineWheel, served: Iterable<ServedQueue>) {
    this.#deps = deps
    this.#extending = { ...deps, away: new Away(deps, 'extend') }
    this.#wheel = wheel
    for (const [leaseMs, queues] of Map.groupBy(served, (queue) => queue.leaseMs)) this.#group(leaseMs, queues)
  }

  add(served: ServedQueue): void {
    const group = this.#intakes.get(served.leaseMs)
    if (group !== undefined) return group.add(served)
    const created = this.#group(served.leaseMs, [served])
    if (this.#running) created.start()
  }

  remove(served: ServedQueue): void {
    this.of(served).remove(served)
  }

  #group(leaseMs: number, queues: readonly ServedQueue[]): Intake {
    const extender = new Extender(this.#extending, this.#wheel, leaseMs)
    const take = (handlings: readonly Handling[]) => {
      for (const handling of handlings) extender.keep(handling, handling.leaseUntilMs - leaseMs)
      this.#deps.take(handlings)
    }
    const intake = new Intake({ ...this.#deps, take, away: new Away(this.#deps, 'lease') }, leaseMs, queues)
    this.#intakes.set(leaseMs, intake)
    return intake
  }

  /** Nothing can be leased for now. */
  get idle(): boolean {
    return this.#intakes.values().every((intake) => intake.idle)
  }

  start(): void {
    this.#running = true
    for (const intake of this.#intakes.values()) intake.start()
  }

  async stop(): Promise<void> {
    this.#running = false
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
