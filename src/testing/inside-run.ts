/**
 * Knows which waits are a handler's own, for a handler that waits for another operation must not wait for the end of the drain that
 * it is itself part of. Where every run waits and nothing else happens, no wait will ever end: that is told instead of hanging.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Binding } from '../delivery/binding.ts'

/** Turns of the event loop without a run's begin or end, after which nothing more is expected. */
const STILL_TURNS = 50

export class InsideRun {
  readonly #storage = new AsyncLocalStorage<true>()
  #begun = 0
  #under = 0
  #waiting = 0

  /** Whether the caller is a handler. */
  get here(): boolean {
    return this.#storage.getStore() !== undefined
  }

  follow(binding: Binding): Binding {
    return { ...binding, run: (run) => this.#storage.run(true, () => this.#run(() => binding.run(run))) }
  }

  /** Waits until something may have happened; false where nothing will. */
  async pause(): Promise<boolean> {
    const begun = this.#begun
    this.#waiting++
    try {
      for (let turns = 0; turns < STILL_TURNS; turns++) {
        await nextTurn()
        if (this.#begun !== begun || this.#waiting < this.#under) return true
      }
      return false
    } finally {
      this.#waiting--
    }
  }

  async #run(handler: () => unknown): Promise<unknown> {
    this.#begun++
    this.#under++
    try {
      return await handler()
    } finally {
      this.#under--
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
