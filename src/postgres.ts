/**
 * `posthorn/postgres`: your own transactions on the database of a `postgres://…` engine. `{ within: tx }` takes the transactions of the
 * libraries named here as they are; `handle(…, { transaction })` takes what `from…` gives. Imports none of the libraries.
 */
export type { TransactionSource } from './core/transaction.ts'
export {
  fromDrizzle,
  inDrizzle,
  type DrizzleDatabase,
  type DrizzleTransaction,
} from './engine/postgres/adapter/drizzle.ts'
export { fromKnex, inKnex, type KnexDatabase, type KnexTransaction } from './engine/postgres/adapter/knex.ts'
export { fromKysely, inKysely, type KyselyDatabase, type KyselyTransaction } from './engine/postgres/adapter/kysely.ts'
export { fromPg, inPg, type PgClient, type PgPool, type PgTransaction } from './engine/postgres/adapter/pg.ts'
export {
  fromPostgres,
  inPostgres,
  type PostgresSql,
  type PostgresTransaction,
} from './engine/postgres/adapter/postgres.ts'
export { fromPrisma, inPrisma, type PrismaDatabase, type PrismaTransaction } from './engine/postgres/adapter/prisma.ts'
export type { SqlTransaction } from './engine/postgres/adapter/sql-transaction.ts'
