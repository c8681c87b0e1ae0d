/** `pg`: a client between BEGIN and COMMIT. */
import type { TransactionSource } from '../../../core/transaction.ts'
import type { SqlTransaction } from './sql-transaction.ts'

export interface PgTransaction {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>
}

export interface PgClient {
  query(text: string): Promise<{ readonly command?: string }>
  release(error?: Error | boolean): void
}

export interface PgPool<Client> {
  connect(): Promise<Client>
}

export function inPg(client: PgTransaction): SqlTransaction {
  return { query: async (text, value) => (await client.query(text, [value])).rows }
}

/** Transactions on clients of a `pg` pool. */
export function fromPg<Client extends PgClient>(pool: PgPool<Client>): TransactionSource<Client> {
  return {
    async transaction(body) {
      const client = await pool.connect()
      let failure: Error | undefined
      try {
        await client.query('begin')
        const value = await body(client)
        // A transaction that has failed answers COMMIT with a rollback, and without an error.
        if ((await client.query('commit')).command === 'ROLLBACK')
          throw new Error('a statement of the transaction had failed, so it was rolled back')
        return value
      } catch (error) {
        await client.query('rollback').catch((lost: Error) => (failure = lost))
        throw error
      } finally {
        client.release(failure)
      }
    },
  }
}
