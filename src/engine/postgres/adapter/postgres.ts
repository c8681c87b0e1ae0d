/** `postgres` (postgres.js): the `sql` that `sql.begin` gives its body. */
import type { TransactionSource } from '../../../core/transaction.ts'
import type { SqlTransaction } from './sql-transaction.ts'

export interface PostgresTransaction {
  unsafe(text: string, values: string[]): PromiseLike<readonly unknown[]>
}

/** postgres.js's `sql`, of which `begin` is told in two ways. */
export interface PostgresSql<Transaction> {
  begin: {
    (body: (sql: Transaction) => unknown): Promise<unknown>
    (options: string, body: (sql: Transaction) => unknown): Promise<unknown>
  }
}

export function inPostgres(sql: PostgresTransaction): SqlTransaction {
  return { query: async (text, value) => sql.unsafe(text, [value]) }
}

/** Transactions of a postgres.js `sql`. */
export function fromPostgres<Transaction>(sql: PostgresSql<Transaction>): TransactionSource<Transaction> {
  return {
    transaction: async <T>(body: (transaction: Transaction) => Promise<T>) => (await sql.begin(body)) as T,
  }
}
