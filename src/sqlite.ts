/**
 * `posthorn/sqlite`: your own transactions in the file of a `sqlite:FILE` engine. `{ within: database }` takes a `DatabaseSync` of
 * `node:sqlite` between BEGIN and COMMIT; `handle(…, { transaction })` takes what `fromSqlite` gives.
 */
export type { TransactionSource } from './core/transaction.ts'
export { fromSqlite } from './engine/sqlite/join/source.ts'
