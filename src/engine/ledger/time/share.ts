/**
 * Keeps hand-outs from taking the thread from callers who wait for their commits. A worker with a backlog comes back as soon as it has handled
 * what it was given, while a caller has one turn in each sync: left alone, four messages are handled for one that is sent. While callers
 * wait, each change of theirs is credit for a hand-out and a little more, so that a backlog becomes less; without credit a request is answered
 * when callers have been told and have had their turn.
 */
import { performance } from 'node:perf_hooks'
import type { EngineClock } from './engine-clock.ts'

/** Hand-outs for one change. */
const FOR_CHANGE = 1.25
/** There from the beginning: with it workers with few places do not notice that anybody waits. */
const SPARE = 50
/**
 * What is saved up at most, about a quarter of a second of hand-outs: workers that fell behind callers for a while catch up as fast as they
 * can, so that messages do not wait long where there was no backlog.
 */
const MOST_SAVED = 20_000
/** What was handed out beyond the credit (a lease is never cut for it) is taken off what comes, up to so much. */
const MOST_OWED = 400
/** A request that waits so long looks whether it is the thread that callers wait for, and not the disk. */
const LOOK_MS = 1
/** At work for less of its time, the thread has some for both: so many are handed out before the next look. */
const BUSY_SHARE = 0.7
const IDLE_CREDIT = 150
/** No request waits for more looks. */
const MOST_LOOKS = 4

/** Begins to look how much the thread is at work; gives the share of the time since. */
export type Looking = () => () => number

const looking: Looking = () => {
  const before = performance.eventLoopUtilization()
  return () => performance.eventLoopUtilization(before).utilization
}

interface Rest {
  readonly over: PromiseWithResolvers<void>
  readonly busyShare: () => number
  looks: number
  timer: Disposable
}

export class Share {
  readonly #clock: EngineClock
  readonly #looking: Looking
  /** The last frame that callers wait for, and the last that is durable. */
  #frame = 0
  #reached = 0
  /** Hand-outs that are left; below 0: there were too many. */
  #credit = SPARE
  #rest: Rest | null = null

  constructor(clock: EngineClock, look: Looking = looking) {
    this.#clock = clock
    this.#looking = look
  }

  /** Callers wait until this frame is durable, with so many changes. */
  awaited(changes: number, frame: number): void {
    this.#frame = frame
    this.#credit += changes * FOR_CHANGE
  }

  gave(count: number): void {
    this.#credit = Math.max(-MOST_OWED, this.#credit - count)
  }

  /** A promise where a request comes after the callers. */
  turn(): Promise<void> | null {
    if (this.#isFree) return null
    this.#rest ??= {
      over: Promise.withResolvers(),
      busyShare: this.#looking(),
      looks: 0,
      timer: this.#clock.timer(LOOK_MS, this.#look),
    }
    return this.#rest.over.promise
  }

  /** Everything up to this frame is durable. */
  reached(frame: number): void {
    this.#reached = frame
    this.#credit = Math.min(this.#credit, MOST_SAVED)
    // Those who are told now come back within this turn of the event loop, and with them credit.
    if (this.#rest !== null) setImmediate(this.#endIfFree)
  }

  /** Nobody will be told any more. */
  stop(): void {
    this.#reached = this.#frame
    this.#end()
  }

  get #isFree(): boolean {
    return this.#credit > 0 || this.#frame <= this.#reached
  }

  readonly #endIfFree = (): void => {
    if (this.#isFree) this.#end()
  }

  readonly #look = (): void => {
    const rest = this.#rest!
    const isBusy = rest.busyShare() >= BUSY_SHARE
    if (isBusy && ++rest.looks < MOST_LOOKS) {
      rest.timer = this.#clock.timer(LOOK_MS, this.#look)
      return
    }
    this.#credit = Math.max(this.#credit, isBusy ? SPARE : IDLE_CREDIT)
    this.#end()
  }

  #end(): void {
    const rest = this.#rest
    this.#rest = null
    rest?.timer[Symbol.dispose]()
    rest?.over.resolve()
  }
}
