/** A migration without an engine: one connection, and only as long as it takes. */
import type { Clock } from '../../../core/clock.ts'
import { loadPg } from '../connection/driver.ts'
import { migrate, pendingMigrations } from './migrate.ts'
import { DEFAULT_SCHEMA, hashOf } from '../open.ts'
import { Pool } from '../connection/pool.ts'
import { Statements } from '../sql/statement.ts'
import { readUrl } from '../url.ts'

export interface MigrationReport {
  readonly schema: string
  /** The steps that were missing, as SQL. */
  readonly steps: readonly string[]
}

/** Who deploys waits for a database that is just starting, not for one that is not there. */
const OUTAGE_MS = 5_000

export async function migrateUrl(text: string, isDryRun: boolean, clock: Clock): Promise<MigrationReport> {
  const { url, schema = DEFAULT_SCHEMA } = readUrl(text)
  const pool = new Pool({ driver: await loadPg(url), clock, pulse: null, size: 1, outageMs: OUTAGE_MS })
  const statements = new Statements(schema, false)
  try {
    return await pool.with(async (connection) => {
      const steps = await pendingMigrations(connection, statements)
      if (!isDryRun) await migrate(connection, statements, hashOf(`posthorn ${schema}`))
      return { schema, steps }
    })
  } finally {
    await pool.close()
  }
}
