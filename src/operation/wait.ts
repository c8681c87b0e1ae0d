/**
 * Waiting until an operation has ended. A hint on its record wakes the wait; because hints may be lost, it also looks by itself,
 * ever less often. The waiting ends with the time, the signal or the closing of the engine, never later.
 */
import { keepProcessAlive, type Clock } from '../core/clock.ts'
import type { Engine } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { operationKey } from './address.ts'
import { isDone, type OperationSnapshot } from './snapshot.ts'

const FIRST_LOOK_MS = 100
const LONGEST_LOOK_MS = 5_000

export interface WaitDeps {
  readonly engine: Engine
  readonly clock: Clock
  /** Aborts when the engine closes. */
  readonly closing: AbortSignal
  /** What to do instead of sleeping, where time stands still; it may throw. */
  readonly instead?: ((operation: OperationSnapshot) => Promise<void>) | undefined
}

export interface Wait {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * The operation when it has ended, or as it is when the time is over; null where there is none.
 * @throws PosthornError `aborted`, `closed`
 */
export async function waitForEnd(
  { engine, clock, closing, instead }: WaitDeps,
  id: string,
  look: () => Promise<OperationSnapshot | null>,
  { timeoutMs, signal }: Wait,
): Promise<OperationSnapshot | null> {
  const bell = new Bell(clock)
  const ring = () => bell.ring()
  using _watch = engine.watch({ keys: [operationKey(id)] }, ring)
  using _alive = keepProcessAlive()
  using _signal = onAbort(signal, ring)
  using _closing = onAbort(closing, ring)
  const untilMs = clock.monotonicMs() + timeoutMs
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(2 * lookMs, LONGEST_LOOK_MS)) {
    if (signal?.aborted === true)
      throw new PosthornError('aborted', `the wait for operation ${id} was given up; the operation goes on`, {
        details: { operation: id },
        cause: signal.reason,
      })
    if (closing.aborted)
      throw new PosthornError(
        'closed',
        `the engine was closed during the wait for operation ${id}; the operation goes on`,
        { details: { operation: id } },
      )
    const operation = await look()
    const leftMs = untilMs - clock.monotonicMs()
    if (operation === null || isDone(operation) || leftMs <= 0) return operation
    await (instead === undefined ? bell.wait(Math.min(lookMs, leftMs)) : instead(operation))
  }
}

/** Wakes one waiter; a ring before the wait counts. */
class Bell {
  readonly #clock: Clock
  #rung = false
  #wake: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  async wait(ms: number): Promise<void> {
    if (!this.#rung) {
      const woken = Promise.withResolvers<void>()
      this.#wake = woken.resolve
      using _timer = this.#clock.timer(ms, woken.resolve)
      await woken.promise
      this.#wake = null
    }
    this.#rung = false
  }
}

function onAbort(signal: AbortSignal | undefined, callback: () => void): Disposable {
  signal?.addEventListener('abort', callback)
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', callback) }
}
