/**
 * What happens to messages, for those who follow it, in this process or another: rows of a table, in the transaction in which it happens. While nobody
 * follows there are none.
 */
import type { Happening } from '../../../core/engine.ts'
import type { Statements } from '../driver/statements.ts'

const INSERT = 'insert into trail (happening) values (?)'
const LAST = 'select max(n) from trail'
const AFTER = 'select n, happening from trail where n > ? order by n limit ?'
const DELETE = 'delete from trail where n <= ?'
const ANY_FOLLOWS = 'select 1 from owner where follows = 1 limit 1'
const SET_FOLLOWS = 'update owner set follows = ? where id = ?'

/** Who is further behind has missed something. */
const KEPT = 20_000
const PRUNED_EVERY = 256

export class Trail {
  readonly #statements: Statements
  /** Somebody follows. */
  isOn = false
  /** The last that was told here; null: nobody here follows. */
  #told: number | null = null
  /** Where what is under way is committed. */
  #taken: number | null = null

  constructor(statements: Statements) {
    this.#statements = statements
  }

  /** Another process has written, or may have: whether somebody follows. */
  refresh(): void {
    this.isOn = this.#statements.of(ANY_FOLLOWS).first() !== undefined
  }

  /** Whether this opening follows, from now on. */
  follow(owner: number, follows: boolean): void {
    this.#statements.of(SET_FOLLOWS).run(follows ? 1 : 0, owner)
    this.#told = follows ? this.#last() : null
    this.refresh()
    if (!this.isOn) this.#statements.of(DELETE).run(Number.MAX_SAFE_INTEGER)
  }

  write(happening: Happening): void {
    this.#statements.of(INSERT).run(JSON.stringify(happening))
    const last = this.#last()
    if (last % PRUNED_EVERY === 0) this.#statements.of(DELETE).run(last - KEPT)
  }

  /** What is to be told here, as JSON: it is not before what is under way is committed. */
  take(): readonly string[] {
    this.#taken = this.#told
    if (this.#told === null) return []
    const rows = this.#statements.of(AFTER).all(this.#told, KEPT)
    if (rows.length > 0) this.#taken = rows.at(-1)![0] as number
    return rows.map(([, happening]) => happening as string)
  }

  committed(): void {
    this.#told = this.#taken
  }

  #last(): number {
    return (this.#statements.of(LAST).first()![0] as number | null) ?? 0
  }
}
