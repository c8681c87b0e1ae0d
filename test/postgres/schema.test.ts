import { deepEqual } from 'node:assert/strict'
import { dropStaleSchemas, newSchema } from './schema.ts'
import { onPostgres } from './world.ts'

onPostgres('what a killed run has left is dropped by a later one; what may be in use stays', async (world) => {
  const now = Date.now()
  const hour = 60 * 60 * 1_000
  const [old, recent, other] = [
    newSchema('test', now - 3 * hour),
    newSchema('test', now - hour),
    `mine_${newSchema('test', now - 3 * hour)}`,
  ]
  const names = [old, recent, other]
  const there = async () =>
    (await world.ask('select nspname from pg_namespace where nspname = any($1) order by nspname', [names])).map(
      ({ nspname }) => nspname,
    )
  try {
    for (const name of names) await world.ask(`create schema ${name}`)
    await world.ask(`create table ${old}.t (n int)`)
    await dropStaleSchemas()
    deepEqual(await there(), [other, recent].toSorted())
  } finally {
    for (const name of names) await world.ask(`drop schema if exists ${name} cascade`)
  }
})
