/**
 * Notices that `post.send` or `post.publish` is called inside a handler, where `ctx.send` is nearly always meant: a send that does not wait for the
 * outcome is doubled by every retry. Only the first runs are followed, because following costs a third of a cheap run's time, and
 * a mistake in the code shows in the first of them.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { PosthornError } from '../core/error.ts'

const FOLLOWED_RUNS = 1_000

export class InsideMark {
  readonly #storage: AsyncLocalStorage<InsideMark>
  readonly #warn: (message: string) => void
  readonly #worker: InsideMark | null
  #left = FOLLOWED_RUNS
  #warned = false

  /** @param worker of whose handlers this marks those that are in a transaction that keeps everybody else waiting */
  constructor(
    warn: (message: string) => void,
    storage: AsyncLocalStorage<InsideMark> = new AsyncLocalStorage(),
    worker: InsideMark | null = null,
  ) {
    this.#warn = warn
    this.#storage = storage
    this.#worker = worker
  }

  /** For a run in a transaction for whose end everything else that the engine does would wait. */
  ofTransaction(): InsideMark {
    return new InsideMark(this.#warn, this.#storage, this)
  }

  /** The same for the handlers of one worker, so that they are told from those of others. */
  ofWorker(): InsideMark {
    return new InsideMark(this.#warn, this.#storage)
  }

  run<Input, Context, T>(handler: (input: Input, context: Context) => T, input: Input, context: Context): T {
    if (this.#left === 0) return handler(input, context)
    this.#left--
    return this.#storage.run(this, handler, input, context)
  }

  /** Whether this is called inside a handler that this mark runs. */
  get isWithin(): boolean {
    const within = this.#storage.getStore()
    return within !== undefined && (within === this || within.#worker === this)
  }

  /** Warns, once, where this is called inside a handler. @throws PosthornError `would-wait` where that would wait for its own transaction */
  check(verb: 'send' | 'publish' | 'commit'): void {
    const within = this.#storage.getStore()
    if (within !== undefined && within.#worker !== null)
      throw new PosthornError(
        'would-wait',
        `post.${verb} would wait for the transaction that it is called in, which keeps all others from the database file: use ctx.${verb === 'commit' ? 'send and ctx.publish' : verb}, or { within: ctx.tx }`,
      )
    if (verb === 'commit') return
    if (this.#warned || within === undefined) return
    this.#warned = true
    within.#left = 0
    this.#warn(
      `post.${verb} was called inside a handler: it takes place at once, also when the run fails and is tried again. Use ctx.${verb}, which takes place with the outcome`,
    )
  }
}
