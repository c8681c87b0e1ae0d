/**
 * One worker for many queues: leases in batches as capacity frees, runs handlers, settles what they come to. Idle, it sleeps until
 * a hint, until the moment the engine named, or for a second in case a hint was lost; it polls for nothing else. It must never
 * stop silently: an engine that is away is reported and tried until it answers.
 */
import { keepProcessAlive, type Clock } from '../core/clock.ts'
import { parseDuration, type Duration } from '../core/duration.ts'
import type { Engine, Hint, LeaseRequest, RoomFor, Token } from '../core/engine.ts'
import type { Ids, Random } from '../core/id.ts'
import { Condition } from '../runtime/condition.ts'
import { clearDeadline, DeadlineWheel } from '../runtime/deadline.ts'
import { Grace } from '../runtime/grace.ts'
import { Lifecycle, type LifecycleState, type Service, type StopOptions } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { Away } from './away.ts'
import type { Binding } from './binding.ts'
import { factsOf, LOST, type Handling, type LostReason } from './handling.ts'
import { InFlight } from './in-flight.ts'
import { LeaseGroups } from './lease-groups.ts'
import { Places } from './place.ts'
import { Runner } from './run.ts'
import { serveAlso, serveQueues, type ServedQueue } from './served-queue.ts'
import { Settler } from './settle.ts'
import { Starter } from './start.ts'

/** How long a stop waits, after the grace, for the engine to take what was given back. */
const FLUSH_MS = 5_000

export interface WorkerDeps {
  readonly engine: Pick<Engine, 'capabilities' | 'commit' | 'lease' | 'extend' | 'watch'>
  readonly clock: Clock
  readonly random: Random
  readonly ids: Ids
  readonly log: Log
  readonly telemetry: Telemetry
}

export interface WorkerOptions {
  /** For people: who holds a lease. Default: the process's id. */
  readonly name?: string | undefined
  /** Whose death ends the leases. Default: 'process'. */
  readonly holder?: LeaseRequest['holder'] | undefined
  /** What keeps the process from ending while the worker runs. */
  readonly keepAlive?: (() => Disposable) | undefined
  /** As the bindings' `beside`, of all queues together. Default: no limit. */
  readonly beside?: number | undefined
  /**
   * What is settled together: what ends in one step of the event loop, or in one turn of it. In a turn many runs may end that wait for sockets, each in a
   * step of its own. Default: 'step', which keeps nobody waiting.
   */
  readonly gather?: 'step' | 'turn' | undefined
}

type WorkerConfig = { readonly [K in keyof WorkerOptions]-?: NonNullable<WorkerOptions[K]> }

export interface DrainOptions {
  /** How long to go on at most. Default: until there is nothing to do. */
  readonly budget?: Duration | undefined
}

export class Worker implements Service {
  readonly #deps: WorkerDeps
  readonly #config: WorkerConfig
  readonly #served: Map<string, ServedQueue>
  readonly #groups: LeaseGroups
  readonly #inFlight = new InFlight()
  readonly #places: Places
  /** Messages leased so far. */
  #taken = 0
  readonly #wheel: DeadlineWheel
  readonly #lifecycle: Lifecycle
  readonly #starter: Starter
  readonly #runner: Runner
  readonly #settler: Settler
  readonly #condition: Condition
  #held: Disposable | null = null
  #hints: Disposable | null = null
  /** Of queues that were added later. */
  readonly #moreHints = new Map<string, Disposable>()
  /** Of the stop under way. */
  #grace: Grace | null = null
  #graceOver = false

  /** @throws PosthornError `invalid-option`, `duplicate-handler` */
  constructor(deps: WorkerDeps, bindings: readonly Binding[], options: WorkerOptions = {}) {
    const { clock } = deps
    this.#deps = deps
    this.#config = {
      name: options.name ?? `process ${process.pid}`,
      holder: options.holder ?? 'process',
      keepAlive: options.keepAlive ?? keepProcessAlive,
      beside: options.beside ?? Infinity,
      gather: options.gather ?? 'step',
    }
    this.#places = new Places((served) => this.#groups.of(served).freed(served), this.#config.beside)
    this.#served = serveQueues(bindings)
    this.#wheel = new DeadlineWheel(clock)
    this.#condition = new Condition(clock)
    this.#lifecycle = new Lifecycle({
      begin: () => this.#begin(),
      end: (stop) => this.#end(stop),
      hurry: (stop) => this.#grace?.shorten(stop),
    })
    const lost = (handling: Handling, why: LostReason) => this.#lost(handling, why)
    const over = (handling: Handling) => this.#over(handling)
    this.#settler = new Settler({
      ...deps,
      away: new Away(deps, 'settle'),
      gather: this.#config.gather,
      mayRerun: (handling) => !this.#graceOver && handling.hasPlace,
      rerun: (handling) => this.#runner.rerun(handling),
      leave: (handling) => this.#places.leave(handling),
      delayed: (handling, afterMs) => this.#groups.of(handling.served).expect(handling.served, afterMs),
      lost,
      over,
    })
    this.#runner = new Runner({
      ...deps,
      settle: (handling, verdict) => this.#settler.settle(handling, verdict),
      settled: (handling) => this.#settler.settled(handling),
      lost,
      over,
    })
    this.#starter = new Starter({
      clock,
      start: (handling, nowMs) => this.#runner.start(handling, nowMs),
      giveBack: (handling, afterMs) => this.#settler.giveBack(handling, afterMs),
      resume: () => this.#groups.wake(),
    })
    this.#groups = this.#createGroups()
    this.#createTimeouts()
  }

  get state(): LifecycleState {
    return this.#lifecycle.state
  }

  /** Messages that this worker has: waiting to start, running or being settled. */
  get inFlight(): number {
    return this.#inFlight.size
  }

  start(): Promise<void> {
    return this.#lifecycle.start()
  }

  /**
   * No new leases; what has not started is given back at once; what runs may end within the grace, then its signal aborts and it
   * is given back. Neither counts as a failure. Never rejects because of handlers or the engine.
   */
  stop(options: StopOptions = {}): Promise<void> {
    if (options.grace !== undefined) parseDuration(options.grace, 'grace')
    return this.#lifecycle.stop(options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /**
   * Runs until nothing is ready and nothing runs; what is delayed is left. A worker that was not started is started for it and
   * stopped again, at once where the budget is used up.
   */
  async drain(options: DrainOptions = {}): Promise<{ readonly handled: number }> {
    const budgetMs = options.budget === undefined ? null : parseDuration(options.budget, 'budget')
    const before = this.#settler.handled
    const own = this.state !== 'running'
    if (own) await this.start()
    const inTime = await this.#untilNothingIsLeft(budgetMs)
    if (own) await this.stop(inTime ? {} : { grace: 0 })
    return { handled: this.#settler.handled - before }
  }

  /**
   * Serves one queue more from now on. A time limit of its runs is not held: what is added ends its runs itself.
   * @throws PosthornError `invalid-option`, `duplicate-handler`
   */
  add(binding: Binding): void {
    const served = serveAlso(this.#served, binding)
    if (this.#hints !== null) this.#moreHints.set(served.queue, this.#watchAlso(served.queue))
    this.#groups.add(served)
  }

  /** Leases nothing more of the queue; what it has of it runs on. */
  remove(queue: string): void {
    const served = this.#served.get(queue)
    if (served === undefined) return
    this.#served.delete(queue)
    this.#moreHints.get(queue)?.[Symbol.dispose]()
    this.#moreHints.delete(queue)
    this.#groups.remove(served)
  }

  /** A gate has opened, or may have. */
  wake(): void {
    this.#groups.wake()
  }

  /** One round of leasing, now. */
  async tick(): Promise<void> {
    await this.#groups.tick()
  }

  /** Until a round in which every queue was asked brought nothing: a hint of what a handler sent may still be under way. */
  async #untilNothingIsLeft(withinMs: number | null): Promise<boolean> {
    const { clock } = this.#deps
    const untilMs = withinMs === null ? null : clock.monotonicMs() + withinMs
    const idle = () => (this.#inFlight.size === 0 && this.#groups.idle) || this.state !== 'running'
    for (let taken = -1; taken !== this.#taken;) {
      taken = this.#taken
      this.#groups.askAll()
      const inTime = await this.#condition.until(
        idle,
        untilMs === null ? null : Math.max(0, untilMs - clock.monotonicMs()),
      )
      if (!inTime) return false
    }
    return true
  }

  #createGroups(): LeaseGroups {
    return new LeaseGroups(
      {
        ...this.#deps,
        worker: this.#config.name,
        holder: this.#config.holder,
        mayLease: () => this.#starter.mayLease,
        take: (handlings) => this.#take(handlings),
        rested: () => {
          this.#starter.rested()
          this.#condition.changed()
        },
        lose: (handling, why) => this.#runner.lose(handling, why),
        cancel: (handling) => this.#runner.cancel(handling),
      },
      this.#wheel,
      this.#served.values(),
    )
  }

  #createTimeouts(): void {
    for (const [timeoutMs, queues] of Map.groupBy(this.#served.values(), (served) => served.timeoutMs)) {
      if (timeoutMs === null) continue
      const timeouts = this.#wheel.list<NonNullable<Handling['timeout']>>(timeoutMs, 0, (due) =>
        due.forEach(({ handling }) => this.#runner.timeOut(handling)),
      )
      for (const served of queues) served.timeouts = timeouts
    }
  }

  #begin(): void {
    this.#graceOver = false
    this.#held = this.#config.keepAlive()
    this.#starter.open()
    this.#watch()
    this.#groups.start()
  }

  async #end(options: StopOptions): Promise<void> {
    using grace = new Grace(this.#deps.clock)
    this.#grace = grace
    const leased = this.#groups.stop()
    this.#starter.close()
    grace.shorten(options)
    const empty = () => this.#inFlight.size === 0
    await Promise.race([leased.then(() => this.#condition.until(empty, null)), grace.over])
    this.#graceOver = true
    for (const handling of this.#inFlight.all()) this.#runner.interrupt(handling)
    if (!(await this.#condition.until(empty, FLUSH_MS))) {
      this.#deps.log.warn('the engine took no answer while the worker stopped: leases are left to lapse', {
        messages: this.#inFlight.size,
      })
    }
    this.#hints?.[Symbol.dispose]()
    this.#hints = null
    for (const hints of this.#moreHints.values()) hints[Symbol.dispose]()
    this.#moreHints.clear()
    this.#held?.[Symbol.dispose]()
    this.#wheel.stop()
  }

  #watch(): void {
    const { engine, log } = this.#deps
    try {
      this.#hints = engine.watch({ queues: [...this.#served.keys()] }, (hint) => this.#hint(hint), this.#roomFor)
    } catch (error) {
      log.warn('the engine gives no hints: new messages are found within a second', { error })
    }
  }

  #watchAlso(queue: string): Disposable {
    try {
      return this.#deps.engine.watch({ queues: [queue] }, (hint) => this.#hint(hint), this.#roomFor)
    } catch {
      // That there are no hints was told at the start.
      return { [Symbol.dispose]() {} }
    }
  }

  readonly #roomFor: RoomFor = (queue, most) => {
    const served = this.#served.get(queue)
    return served === undefined ? null : this.#groups.of(served).roomFor(served, most)
  }

  #hint(hint: Hint): void {
    if ('queue' in hint) {
      const served = this.#served.get(hint.queue)
      if (served !== undefined) this.#groups.of(served).hint(hint.queue)
    } else if ('cancel' in hint) {
      // Not at once: abort listeners are the handler's code, and the engine may be in the middle of a commit.
      queueMicrotask(() => this.#cancel(hint.cancel))
    }
  }

  #cancel(token: Token): void {
    const handling = this.#inFlight.all().find(({ delivery }) => delivery.token === token)
    if (handling !== undefined) this.#runner.cancel(handling)
  }

  #take(handlings: readonly Handling[]): void {
    this.#taken += handlings.length
    for (const handling of handlings) this.#inFlight.add(handling)
    this.#starter.offer(handlings)
  }

  #lost(handling: Handling, why: LostReason): void {
    const { telemetry, log } = this.#deps
    const facts = factsOf(handling)
    if (telemetry.wants('lost')) telemetry.emit('lost', { ...facts, why })
    log.warn(LOST[why], { queue: facts.queue, id: facts.id, attempt: facts.attempt })
  }

  #over(handling: Handling): void {
    if (handling.state === 'over') return
    handling.state = 'over'
    clearDeadline(handling)
    this.#inFlight.remove(handling)
    this.#starter.over(handling)
    this.#places.over(handling)
    this.#condition.changed()
  }
}
