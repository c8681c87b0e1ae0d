// The libraries with which users have transactions on PostgreSQL, each as its documentation shows it.

import { drizzle } from 'drizzle-orm/node-postgres'
import knex from 'knex'
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import postgres from 'postgres'
import {
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromPg,
  fromPostgres,
  fromPrisma,
  inDrizzle,
  inKnex,
  inKysely,
  inPg,
  inPostgres,
  inPrisma,
  type SqlTransaction,
  type TransactionSource,
} from '../../src/postgres.ts'
import { prismaOf } from './prisma.ts'

export interface Library {
  readonly source: TransactionSource<object>
  /** Its named adapter. */
  readonly adapt: (transaction: object) => SqlTransaction
  /** A statement of the user's in the transaction. */
  readonly run: (transaction: object, text: string) => Promise<unknown>
  /** What is no transaction of it: the database itself. */
  readonly outside: object
  end(): Promise<unknown>
}

interface PgPool {
  connect(): Promise<PgClient>
  end(): Promise<void>
}
interface PgClient {
  query(text: string, values?: unknown[]): Promise<{ readonly rows: readonly object[]; readonly command: string }>
  release(error?: Error | boolean): void
}
const poolOf = (url: string): PgPool =>
  new (pg as { Pool: new (config: object) => PgPool }).Pool({ connectionString: url, max: 4 })

/** Of each library an object of its own type, used as such. */
function libraryOf<T extends object>(parts: {
  readonly source: TransactionSource<T>
  readonly adapt: (transaction: T) => SqlTransaction
  readonly run: (transaction: T, text: string) => PromiseLike<unknown>
  readonly outside: object
  readonly end: () => Promise<unknown>
}): Library {
  return {
    ...(parts as unknown as Library),
    run: async (transaction, text) => parts.run(transaction as T, text),
  }
}

export const LIBRARIES: Readonly<Record<string, (url: string) => Library>> = {
  'pg': (url) => {
    const pool = poolOf(url)
    return libraryOf({
      source: fromPg(pool),
      adapt: inPg,
      run: (client, text) => client.query(text),
      outside: pool,
      end: () => pool.end(),
    })
  },
  'postgres.js': (url) => {
    const sql = postgres(url, { max: 4, onnotice: () => {} })
    return libraryOf({
      source: fromPostgres(sql),
      adapt: inPostgres,
      run: (tx, text) => tx.unsafe(text),
      outside: sql,
      end: () => sql.end(),
    })
  },
  'kysely': (url) => {
    const db = new Kysely<object>({ dialect: new PostgresDialect({ pool: poolOf(url) as never }) })
    return libraryOf({
      source: fromKysely(db),
      adapt: inKysely,
      run: (trx, text) => trx.executeQuery(CompiledQuery.raw(text)),
      outside: db,
      end: () => db.destroy(),
    })
  },
  'drizzle': (url) => {
    const pool = poolOf(url)
    const db = drizzle({ client: pool as never })
    return libraryOf({
      source: fromDrizzle(db),
      adapt: inDrizzle,
      run: (tx, text) => tx.execute(text),
      outside: db,
      end: () => pool.end(),
    })
  },
  'knex': (url) => {
    const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 4 } })
    return libraryOf({
      source: fromKnex(db),
      adapt: inKnex,
      run: (trx, text) => trx.raw(text),
      outside: db,
      end: () => db.destroy(),
    })
  },
  'prisma': (url) => {
    const prisma = prismaOf(url)
    return libraryOf({
      source: fromPrisma(prisma, { timeout: 20_000 }),
      adapt: inPrisma,
      run: (tx, text) => tx.$executeRawUnsafe(text),
      outside: prisma,
      end: () => prisma.$disconnect(),
    })
  },
}
