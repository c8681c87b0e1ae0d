/** Statements of one database, each prepared when it is first asked for and kept. */
import type { Database, Statement } from './driver.ts'

export class Statements {
  readonly database: Database
  readonly #prepared = new Map<string, Statement>()

  constructor(database: Database) {
    this.database = database
  }

  of(sql: string): Statement {
    let statement = this.#prepared.get(sql)
    if (statement === undefined) this.#prepared.set(sql, (statement = this.database.prepare(sql)))
    return statement
  }
}
