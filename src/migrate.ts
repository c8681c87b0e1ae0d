/** Brings the schema of a database to the version of this Posthorn, ahead of the processes that would do so when they open it. */
import { systemClock } from './core/clock.ts'
import { PosthornError } from './core/error.ts'
import { migrateUrl, refuseNewEraAt, type MigrationReport } from './engine/postgres/migration/migrate-url.ts'

export type { MigrationReport } from './engine/postgres/migration/migrate-url.ts'

/**
 * @param url `postgres://…` @param isDryRun changes nothing
 * @throws PosthornError `unsupported` for an engine that needs no migration, `newer-format`, `invalid-option`, `unknown` where nobody answers
 */
export async function migrate(url: string, isDryRun: boolean): Promise<MigrationReport> {
  if (!/^postgres(ql)?:/.test(url))
    throw new PosthornError(
      'unsupported',
      `only a schema in PostgreSQL is migrated ('postgres://HOST/DATABASE'): other engines see to it when they are opened`,
      { details: { field: 'engine' } },
    )
  return migrateUrl(url, isDryRun, systemClock)
}

/**
 * For a command that only looks or brings something: it may not stop the processes that use the schema.
 * @throws PosthornError `invalid` where an engine opened there would
 */
export async function refuseNewEra(url: string): Promise<void> {
  if (/^postgres(ql)?:/.test(url)) await refuseNewEraAt(url, systemClock)
}
