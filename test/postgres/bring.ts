// Brings a test's schema to steps of the test's choice, as a program that has them would.

import { loadPg, type Driver } from '../../src/engine/postgres/connection/driver.ts'
import { migrate } from '../../src/engine/postgres/migration/migrate.ts'
import { hashOf } from '../../src/engine/postgres/hash.ts'
import { readMigrations, Statements, type Migration } from '../../src/engine/postgres/sql/statement.ts'
import type { World } from './world.ts'

export async function bring(world: World, steps: readonly Migration[], driver?: Driver): Promise<void> {
  const connection = await (driver ?? (await loadPg(world.url))).connect()
  try {
    await migrate(connection, new Statements(world.schema, false), hashOf(`posthorn ${world.schema}`), steps)
  } finally {
    await connection.end()
  }
}

/** All steps that there are, and one more. */
export function withStep(text: string, era: number | null): readonly Migration[] {
  const steps = readMigrations()
  return [...steps, { number: steps.length + 1, text, era }]
}
