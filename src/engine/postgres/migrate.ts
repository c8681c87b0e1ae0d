/**
 * Brings a schema to the version that this engine knows: numbered steps, forward only, one process at a time. A schema of a newer version is
 * refused: an older engine would not keep what it does not know of.
 */
import { PosthornError } from '../../core/error.ts'
import type { Connection } from './driver.ts'
import { quoteName, readMigrations, type Statements } from './statement.ts'

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
  const base = version > 0 ? [] : [BASE]
  return [...base, ...steps.slice(version).map(({ number, text }) => `${text.trimEnd()}\n${noted(number)};\n`)].map(
    (text) => statements.fill(text),
  )
}

const BASE = `create schema if not exists {schema};
create table if not exists {schema}.migration (number int primary key, at timestamptz not null default now());
`

export async function migrate(connection: Connection, statements: Statements, lockKey: number): Promise<void> {
  if ((await pendingMigrations(connection, statements)).length === 0) return
  await connection.query({ name: null, text: `begin; select pg_advisory_xact_lock(${lockKey}, 1)` })
  try {
    // Another process may have been faster.
    for (const text of await pendingMigrations(connection, statements)) await connection.query({ name: null, text })
    await connection.query({ name: null, text: 'commit' })
  } catch (error) {
    await connection.query({ name: null, text: 'rollback' }).catch(() => {})
    throw error
  }
}

const TABLE = "select from pg_catalog.pg_tables where schemaname = $1 and tablename = 'migration'"

async function versionOf(connection: Connection, statements: Statements): Promise<number> {
  const table = `${quoteName(statements.schema)}.migration`
  // Not to_regclass: it may answer from before another process's schema was there.
  const { rows } = await connection.query({ name: null, text: `select exists (${TABLE}) as is_there` }, [
    statements.schema,
  ])
  if (rows[0]?.is_there !== true) return 0
  const found = await connection.query(
    { name: null, text: `select coalesce(max(number), 0) as version from ${table}` },
    [],
  )
  return found.rows[0]!.version as number
}
