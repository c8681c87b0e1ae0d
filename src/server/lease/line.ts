/**
 * Clients that wait for messages, one line per queue, first come first served. A hint wakes the first of the line; who gets
 * something wakes the next, so that a message among a thousand waiting clients wakes one and not all. Hints may be lost:
 * every client also looks when time alone can have made a message ready, and now and then.
 */
import type { Clock } from '../../core/clock.ts'
import type { Delivery, Ledger, LeaseResult } from '../../core/engine.ts'

const LOOK_MS = 5_000
const NONE: readonly Delivery[] = []

interface Line {
  readonly waiting: Set<Waiter>
  readonly watch: Disposable
  /** Hints so far: one that comes while a client looks is not lost. */
  hints: number
}

interface Waiter {
  wake: (() => void) | null
}

export interface Wait {
  readonly queue: string
  readonly waitMs: number
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal
  lease(): Promise<LeaseResult>
}

export class LeaseLines {
  readonly #engine: Pick<Ledger, 'watch'>
  readonly #clock: Clock
  readonly #ending: AbortSignal
  readonly #lines = new Map<string, Line>()

  /** @param ending aborts when all waits are to end */
  constructor(engine: Pick<Ledger, 'watch'>, clock: Clock, ending: AbortSignal) {
    this.#engine = engine
    this.#clock = clock
    this.#ending = ending
    ending.addEventListener('abort', () => {
      for (const { waiting } of this.#lines.values()) for (const { wake } of waiting) wake?.()
    })
  }

  /** Clients that wait now. */
  get size(): number {
    return this.#lines.values().reduce((sum, { waiting }) => sum + waiting.size, 0)
  }

  /** What the first lease that finds something gives; nothing when the time is over, the client has gone or all waits end. */
  async take(wait: Wait): Promise<readonly Delivery[]> {
    const { deliveries, nextReadyInMs } = await wait.lease()
    if (deliveries.length > 0 || wait.waitMs === 0) return deliveries
    const line = this.#lineOf(wait.queue)
    const waiter: Waiter = { wake: null }
    line.waiting.add(waiter)
    try {
      return await this.#stand(line, waiter, wait, nextReadyInMs)
    } finally {
      line.waiting.delete(waiter)
      if (line.waiting.size === 0) this.#close(wait.queue, line)
    }
  }

  async #stand(line: Line, waiter: Waiter, wait: Wait, firstReadyInMs: number | null): Promise<readonly Delivery[]> {
    const untilMs = this.#clock.monotonicMs() + wait.waitMs
    let nextReadyInMs = firstReadyInMs
    // A first look in the line: what came between the look before it and the watch is found.
    let seen = line.hints - 1
    for (;;) {
      if (this.#ending.aborted || wait.signal.aborted) return NONE
      if (seen === line.hints) {
        const leftMs = untilMs - this.#clock.monotonicMs()
        if (leftMs <= 0) return NONE
        await this.#sleep(waiter, wait.signal, Math.max(1, Math.min(leftMs, LOOK_MS, nextReadyInMs ?? Infinity)))
        if (this.#ending.aborted || wait.signal.aborted) return this.#pass(line, waiter)
      }
      seen = line.hints
      const result = await wait.lease()
      nextReadyInMs = result.nextReadyInMs
      if (result.deliveries.length > 0) {
        wakeNext(line, waiter)
        return result.deliveries
      }
    }
  }

  /** Who leaves after being woken hands the wake-up on. */
  #pass(line: Line, waiter: Waiter): readonly Delivery[] {
    wakeNext(line, waiter)
    return NONE
  }

  async #sleep(waiter: Waiter, signal: AbortSignal, ms: number): Promise<void> {
    const woken = Promise.withResolvers<void>()
    const wake = () => woken.resolve()
    waiter.wake = wake
    using _timer = this.#clock.timer(ms, wake)
    signal.addEventListener('abort', wake)
    await woken.promise
    waiter.wake = null
    signal.removeEventListener('abort', wake)
  }

  #lineOf(queue: string): Line {
    const known = this.#lines.get(queue)
    if (known !== undefined) return known
    const line: Line = {
      waiting: new Set(),
      hints: 0,
      watch: this.#engine.watch({ queues: [queue] }, () => {
        line.hints++
        wakeNext(line)
      }),
    }
    this.#lines.set(queue, line)
    return line
  }

  #close(queue: string, line: Line): void {
    line.watch[Symbol.dispose]()
    if (this.#lines.get(queue) === line) this.#lines.delete(queue)
  }
}

function wakeNext(line: Line, except?: Waiter): void {
  for (const waiter of line.waiting) {
    if (waiter === except || waiter.wake === null) continue
    waiter.wake()
    waiter.wake = null
    return
  }
}
