/**
 * Content that several hold: deliveries of one event, and the topic that keeps it. It is stored once, under a number of its own, and goes when the last
 * of them has let go of it. How many came and went is written by `flush`.
 */
import type { Statements } from '../driver/statements.ts'
import { DELETE_CONTENT, INSERT_CONTENT } from './message.ts'

export const SHARED_CONTENT = 'select content from content where seq = ?'
export const ADD_HOLDERS =
  'insert into shared (n, holders) values (?, ?) on conflict (n) do update set holders = holders + excluded.holders returning holders'
export const DELETE_SHARED = 'delete from shared where n = ?'

export class Shared {
  readonly #statements: Statements
  /** By number: how many more hold it than is written. */
  readonly #more = new Map<number, number>()

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /** Nobody holds it yet. */
  store(n: number, bytes: Uint8Array): void {
    this.#statements.of(INSERT_CONTENT).run(n, bytes)
    this.#more.set(n, 0)
  }

  read(n: number): Uint8Array {
    return this.#statements.of(SHARED_CONTENT).first(n)![0] as Uint8Array
  }

  hold(n: number): void {
    this.#more.set(n, (this.#more.get(n) ?? 0) + 1)
  }

  release(n: number): void {
    this.#more.set(n, (this.#more.get(n) ?? 0) - 1)
  }

  flush(): void {
    if (this.#more.size === 0) return
    for (const [n, more] of this.#more) {
      const [holders] = this.#statements.of(ADD_HOLDERS).first(n, more)!
      if (holders !== 0) continue
      this.#statements.of(DELETE_SHARED).run(n)
      this.#statements.of(DELETE_CONTENT).run(n)
    }
    this.#more.clear()
  }

  /** Forgets all: nothing of this fold holds. */
  clear(): void {
    this.#more.clear()
  }
}
