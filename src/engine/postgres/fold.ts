/**
 * Commits that come together are one transaction: what arrives while one is under way waits for the next, and an idle engine makes nobody
 * wait. Where the server refuses a fold, it is halved until only the one to blame is left.
 */
import type { Capabilities, Commit, CommitResult } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { decideCommit } from './decide/commit.ts'
import { failureOf } from './failure.ts'
import type { PlainSends } from './plain.ts'
import type { Transactor } from './transact.ts'
import { prefetch } from './unit/prefetch.ts'

interface Caller {
  readonly commit: Commit
  resolve(result: CommitResult): void
  reject(error: unknown): void
}

export class Folder {
  readonly #transactor: Transactor
  readonly #offers: Capabilities['durability']
  readonly #most: number
  readonly #plain: PlainSends
  #waiting: Caller[] = []
  #isRunning = false

  constructor(transactor: Transactor, plain: PlainSends, offers: Capabilities['durability'], most: number) {
    this.#plain = plain
    this.#transactor = transactor
    this.#offers = offers
    this.#most = most
  }

  commit(commit: Commit): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ commit, resolve, reject })
      if (this.#isRunning) return
      this.#isRunning = true
      // All that is asked in this turn is one fold.
      queueMicrotask(() => void this.#run())
    })
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const some = this.#waiting.slice(0, this.#most)
      this.#waiting = this.#waiting.slice(this.#most)
      await this.#fold(some)
    }
    this.#isRunning = false
  }

  async #fold(callers: readonly Caller[]): Promise<void> {
    const commits = callers.map(({ commit }) => commit)
    try {
      const plain = await this.#plain.commit(commits)
      const results =
        plain ??
        (await this.#transactor.run({
          load: (work) => prefetch(work, commits),
          decide: async (work) => {
            const decided: CommitResult[] = []
            for (const commit of commits) decided.push(await decideCommit(work, commit, this.#offers))
            this.#plain.learn(work)
            return decided
          },
        }))
      for (const [at, caller] of callers.entries()) caller.resolve(results[at]!)
    } catch (error) {
      if (error instanceof PosthornError || callers.length === 1) return this.#fail(callers, error)
      const half = callers.length >> 1
      await this.#fold(callers.slice(0, half))
      await this.#fold(callers.slice(half))
    }
  }

  #fail(callers: readonly Caller[], error: unknown): void {
    const told =
      error instanceof PosthornError
        ? error
        : new PosthornError(
            failureOf(error) === 'passing' ? 'unknown' : 'engine-failed',
            `the database refused the commit: ${error instanceof Error ? error.message : String(error)}`,
            { cause: error },
          )
    for (const caller of callers) caller.reject(told)
  }
}
