/** SIGINT and SIGTERM for long-running commands: the first asks for a graceful stop, the second ends the process at once. */
import type { EventEmitter } from 'node:events'
import type { Clock } from '../core/clock.ts'

const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const

/**
 * Ctrl-C reaches a process twice where npm or npx runs it: from the terminal, and passed on by npm. So what comes this soon
 * after the first is the first.
 */
const SAME_PRESS_MS = 300

export interface StopSignal extends Disposable {
  /** Aborts at the first signal. */
  readonly signal: AbortSignal
}

/** @param source what emits the signals: the process */
export function onStopSignal(
  clock: Clock,
  onSecond: (exitCode: number) => void,
  source: EventEmitter = process,
): StopSignal {
  const controller = new AbortController()
  let firstMs: number | undefined
  const listener = (name: NodeJS.Signals): void => {
    if (firstMs === undefined) {
      firstMs = clock.monotonicMs()
      controller.abort(name)
    } else if (clock.monotonicMs() - firstMs > SAME_PRESS_MS) {
      onSecond(128 + SIGNALS[name as keyof typeof SIGNALS])
    }
  }
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]
  for (const name of names) source.on(name, listener)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => names.forEach((name) => source.off(name, listener)),
  }
}
