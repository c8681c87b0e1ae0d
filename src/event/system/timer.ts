/** Ticks of the program's own clock. For what must happen although the process was down, it is not: nothing of it is stored. */
import { parseDuration, type Duration } from '../../core/duration.ts'
import { invalidOption } from '../../core/option.ts'
import { brandSource, resolveSource, type Source, type SourceOptions } from '../contract.ts'
import { Hub } from '../listen/hub.ts'

export interface TimerEvents {
  readonly 'timer.ticked': {
    /** Counts from 1 since the source began; what was missed counts too. */
    readonly number: number
    /** Ticks that were due since the event before and were left out, because listeners were behind or the process stood still. */
    readonly missed: number
  }
}

export interface TimerOptions extends SourceOptions {
  /** Between ticks; at least 10 ms. */
  readonly every: Duration
}

const SHORTEST_MS = 10

/**
 * `timer('minute', { every: '1m' })`. Ticks keep to multiples of the interval since the source began, on the monotonic clock, and none is
 * told before the one before it has found room. It keeps no process alive.
 * @throws PosthornError `invalid-name`, `invalid-option`, `invalid-duration`
 */
export function timer<const N extends string>(name: N, options: TimerOptions): Source<N, TimerEvents> {
  const { clock, field, ...config } = resolveSource('timer', name, options, ['every'])
  const everyMs = parseDuration(options.every, `${field}: every`)
  if (everyMs < SHORTEST_MS) throw invalidOption(field, 'every', options.every, `at least ${SHORTEST_MS} ms`)
  const hub = new Hub({ ...config, clock }, (feed) => {
    const fromMs = clock.monotonicMs()
    let told = 0
    let set: Disposable | null = null
    let isEnded = false
    const next = (): void => {
      if (isEnded) return
      const dueMs = (Math.floor((clock.monotonicMs() - fromMs) / everyMs) + 1) * everyMs + fromMs
      set = clock.timer(dueMs - clock.monotonicMs(), () => void tick())
    }
    const tick = async (): Promise<void> => {
      const number = Math.max(told + 1, Math.floor((clock.monotonicMs() - fromMs) / everyMs + 1e-6))
      const data = { number, missed: number - told - 1 }
      told = number
      await feed.tell({ type: 'timer.ticked', data }).admitted.catch(() => {})
      next()
    }
    next()
    return () => {
      isEnded = true
      set?.[Symbol.dispose]()
    }
  })
  return brandSource(name, { name, hub, isAcknowledged: false, mount: null })
}
