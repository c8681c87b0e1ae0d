/**
 * The modes of work, each written once for all contestants: send (callers that wait for their confirmations), drain (a full
 * queue emptied with durable acks), flow (both at once) and latency (from the call of send to the start of the handler).
 */
import { scheduler } from 'node:timers/promises'
import type { Contestant, Work, Working } from './contestant.ts'
import { Samples } from './measure.ts'
import { Observer, type Observed } from './observe.ts'
import type { Plan } from './option.ts'

/** So that every number has seven digits, and every body one size. */
const FIRST = 1_000_000
const FILLERS = 1000
const BATCH_FILLERS = 4
/** What is to be measured with few senders is warmed up by so many: else it is how long the compiler takes. */
const WARMERS = 100
/** A run whose handlers no longer get anything is broken, and must not hang. */
const STALLED_MS = 30_000

export interface Measured {
  readonly count: number
  /** With those of the warm-up. */
  readonly all: number
  readonly elapsedMs: number
  /** Of a send to its confirmation; flow and latency: from the call of send to the start of the handler; drain: none. */
  readonly times: Float64Array
  readonly observed: Observed
}

export class Run {
  readonly #contestant: Contestant
  readonly #plan: Plan
  readonly #text: string
  readonly #sentAt = new Samples()
  #times = new Samples()
  #sent = 0
  #filled = 0
  #handled = 0
  #timed = false
  /** The run waits until so many are handled. */
  #goal = Number.POSITIVE_INFINITY
  #reached: (() => void) | null = null

  constructor(contestant: Contestant, plan: Plan) {
    this.#contestant = contestant
    this.#plan = plan
    this.#text = 'x'.repeat(Math.max(0, plan.bytes - JSON.stringify({ n: FIRST, text: '' }).length))
  }

  /** Fills the queue with what must wait there before the run. */
  async fill(): Promise<void> {
    const { mode, backlog, count, fillBatch = 1 } = this.#plan
    const target = backlog + (mode === 'drain' ? count : 0)
    const fillers = fillBatch > 1 ? BATCH_FILLERS : Math.min(FILLERS, target)
    const fill = async (): Promise<void> => {
      while (this.#sent < target)
        await (fillBatch > 1
          ? this.#sendMany(Math.min(fillBatch, target - this.#sent))
          : this.#contestant.send(this.#next()))
    }
    await Promise.all(Array.from({ length: fillers }, fill))
    this.#filled = this.#sent
  }

  measure(): Promise<Measured> {
    return {
      send: () => this.#send(),
      drain: () => this.#drain(),
      flow: () => this.#flow(),
      latency: () => this.#latency(),
    }[this.#plan.mode]()
  }

  async #send(): Promise<Measured> {
    const { warmUpSeconds, seconds, count } = this.#plan
    await this.#sendFor(warmUpSeconds, count, true, Math.max(WARMERS, this.#plan.senders))
    return this.#observe(() => this.#sendFor(seconds, count, true))
  }

  async #drain(): Promise<Measured> {
    const { count, seconds } = this.#plan
    const warm = this.#whenHandled(Math.floor(count / 10))
    const [working] = await Promise.all([this.#work(), warm])
    return this.#observe(async () => {
      const before = this.#handled
      await this.#whenHandled(count, seconds * 1000)
      await working.stop()
      return this.#handled - before
    })
  }

  async #flow(): Promise<Measured> {
    const { warmUpSeconds, seconds, count, backlog } = this.#plan
    // What waited before the run says nothing about the way from send to start.
    this.#timed = backlog === 0
    const working = await this.#work()
    await this.#sendFor(warmUpSeconds, count, false)
    if (backlog === 0) await this.#whenHandled(this.#sent)
    return this.#observe(async () => {
      const before = this.#handled
      const sent = await this.#sendFor(seconds, count, false)
      if (backlog === 0) await this.#whenHandled(before + sent)
      const handled = this.#handled - before
      await working.stop()
      return Math.min(sent, handled)
    })
  }

  async #latency(): Promise<Measured> {
    const { warmUpSeconds, seconds } = this.#plan
    this.#timed = true
    const working = await this.#work()
    await this.#sendEvenly(warmUpSeconds)
    await this.#whenHandled(this.#sent)
    return this.#observe(async () => {
      const sent = await this.#sendEvenly(seconds)
      await this.#whenHandled(this.#sent)
      await working.stop()
      return sent
    })
  }

  /** Takes a fresh look at the process around the measured part, and at nothing before it. */
  async #observe(work: () => Promise<number>): Promise<Measured> {
    this.#times = new Samples()
    const observer = new Observer()
    const start = performance.now()
    const count = await work()
    const elapsedMs = performance.now() - start
    const all = this.#plan.mode === 'drain' ? this.#handled : this.#sent - this.#filled
    return { count, all, elapsedMs, observed: await observer.end(), times: this.#times.all() }
  }

  /** Senders in a closed loop. Answers how many messages were confirmed. */
  async #sendFor(seconds: number, count: number, timed: boolean, senders = this.#plan.senders): Promise<number> {
    const end = performance.now() + seconds * 1000
    const batch = this.#plan.batch ?? 1
    let begun = 0
    const sender = async () => {
      while (begun < count) {
        const start = performance.now()
        if (start >= end) return
        begun += batch
        await (batch === 1 ? this.#contestant.send(this.#next()) : this.#sendMany(batch))
        if (timed) this.#times.push(performance.now() - start)
      }
    }
    await Promise.all(Array.from({ length: senders }, sender))
    return begun
  }

  #sendMany(batch: number): Promise<void> {
    if (this.#contestant.sendMany === undefined)
      throw new RangeError(`${this.#contestant.name} is measured with --batch 1 only`)
    return this.#contestant.sendMany(Array.from({ length: batch }, () => this.#next()))
  }

  /** An open loop: a send every so often, whether or not the one before was answered. */
  async #sendEvenly(seconds: number): Promise<number> {
    const count = Math.min(this.#plan.count, Math.floor(seconds * this.#plan.rate))
    const start = performance.now()
    const sends: Promise<unknown>[] = []
    for (let i = 0; i < count; i++) {
      while (performance.now() < start + (i * 1000) / this.#plan.rate) await scheduler.wait(1)
      sends.push(this.#contestant.send(this.#next()))
    }
    await Promise.all(sends)
    return count
  }

  #next(): Work {
    const n = this.#sent++
    if (this.#timed) this.#sentAt.push(performance.now())
    return { n: FIRST + n, text: this.#text }
  }

  #work(): Promise<Working> {
    const { handlers, batch } = this.#plan
    return this.#contestant.work({ handlers, batch: batch ?? 100 }, (n) => this.#started(n - FIRST))
  }

  #started(n: number): void {
    if (this.#timed) this.#times.push(performance.now() - this.#sentAt.at(n))
    if (++this.#handled < this.#goal) return
    this.#goal = Number.POSITIVE_INFINITY
    this.#reached?.()
  }

  /** Resolves when so many are handled, or after `longestMs`. */
  async #whenHandled(goal: number, longestMs = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#handled >= goal) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#goal = goal
    this.#reached = resolve
    let last = this.#handled
    const stalled = setInterval(() => {
      if (this.#handled === last)
        reject(
          new Error(
            `${this.#contestant.name}: ${last} of ${goal} handled, and nothing more for ${STALLED_MS / 1000} s`,
          ),
        )
      last = this.#handled
    }, STALLED_MS)
    const late = Number.isFinite(longestMs) ? setTimeout(resolve, longestMs) : undefined
    try {
      await promise
    } finally {
      clearInterval(stalled)
      clearTimeout(late)
      this.#goal = Number.POSITIVE_INFINITY
    }
  }
}
