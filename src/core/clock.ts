/**
 * Time, injected. Nothing else in Posthorn reads a clock or sets a timer, so that tests and simulation own time.
 * Wall time may step (NTP, an operator); the monotonic time never does. Durations run on the monotonic one.
 */

export interface Clock {
  /** Milliseconds since the Unix epoch. May step in both directions. */
  wallMs(): number
  /** Milliseconds since an arbitrary origin, fractional. Never steps, never goes back. */
  monotonicMs(): number
  /** Calls back once, `afterMs` (at least 0) of monotonic time later. Disposing cancels. Does not keep the process alive. */
  timer(afterMs: number, callback: () => void): Disposable
}

/** setTimeout's own limit: a longer delay would fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  timer(afterMs, callback) {
    const timeout = setTimeout(callback, Math.min(Math.max(afterMs, 0), LONGEST_TIMER_MS))
    timeout.unref()
    return { [Symbol.dispose]: () => clearTimeout(timeout) }
  },
}

/**
 * Keeps the process alive until it is disposed, for what runs on unreferenced timers and must go on; at most `longestMs` of
 * the machine's time where that is given, so that a clock that stands still keeps nobody alive for ever.
 */
export function keepProcessAlive(longestMs?: number): Disposable {
  const interval = setInterval(() => {
    if (longestMs !== undefined) clearInterval(interval)
  }, longestMs ?? LONGEST_TIMER_MS)
  return { [Symbol.dispose]: () => clearInterval(interval) }
}

interface ManualTimer {
  readonly dueMs: number
  readonly order: number
  readonly callback: () => void
}

/** A clock that stands still until it is told to move. */
export class ManualClock implements Clock {
  #wallMs: number
  #monotonicMs = 0
  #order = 0
  readonly #timers = new Set<ManualTimer>()

  constructor(wallMs: number = Date.UTC(2026, 0, 1)) {
    this.#wallMs = wallMs
  }

  wallMs(): number {
    return this.#wallMs
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  timer(afterMs: number, callback: () => void): Disposable {
    const timer = { dueMs: this.#monotonicMs + Math.max(afterMs, 0), order: this.#order++, callback }
    this.#timers.add(timer)
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) }
  }

  /** Moves both clocks on and fires, in order, the timers that fall due on the way. */
  advance(ms: number): void {
    const untilMs = this.#monotonicMs + ms
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#timers.delete(next)
      this.#moveTo(Math.max(next.dueMs, this.#monotonicMs))
      next.callback()
    }
    this.#moveTo(untilMs)
  }

  /** Moves both clocks on and fires nothing, as when a computation keeps the event loop; what is due fires at the next `advance`. */
  stall(ms: number): void {
    this.#moveTo(this.#monotonicMs + ms)
  }

  /** Steps the wall clock alone, as NTP or an operator does. */
  stepWall(ms: number): void {
    this.#wallMs += ms
  }

  /** Milliseconds until the next timer is due; null where none is set. */
  nextTimerInMs(): number | null {
    const next = this.#next(Infinity)
    return next === undefined ? null : Math.max(next.dueMs - this.#monotonicMs, 0)
  }

  #next(untilMs: number): ManualTimer | undefined {
    let next: ManualTimer | undefined
    for (const timer of this.#timers) {
      if (timer.dueMs > untilMs) continue
      if (next === undefined || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order))
        next = timer
    }
    return next
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs
    this.#monotonicMs = monotonicMs
  }
}

/** Resolves after `ms`, or rejects with the signal's reason as soon as it aborts. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const onAbort = () => {
      timer[Symbol.dispose]()
      reject(signal!.reason)
    }
    const timer = clock.timer(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
