/** The time that a stop leaves to what is under way. Every further stop can only shorten it. */
import type { Clock } from '../core/clock.ts'
import { DEFAULTS } from '../core/default.ts'
import { parseDuration } from '../core/duration.ts'
import type { StopOptions } from './lifecycle.ts'

export class Grace implements Disposable {
  /** Resolves when it is over. */
  readonly over: Promise<void>
  readonly #end: () => void
  readonly #clock: Clock
  readonly #waits = new DisposableStack()

  constructor(clock: Clock) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.over = promise
    this.#end = resolve
    this.#clock = clock
  }

  shorten({ grace, signal }: StopOptions): void {
    if (this.#waits.disposed) return
    if (signal?.aborted) return this.#end()
    signal?.addEventListener('abort', this.#end, { once: true })
    this.#waits.defer(() => signal?.removeEventListener('abort', this.#end))
    const graceMs = parseDuration(grace ?? DEFAULTS.graceMs, 'grace')
    if (graceMs === 0) return this.#end()
    this.#waits.use(this.#clock.timer(graceMs, this.#end))
  }

  /** It was not needed, or is over. */
  [Symbol.dispose](): void {
    this.#waits.dispose()
  }
}
