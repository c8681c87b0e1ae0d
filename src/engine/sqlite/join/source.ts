/** Transactions of a `DatabaseSync` for handlers: one at a time, none of which makes the event loop stand still while it waits for its turn. */
import type { DatabaseSync } from 'node:sqlite'
import { keepProcessAlive, pause, systemClock } from '../../../core/clock.ts'
import { PosthornError } from '../../../core/error.ts'
import type { TransactionSource } from '../../../core/transaction.ts'
import { isBusy } from '../fault.ts'

/** How long the lock is waited for, as the engine waits for it. */
const PATIENCE_MS = 10_000
const FIRST_NAP_MS = 0.5
const LONGEST_NAP_MS = 20

/** The last transaction of each connection: all sources of it take turns, each handler may have its own. */
const turns = new WeakMap<DatabaseSync, Promise<unknown>>()

/**
 * Transactions of a connection to the engine's own file. While one is open nobody else writes to the file, the engine included: await what
 * takes long before the handler begins, or in a handler without a transaction.
 * @param database a connection that nothing else is done with: what is, would be part of whatever transaction is open
 */
export function fromSqlite(database: DatabaseSync): TransactionSource<DatabaseSync> {
  return {
    transaction(body) {
      const before = turns.get(database) ?? Promise.resolve()
      const own = before.then(() => run(database, body))
      turns.set(
        database,
        own.catch(() => {}),
      )
      return own
    },
  }
}

async function run<T>(database: DatabaseSync, body: (database: DatabaseSync) => Promise<T>): Promise<T> {
  await begin(database)
  try {
    const value = await body(database)
    database.exec('commit')
    return value
  } catch (error) {
    if (database.isOpen && database.isTransaction) database.exec('rollback')
    throw error
  }
}

async function begin(database: DatabaseSync): Promise<void> {
  using _alive = keepProcessAlive()
  const until = systemClock.monotonicMs() + PATIENCE_MS
  for (let napMs = FIRST_NAP_MS; ; napMs = Math.min(napMs * 2, LONGEST_NAP_MS)) {
    try {
      return beginAtOnce(database)
    } catch (error) {
      if (!isBusy(error)) throw error
      if (systemClock.monotonicMs() > until)
        throw new PosthornError(
          'transaction-failed',
          `another connection has kept the database file for ${PATIENCE_MS} ms`,
          { cause: error },
        )
    }
    await pause(systemClock, napMs)
  }
}

/** SQLite's own waiting would keep whoever has the lock in this thread from ever giving it back. */
function beginAtOnce(database: DatabaseSync): void {
  const { timeout } = database.prepare('pragma busy_timeout').get() as { readonly timeout: number }
  database.exec('pragma busy_timeout = 0')
  try {
    database.exec('begin immediate')
  } finally {
    database.exec(`pragma busy_timeout = ${timeout}`)
  }
}
