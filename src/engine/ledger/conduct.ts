/**
 * Conducts the calls of an engine: each runs in one synchronous piece, after what time has decided meanwhile, and is answered when what it
 * decided or saw is durable. What fails in the middle of a piece stops the engine, because half a decision must never be built upon.
 */
import type { Clock } from '../../core/clock.ts'
import type { Durability, Hint, Interest, RoomFor } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import type { Ids } from '../../core/id.ts'
import { Both } from './both.ts'
import { Desk } from './decide/desk.ts'
import { DueTimer } from './time/due-timer.ts'
import { settleTouched } from './time/due.ts'
import { EngineClock } from './time/engine-clock.ts'
import { Watchers } from './hint.ts'
import type { EngineLimits } from './limit.ts'
import { deliver } from './hand-out/deliver.ts'
import { SendOuts } from './hand-out/send-outs.ts'
import { Pace } from './time/pace.ts'
import { reopen } from './time/reopen.ts'
import type { LedgerState } from './state/state.ts'
import type { Store } from './store.ts'
import { Share } from './time/share.ts'
import { sweep, sweepDueInMs } from './time/sweep.ts'
import { Trail } from './trail.ts'
import { Waiters } from './waiter.ts'

export interface ConductParts {
  readonly state: LedgerState
  readonly store: Store
  readonly clock: Clock
  readonly ids: Ids
  readonly limits: EngineLimits
  /** Engine time now. */
  readonly openedAt: number
  readonly era: number
  /** Opened for a copy: what it holds stays as it is. */
  readonly isStill?: boolean | undefined
}

export class Conduct {
  readonly desk: Desk
  readonly watchers: Watchers
  readonly trail: Trail
  readonly share: Share
  readonly sendOuts: SendOuts
  /** The level that must be reached before anything is handed out, and that an answer has unless less was asked for. */
  readonly best: Durability
  /** While a copy is made time decides nothing. */
  isStill: boolean
  readonly #store: Store
  readonly #clock: EngineClock
  readonly #waiters: Waiters
  readonly #timer: DueTimer
  readonly #pace = new Pace()
  /** The last frame that holds anything that must be durable. */
  #dirtyFrame = 0
  /** The last frame of which something was confirmed before it was durable. */
  #confirmedFrame = 0
  #hasSwept = false
  #failure: Error | null = null
  readonly #failed = Promise.withResolvers<Error>()
  #closing: Promise<void> | null = null

  constructor({ state, store, clock, ids, limits, openedAt, era, isStill = false }: ConductParts) {
    this.isStill = isStill
    this.best = store.durability.at(-1)!
    this.watchers = new Watchers(() => store.frame)
    this.#store = store
    this.#clock = new EngineClock(clock, openedAt)
    this.#waiters = new Waiters(store)
    this.#timer = new DueTimer(this.#clock, () => this.#onTimer())
    this.share = new Share(this.#clock)
    const effects = store.entries === null ? state : new Both(state, store.entries)
    this.desk = new Desk({ state, effects, store, ids, limits, notices: this.watchers })
    this.trail = new Trail(this.desk)
    this.sendOuts = new SendOuts({
      desk: this.desk,
      watching: (queue) => this.watchers.watching(queue),
      deliver: (slot) => deliver(this, slot),
      gave: (count) => this.share.gave(count),
      now: () => this.#clock.engine(),
    })
    this.desk.wake = () => this.#timer.arm(this.#clock.engine(), 0)
    this.#open(era)
  }

  /** Runs one call in one piece, after what time has decided. */
  run<T>(call: () => Promise<T>): Promise<T> {
    const refusal = this.#refusal()
    if (refusal !== null) return Promise.reject(refusal)
    try {
      this.#look()
      // Before what time decides: what nobody has heard of cannot have lapsed.
      if (this.sendOuts.isHolding && this.sendOuts.takeBackLate(this.desk.now)) settleTouched(this.desk)
      this.#hasSwept = !this.isStill && sweep(this.desk)
      return this.#pace.give(this.desk.now, this.#ask(call))
    } catch (error) {
      if (!(error instanceof PosthornError)) this.#stop(error)
      return Promise.reject(this.#failure ?? (error as PosthornError))
    }
  }

  /** Computes an answer at once, and gives it when all that it shows is durable. A question that makes no sense harms nobody but who asked. */
  read<T>(compute: () => T | Promise<T>): Promise<T> {
    return this.run(() => {
      const answer = attempt(compute)
      this.finish()
      return this.answer(this.best, answer)
    })
  }

  /** At the end of a piece: what was decided is made durable, and the timer set for what is due next. */
  finish(commits = 1, isPatient = false): void {
    const { desk } = this
    if (desk.isDirty) {
      if (this.sendOuts.give()) settleTouched(desk)
      desk.isDirty = false
      this.#dirtyFrame = this.#store.frame
      this.#store.sync(commits, isPatient)
    } else if (this.#hasSwept) {
      // What time decided is seen from now on, so a crash must not undo it. It need not survive more: time would decide it again.
      this.#store.write()
    }
    this.#hasSwept = false
    if (!this.isStill) this.#timer.arm(desk.now, sweepDueInMs(desk))
  }

  /** Callers wait, with so many changes, until what was decided so far is durable. */
  awaited(changes: number): void {
    if (changes > 0 && this.#dirtyFrame > this.#store.reached(this.best)) this.share.awaited(changes, this.#dirtyFrame)
  }

  /** The answer, when everything that was decided so far has reached the level. */
  answer<T>(level: Durability, value: T | Promise<T>): Promise<T> {
    if (level !== this.best) this.#confirmedFrame = this.#dirtyFrame
    return this.#waiters.answer(level, this.#dirtyFrame, value)
  }

  /**
   * What time has decided just now, and what was confirmed at a lower level, is not handed out before it is durable: a promise where that is
   * to be waited for.
   */
  settled(): Promise<void> | null {
    const frame = this.desk.isDirty ? this.#store.frame : this.#confirmedFrame
    if (frame <= this.#store.reached(this.best)) return null
    this.finish()
    return this.#waiters.answer(this.best, frame, undefined)
  }

  /** Hints, and hand-outs for which the watcher has room. */
  watch(interest: Interest, hint: (hint: Hint) => void, roomFor?: RoomFor): Disposable {
    const hints = this.watchers.watch(interest, hint)
    if (roomFor === undefined) return hints
    const queues = interest.queues ?? []
    // One of its own, so that one function given twice is two watchers.
    const watcher: RoomFor = (queue, most) => roomFor(queue, most)
    this.sendOuts.add(queues, watcher)
    return {
      [Symbol.dispose]: () => {
        hints[Symbol.dispose]()
        if (this.sendOuts.remove(queues, watcher)) this.#takeBack(watcher)
      },
    }
  }

  /** Resolves with why, where it has stopped on its own. */
  get failed(): Promise<Error> {
    return this.#failed.promise
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #open(era: number): void {
    const { desk } = this
    this.#store.attach({
      reached: (level, frame) => this.#onReached(level, frame),
      failed: (error) => this.#fail(error),
      now: () => this.#clock.engine(),
    })
    desk.state.listener = {
      becameReady: (queue) => this.watchers.ready(queue.name),
      blockFreed: (block) => this.#store.blocks.release(block),
    }
    this.#look()
    desk.dirty()
    desk.effects.opened(era, desk.now)
    desk.store.blocks.keepOnly((block) => desk.state.blocks.has(block))
    if (!this.isStill) {
      reopen(desk)
      settleTouched(desk)
    }
    this.finish()
  }

  /** What time has decided before a call that makes no sense stands: left in a frame that nobody asks for, it would hold up the next call. */
  #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return call()
    } catch (error) {
      if (!(error instanceof PosthornError)) throw error
      this.finish()
      return Promise.reject(error)
    }
  }

  #look(): void {
    const { desk } = this
    desk.now = this.#clock.engine()
    desk.wall = this.#clock.wall()
    desk.state.messages.placing.seatAfter = this.#dirtyFrame > this.#store.reached(this.best) ? this.#dirtyFrame : 0
  }

  #refusal(): PosthornError | null {
    if (this.#closing !== null) return new PosthornError('closed', 'the engine is closed')
    return this.#failure === null
      ? null
      : new PosthornError('engine-failed', this.#failure.message, { cause: this.#failure })
  }

  #onTimer(): void {
    if (this.#refusal() !== null) return
    const swept = this.run(() => {
      this.finish()
      return Promise.resolve()
    })
    // Whoever calls next is told of a failure.
    swept.catch(() => {})
  }

  #onReached(level: Durability, frame: number): void {
    if (level === this.best) {
      this.desk.state.messages.placing.seat(frame)
      this.share.reached(frame)
      this.sendOuts.reached(frame)
    }
    this.#waiters.reached(level, frame)
    if (level !== this.best) return
    this.watchers.reached(frame)
    this.trail.reached(frame)
  }

  #stop(cause: unknown): void {
    this.#store.abandon()
    this.#fail(new PosthornError('engine-failed', 'the engine has stopped: a decision failed in the middle', { cause }))
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return
    this.#failure = error
    this.#failed.resolve(error)
    this.#timer[Symbol.dispose]()
    this.share.stop()
    this.sendOuts.abandon()
    this.#waiters.failed(
      new PosthornError('unknown', `the engine stopped before the answer was known: ${error.message}`, {
        cause: error,
      }),
    )
  }

  /** What is held for the watcher, or for all, and has not been given. */
  #takeBack(watcher: RoomFor | null): void {
    const taken = this.run(() => {
      this.sendOuts.takeBack(watcher)
      settleTouched(this.desk)
      this.finish()
      return Promise.resolve()
    })
    // An engine that has stopped hands out nothing.
    taken.catch(() => {})
  }

  async #close(): Promise<void> {
    this.sendOuts.stop()
    if (this.sendOuts.isHolding) this.#takeBack(null)
    this.#timer[Symbol.dispose]()
    this.share.stop()
    await this.#store.close()
    this.#waiters.failed(new PosthornError('closed', 'the engine was closed before the answer was known'))
  }
}

export function attempt<T>(compute: () => T | Promise<T>): T | Promise<T> {
  try {
    return compute()
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)))
  }
}
