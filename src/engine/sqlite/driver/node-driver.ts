/** `node:sqlite` as the driver. */
import { DatabaseSync } from 'node:sqlite'
import type { Database, Driver, Row, Statement } from './driver.ts'

export const nodeDriver: Driver = {
  open(path): Database {
    // Whoever meets a lock waits in the fold (see transaction.ts), which knows for how long.
    const database = new DatabaseSync(path, { timeout: 0 })
    return {
      exec: (sql) => database.exec(sql),
      prepare: (sql) => prepare(database, sql),
      close: () => {
        if (database.isOpen) database.close()
      },
    }
  },
}

export function prepare(database: DatabaseSync, sql: string): Statement {
  const statement = database.prepare(sql)
  statement.setReturnArrays(true)
  // As a user's connection may have it.
  statement.setReadBigInts(false)
  return {
    run: (...values) => Number(statement.run(...values).changes),
    first: (...values) => statement.get(...values) as unknown as Row | undefined,
    all: (...values) => statement.all(...values) as unknown as readonly Row[],
  }
}
