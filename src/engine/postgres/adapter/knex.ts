/** Knex: the `trx` that `knex.transaction` gives its body. */
import type { TransactionSource } from '../../../core/transaction.ts'
import type { SqlTransaction } from './sql-transaction.ts'

export interface KnexTransaction {
  raw(text: string, bindings: readonly string[]): PromiseLike<unknown>
}

export interface KnexDatabase<Transaction> {
  transaction<T>(body: (trx: Transaction) => Promise<T>): Promise<T>
}

export function inKnex(trx: KnexTransaction): SqlTransaction {
  return {
    async query(text, value) {
      // Its placeholders are question marks.
      const answer = await trx.raw(text.replace('$1', '?'), [value])
      return (answer as { readonly rows: readonly unknown[] }).rows
    },
  }
}

/** Transactions of a Knex database. The database itself is one as well. */
export function fromKnex<Transaction>(knex: KnexDatabase<Transaction>): TransactionSource<Transaction> {
  return { transaction: (body) => knex.transaction(body) }
}
