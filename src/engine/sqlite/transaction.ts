/** Transactions of one connection: how far the next one reaches, and waiting for the lock that another process has. */
import type { Database } from './driver/driver.ts'
import { isBusy } from './fault.ts'

/** How long a lock is waited for before a call fails. */
const PATIENCE_MS = 10_000
const LONGEST_NAP_MS = 2

/** full: durable when it returns · normal: survives the process, and is durable with the next full one. */
export type Level = 'full' | 'normal'

export class Transactions {
  readonly #database: Database
  readonly #monotonicMs: () => number
  readonly #nap = new Int32Array(new SharedArrayBuffer(4))
  #level: Level | null = null
  #isOpen = false

  constructor(database: Database, monotonicMs: () => number) {
    this.#database = database
    this.#monotonicMs = monotonicMs
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
    const until = this.#monotonicMs() + PATIENCE_MS
    for (let napMs = 0.05; ; napMs = Math.min(napMs * 2, LONGEST_NAP_MS)) {
      try {
        return act()
      } catch (error) {
        if (!isBusy(error) || this.#monotonicMs() > until) throw error
      }
      Atomics.wait(this.#nap, 0, 0, napMs)
    }
  }
}
