/**
 * Gathers the commits of one turn of the event loop into one call of the engine. Callers who were answered together send again
 * together, so what a call costs the engine is paid once for all of them; nobody is kept waiting for it.
 */
import { bytesOfBodies, MOST_CALL_BYTES } from '../core/commit-size.ts'
import type { Commit, CommitResult, Engine } from '../core/engine.ts'

/** Commits in one call, at most: what an engine does in one piece, answers together, and may make durable while it decides the next. */
const MOST = 50
/**
 * So many changes fill a call as well. Callers that each commit hundreds at once would else be answered together, and make the next ready
 * together while the engine has nothing to do.
 */
const MOST_CHANGES = 500

export class Gatherer {
  readonly #engine: Pick<Engine, 'commit'>
  #commits: Commit[] = []
  #bytes = 0
  #changes = 0
  #results: Promise<readonly CommitResult[]> = Promise.resolve([])

  constructor(engine: Pick<Engine, 'commit'>) {
    this.#engine = engine
  }

  /** Where among the `results` that of this commit will be. */
  add(commit: Commit): number {
    const at = this.#commits.push(commit) - 1
    if (at === 0) {
      this.#bytes = 0
      this.#changes = 0
      this.#results = this.#give(this.#commits)
    }
    this.#bytes += bytesOfBodies(commit)
    this.#changes += commit.changes.length
    if (at === MOST - 1 || this.#bytes >= MOST_CALL_BYTES || this.#changes >= MOST_CHANGES) this.#commits = []
    return at
  }

  /** Of the call that has the commit added last. Rejects as the engine's `commit`. */
  get results(): Promise<readonly CommitResult[]> {
    return this.#results
  }

  async #give(commits: readonly Commit[]): Promise<readonly CommitResult[]> {
    // Whoever was woken with the caller adds his first.
    await Promise.resolve()
    if (this.#commits === commits) this.#commits = []
    return this.#engine.commit(commits)
  }
}
