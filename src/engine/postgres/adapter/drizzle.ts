/** Drizzle: the `tx` that `db.transaction` gives its body, over whatever driver. */
import type { TransactionSource } from '../../../core/transaction.ts'
import type { SqlTransaction } from './sql-transaction.ts'

export interface DrizzleTransaction {
  execute(query: string): PromiseLike<unknown>
}

export interface DrizzleDatabase<Transaction> {
  transaction<T>(body: (tx: Transaction) => Promise<T>): Promise<T>
}

export function inDrizzle(tx: DrizzleTransaction): SqlTransaction {
  return {
    async query(text, value) {
      // Its parameters need its own `sql`, which this package does not import: the text is one literal instead.
      const answer = await tx.execute(text.replace('$1', () => literal(value)))
      return Array.isArray(answer) ? (answer as readonly unknown[]) : (answer as { readonly rows: unknown[] }).rows
    },
  }
}

/** Transactions of a Drizzle database. The database itself is one as well. */
export function fromDrizzle<Transaction>(db: DrizzleDatabase<Transaction>): TransactionSource<Transaction> {
  return { transaction: (body) => db.transaction(body) }
}

/** The same whatever `standard_conforming_strings` says. */
const literal = (value: string): string => `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
