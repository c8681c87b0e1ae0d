/** Where this folder has its time from, unless it is given another: it imports nothing, so it has a clock of its own. */
export interface WebhookClock {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Calls once after so many milliseconds, unless what it returns is called before. */
  readonly timer: (ms: number, call: () => void) => () => void
}

export const machineClock: WebhookClock = {
  now: () => Date.now(),
  timer: (ms, call) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

/** Runs with a signal that aborts after so many milliseconds, and stops the timer when it is done. */
export async function within<Value>(
  clock: WebhookClock,
  ms: number,
  run: (signal: AbortSignal) => Promise<Value>,
): Promise<Value> {
  const limit = new AbortController()
  const cancel = clock.timer(ms, () => limit.abort())
  try {
    return await run(limit.signal)
  } finally {
    cancel()
  }
}
