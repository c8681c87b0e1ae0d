/** A worker as its user holds it: the delivery worker, and what was made for its handlers, which ends after them. */
import type { Duration } from '../core/duration.ts'
import { PosthornError } from '../core/error.ts'
import { checkKnown } from '../core/option.ts'
import type { Worker } from '../delivery/worker.ts'
import type { StopOptions } from '../runtime/lifecycle.ts'
import type { InsideMark } from './inside.ts'

/** What runs beside the handlers and gives them work: it begins after them and ends with them. */
export interface Feeding {
  /** Resolves when nothing waits to be published. */
  idle(): Promise<void>
  stop(options: StopOptions): Promise<void>
}

export interface WorkingDeps {
  readonly worker: Worker
  readonly queues: readonly string[]
  readonly feeding: Feeding
  /** Knows what runs inside this worker's handlers. */
  readonly inside: InsideMark
  /** Tells what was made for the handlers that the end is near. */
  readonly stopping: AbortController
  /** Ends what was made for the handlers. */
  readonly end: (() => void | Promise<void>) | undefined
  /** Told once all of it has ended. */
  readonly ended: () => void
}

export class Working implements AsyncDisposable {
  readonly queues: readonly string[]
  readonly closed: Promise<void>
  readonly #deps: WorkingDeps
  readonly #closed = Promise.withResolvers<void>()
  #ending: Promise<void> | null = null

  constructor(deps: WorkingDeps) {
    this.#deps = deps
    this.queues = deps.queues
    this.closed = this.#closed.promise
    // Who does not look at `closed` learns of a failed end from `stop`.
    this.closed.catch(() => {})
  }

  async drain(options: { readonly budget?: Duration | undefined } = {}): Promise<{ readonly handled: number }> {
    if (this.#ending !== null)
      throw new PosthornError('closed', 'the worker was stopped: begin another with post.work()')
    checkKnown('drain', options, ['budget'])
    if (this.#deps.inside.isWithin)
      throw new PosthornError(
        'invalid-option',
        'drain was called inside a handler of the same worker: it would wait for that handler to end. Call it outside of handlers',
      )
    await this.#deps.feeding.idle()
    return this.#deps.worker.drain(options)
  }

  async stop(options: { readonly grace?: Duration | undefined } = {}): Promise<void> {
    const { worker, feeding, stopping } = this.#deps
    checkKnown('stop', options, ['grace'])
    // Each call may shorten the grace; what follows is done once.
    const stopped = Promise.all([feeding.stop(options), worker.stop(options)])
    const ending = (this.#ending ??= this.#end(stopped))
    stopping.abort()
    await ending
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #end(stopped: Promise<unknown>): Promise<void> {
    const { end, ended } = this.#deps
    try {
      await stopped
      await end?.()
      this.#closed.resolve()
    } catch (error) {
      this.#closed.reject(error)
      throw error
    } finally {
      ended()
    }
  }
}
