/** Prisma: the `tx` that an interactive `$transaction` gives its body. */
import type { TransactionSource } from '../../../core/transaction.ts'
import type { SqlTransaction } from './sql-transaction.ts'

export interface PrismaTransaction {
  $queryRawUnsafe(text: string, ...values: string[]): PromiseLike<unknown>
}

export interface PrismaDatabase<Transaction, Options> {
  $transaction<T>(body: (tx: Transaction) => Promise<T>, options?: Options): Promise<T>
}

export function inPrisma(tx: PrismaTransaction): SqlTransaction {
  return { query: async (text, value) => (await tx.$queryRawUnsafe(text, value)) as readonly unknown[] }
}

/**
 * Interactive transactions of a Prisma client.
 * @param options Prisma's own: its transactions end after 5 s unless `timeout` says otherwise
 */
export function fromPrisma<Transaction, Options = { timeout?: number; maxWait?: number }>(
  prisma: PrismaDatabase<Transaction, Options>,
  options?: Options,
): TransactionSource<Transaction> {
  return { transaction: (body) => prisma.$transaction(body, options) }
}
