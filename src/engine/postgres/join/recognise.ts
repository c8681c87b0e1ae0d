/** Which library a transaction belongs to, by what it can do. */
import { PosthornError } from '../../../core/error.ts'
import { inDrizzle } from '../adapter/drizzle.ts'
import { inKnex } from '../adapter/knex.ts'
import { inKysely } from '../adapter/kysely.ts'
import { inPg } from '../adapter/pg.ts'
import { inPostgres } from '../adapter/postgres.ts'
import { inPrisma } from '../adapter/prisma.ts'
import type { SqlTransaction } from '../adapter/sql-transaction.ts'

/** Libraries by the one method that no other has. `query` comes last: others have a builder of that name. */
const LIBRARIES: readonly (readonly [method: string, make: (transaction: never) => SqlTransaction])[] = [
  ['$queryRawUnsafe', inPrisma],
  ['unsafe', inPostgres],
  ['executeQuery', inKysely],
  ['raw', inKnex],
  ['execute', inDrizzle],
]

/** @throws PosthornError `invalid-option` for what is no transaction of a library that is known */
export function toSqlTransaction(given: unknown): SqlTransaction {
  if ((typeof given === 'object' && given !== null) || typeof given === 'function') {
    const has = (method: string): boolean => typeof (given as Record<string, unknown>)[method] === 'function'
    const known = LIBRARIES.find(([method]) => has(method))
    if (known !== undefined) return known[1](given as never)
    // A client of pg answers with rows beside other things, a transaction of one's own with the rows.
    if (has('query')) return fromEither(given as SqlTransaction)
  }
  throw new PosthornError(
    'invalid-option',
    `within is ${describe(given)}: it must be an open transaction of pg, postgres.js, Kysely, Drizzle, Knex or Prisma, or { query(text, value) }`,
    { details: { field: 'within' } },
  )
}

function fromEither(given: SqlTransaction): SqlTransaction {
  return 'connect' in given ? inPg(given as never) : given
}

function describe(given: unknown): string {
  return typeof given === 'object' && given !== null ? 'an object without any of their methods' : String(given)
}
