/** Kysely: the `trx` that `db.transaction().execute` gives its body. */
import type { TransactionSource } from '../../../core/transaction.ts'
import type { SqlTransaction } from './sql-transaction.ts'

export interface KyselyTransaction {
  executeQuery(query: never): Promise<{ readonly rows: readonly unknown[] }>
}

export interface KyselyDatabase<Transaction> {
  transaction(): { execute<T>(body: (trx: Transaction) => Promise<T>): Promise<T> }
}

export function inKysely(trx: KyselyTransaction): SqlTransaction {
  return {
    async query(text, value) {
      // What `CompiledQuery.raw(text, [value])` makes.
      const query = {
        sql: text,
        parameters: [value],
        query: { kind: 'RawNode', sqlFragments: [text], parameters: [] },
        queryId: { queryId: 'posthorn' },
      }
      return (await trx.executeQuery(query as never)).rows
    },
  }
}

/** Transactions of a Kysely database. */
export function fromKysely<Transaction>(db: KyselyDatabase<Transaction>): TransactionSource<Transaction> {
  return { transaction: (body) => db.transaction().execute(body) }
}
