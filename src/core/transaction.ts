/** What a handler needs of the user's database: to run something in a transaction. */

/**
 * Runs a body in a transaction of its own: committed when the body has resolved, rolled back when it rejects, and settled only then. What
 * `handle(…, { transaction })` takes. Databases of Drizzle and Knex are ones as they are; `posthorn/postgres` and `posthorn/sqlite` make
 * them of others.
 */
export interface TransactionSource<Transaction> {
  transaction<T>(body: (transaction: Transaction) => Promise<T>): Promise<T>
}
