/**
 * Brings a schema to the version that this engine knows: numbered steps, forward only, one process at a time. A schema of a newer version is
 * refused: an older engine would not keep what it does not know of.
 */
import { PosthornError } from '../../../core/error.ts'
import type { Connection } from '../connection/driver.ts'
import { quoteName, readMigrations, type Statements } from '../sql/statement.ts'

/** Steps that are missing, as SQL. */
export async function pendingMigrations(connection: Connection, statements: Statements): Promise<readonly string[]> {
  const version = await versionOf(connection, statements)
  const steps = readMigrations()
  if (version > steps.length)
    throw new PosthornError(
      'newer-format',
      `schema '${statements.schema}' has version ${version}, and this Posthorn knows ${steps.length}: use a Posthorn that is at least as new as the one that wrote it`,
      { details: { schema: statements.schema, version, known: steps.length } },
    )
  const noted = (number: number): string => `insert into {schema}.migration (number) values (${number})`
  const base = version > 0 ? [] : [(await isThere(connection, SCHEMA, statements.schema)) ? NUMBERS : MAKE + NUMBERS]
  return [...base, ...steps.slice(version).map(({ number, text }) => `${text.trimEnd()}\n${noted(number)};\n`)].map(
    (text) => statements.fill(text),
  )
}

/** A role without the right to make one is refused even where the schema is there. */
const MAKE = 'create schema if not exists {schema};\n'
const NUMBERS = `create table if not exists {schema}.migration (number int primary key, at timestamptz not null default now());
`

export async function migrate(connection: Connection, statements: Statements, lockKey: number): Promise<void> {
  if ((await pendingMigrations(connection, statements)).length === 0) return
  await connection.query({
    name: null,
    text: `begin; set local statement_timeout = 0; set local lock_timeout = 0; select pg_advisory_xact_lock(${lockKey}, 1)`,
  })
  try {
    // Another process may have been faster.
    for (const text of await pendingMigrations(connection, statements)) await connection.query({ name: null, text })
    await connection.query({ name: null, text: 'commit' })
  } catch (error) {
    await connection.query({ name: null, text: 'rollback' }).catch(() => {})
    throw error
  }
}

const SCHEMA = 'select from pg_catalog.pg_namespace where nspname = $1'
const TABLE = "select from pg_catalog.pg_tables where schemaname = $1 and tablename = 'migration'"

async function isThere(connection: Connection, what: string, schema: string): Promise<boolean> {
  const { rows } = await connection.query({ name: null, text: `select exists (${what}) as is_there` }, [schema])
  return rows[0]?.is_there === true
}

async function versionOf(connection: Connection, statements: Statements): Promise<number> {
  const table = `${quoteName(statements.schema)}.migration`
  // Not to_regclass: it may answer from before another process's schema was there.
  if (!(await isThere(connection, TABLE, statements.schema))) return 0
  const found = await connection.query(
    { name: null, text: `select coalesce(max(number), 0) as version from ${table}` },
    [],
  )
  return found.rows[0]!.version as number
}
