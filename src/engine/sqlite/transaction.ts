/** Transactions of one connection: how far the next one reaches, and waiting for the lock that another process has. */
import type { Database } from './driver/driver.ts'
import { isBusy } from './fault.ts'

/** How long a lock is waited for before a call fails. */
const PATIENCE_MS = 10_000
/**
 * Where others write back to back the lock is free for moments only, and is had by who looks often. Who waits long waits for one long transaction, for
 * which a look now and then is enough.
 */
const SHORTEST_NAP_MS = 0.05
const LONGEST_NAP_MS = 2
const NAP_OF_WAITED = 0.01

/** full: durable when it returns · normal: survives the process, and is durable with the next full one. */
export type Level = 'full' | 'normal'

export class Transactions {
  readonly #database: Database
  readonly #monotonicMs: () => number
  readonly #nap: (ms: number) => void
  #level: Level | null = null
  #isOpen = false

  constructor(database: Database, monotonicMs: () => number, nap: (ms: number) => void = napper()) {
    this.#database = database
    this.#monotonicMs = monotonicMs
    this.#nap = nap
  }

  /** May write from its first statement on. */
  beginWriting(level: Level): void {
    if (this.#level !== level) {
      this.#database.exec(`pragma synchronous = ${level}`)
      this.#level = level
    }
    this.patiently(() => this.#database.exec('begin immediate'))
    this.#isOpen = true
  }

  beginReading(): void {
    this.#database.exec('begin')
    this.#isOpen = true
  }

  commit(): void {
    this.patiently(() => this.#database.exec('commit'))
    this.#isOpen = false
  }

  rollback(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    try {
      this.#database.exec('rollback')
    } catch {
      // SQLite has rolled back already: it does so itself where the disk is full or fails.
    }
  }

  /** SQLite's own waiting naps for milliseconds at once; folds are shorter than that. */
  patiently<T>(act: () => T): T {
    const since = this.#monotonicMs()
    for (;;) {
      try {
        return act()
      } catch (error) {
        const waitedMs = this.#monotonicMs() - since
        if (!isBusy(error) || waitedMs > PATIENCE_MS) throw error
        this.#nap(Math.min(SHORTEST_NAP_MS + waitedMs * NAP_OF_WAITED, LONGEST_NAP_MS))
      }
    }
  }
}

function napper(): (ms: number) => void {
  const never = new Int32Array(new SharedArrayBuffer(4))
  return (ms) => void Atomics.wait(never, 0, 0, ms)
}
