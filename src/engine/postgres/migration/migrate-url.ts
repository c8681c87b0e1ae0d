/** A migration without an engine: one connection, and only as long as it takes. */
import type { Clock } from '../../../core/clock.ts'
import { loadPg, type Connection } from '../connection/driver.ts'
import { hashOf } from '../hash.ts'
import { migrate, migrationScript, pendingMigrations, refuseNewEra } from './migrate.ts'
import { DEFAULT_SCHEMA } from '../open.ts'
import { Pool } from '../connection/pool.ts'
import { Statements } from '../sql/statement.ts'
import { readUrl } from '../url.ts'

export interface MigrationReport {
  readonly schema: string
  /** The steps that were missing, as SQL. */
  readonly steps: readonly string[]
  /** They as they would be run, to be given to psql: each a transaction. Empty where none is missing. */
  readonly script: string
}

/** Who deploys waits for a database that is just starting, not for one that is not there. */
const OUTAGE_MS = 5_000

/** @throws PosthornError `invalid` where an engine opened there would stop older processes */
export async function refuseNewEraAt(text: string, clock: Clock): Promise<void> {
  await withSchema(text, clock, (connection, statements) => refuseNewEra(connection, statements))
}

export function migrateUrl(text: string, isDryRun: boolean, clock: Clock): Promise<MigrationReport> {
  return withSchema(text, clock, async (connection, statements) => {
    const { schema } = statements
    const steps = await pendingMigrations(connection, statements)
    const lockKey = hashOf(`posthorn ${schema}`)
    const script = await migrationScript(connection, statements, lockKey)
    if (!isDryRun) await migrate(connection, statements, lockKey)
    return { schema, steps, script }
  })
}

async function withSchema<T>(
  text: string,
  clock: Clock,
  use: (connection: Connection, statements: Statements) => Promise<T>,
): Promise<T> {
  const { url, schema = DEFAULT_SCHEMA } = readUrl(text)
  const pool = new Pool({ driver: await loadPg(url), clock, pulse: null, size: 1, outageMs: OUTAGE_MS })
  const statements = new Statements(schema, false)
  try {
    return await pool.with((connection) => use(connection, statements))
  } finally {
    await pool.close()
  }
}
