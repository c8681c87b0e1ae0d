/** The beginning of the end of a server: once it drains, new writes are refused, long polls end, and it says when nothing is under way. */
import { PosthornError } from '../core/error.ts'

const RETRY_SECONDS = 5

export class Drain {
  readonly #controller = new AbortController()
  #underWay = 0
  #idle: (() => void)[] = []

  /** Aborts when draining begins. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get underWay(): number {
    return this.#underWay
  }

  begin(): void {
    this.#controller.abort()
  }

  /** @throws PosthornError `draining` */
  check(): void {
    if (this.signal.aborted)
      throw new PosthornError('draining', 'this server is shutting down: try again in a moment', {
        details: { retryAfterSeconds: RETRY_SECONDS },
      })
  }

  enter(): void {
    this.#underWay++
  }

  leave(): void {
    if (--this.#underWay > 0) return
    for (const wake of this.#idle.splice(0)) wake()
  }

  /** Resolves when no request is under way. */
  idle(): Promise<void> {
    return this.#underWay === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }
}
