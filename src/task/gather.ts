/**
 * Gathers the commits of one turn of the event loop into one call of the engine. Callers who were answered together send again
 * together, so what a call costs the engine is paid once for all of them; nobody is kept waiting for it.
 */
import type { Commit, CommitResult, Engine } from '../core/engine.ts'

/** Commits in one call, at most: what an engine does in one piece, and loses with one lost answer. */
const MOST = 1_000

export class Gatherer {
  readonly #engine: Pick<Engine, 'commit'>
  #commits: Commit[] = []
  #results: Promise<readonly CommitResult[]> = Promise.resolve([])

  constructor(engine: Pick<Engine, 'commit'>) {
    this.#engine = engine
  }

  /** Where among the `results` that of this commit will be. */
  add(commit: Commit): number {
    const at = this.#commits.push(commit) - 1
    if (at === 0) this.#results = this.#give(this.#commits)
    else if (at === MOST - 1) this.#commits = []
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
