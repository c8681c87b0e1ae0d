// `posthorn migrate`: shows the SQL that is missing, runs it, and has nothing to do afterwards; a schema of a newer version is refused.

import { deepEqual, equal, match, rejects } from 'node:assert/strict'
import { run } from '../cli/command.ts'
import { copy } from '../../src/copy.ts'
import { isPosthornError } from '../../src/core/error.ts'
import { readMigrations } from '../../src/engine/postgres/sql/statement.ts'
import { bring } from './bring.ts'
import { commit, message, onPostgres } from './world.ts'

onPostgres('migrate shows what is missing, and does it, and then there is nothing', async (world) => {
  const at = ['--engine', `${world.url}?schema=${world.schema}`]
  const tables = `select from pg_tables where schemaname = '${world.schema}'`
  const shown = await run(['migrate', '--dry-run', ...at])
  equal(shown.code, 0, shown.err)
  deepEqual(await world.ask(tables), [], 'nothing was done')
  // What it prints is all that is needed.
  await world.ask(shown.out)
  equal((await run(['migrate', ...at])).out, `schema '${world.schema}' is up to date\n`)
  await world.ask(`drop schema ${world.schema} cascade`)
  const many = await Promise.all(Array.from({ length: 3 }, () => run(['migrate', '--json', ...at])))
  for (const { code, err } of many) equal(code, 0, err)
  const engine = await world.open()
  equal((await commit(engine, { do: 'send', queue: 'a', message: message() })).status, 'committed')
  const after = await run(['migrate', '--dry-run', '--json', ...at])
  deepEqual(JSON.parse(after.out), { schema: world.schema, steps: [], isDryRun: true })
})

onPostgres('migrate refuses a newer schema, and engines that have none', async (world) => {
  await world.open()
  await world.ask('insert into {schema}.migration (number) values (1000)')
  await world.ask('alter table {schema}.queue rename column era_1 to era_7')
  const newer = await run(['migrate', '--dry-run', '--engine', `${world.url}?schema=${world.schema}`])
  equal(newer.code === 0, false)
  match(newer.err, /is newer than this program: it is of era 7 \(version 1000\)/)
  const other = await run(['migrate', '--engine', 'memory:'])
  equal(other.code === 0, false)
  match(other.err, /only a schema in PostgreSQL is migrated/)
})

onPostgres('no command but migrate, serve and work stops processes of an older era', async (world) => {
  await bring(world, readMigrations().slice(0, 7))
  const url = `${world.url}?schema=${world.schema}`
  const refused = await run(['queues', '--engine', url])
  equal(refused.code === 0, false)
  match(refused.err, /would begin era 1 and stop all processes of older versions.*posthorn migrate/s)
  await rejects(copy(url, 'memory:'), (error) => isPosthornError(error) && error.message.includes('begin era 1'))
  deepEqual(await world.ask('select max(number) as number from {schema}.migration'), [{ number: 7 }])
  const done = await run(['migrate', '--engine', url])
  equal(done.code, 0, done.err)
  const after = await run(['queues', '--engine', url])
  equal(after.code, 0, after.err)
})

onPostgres('what --dry-run prints is run in the order of the steps or not at all', async (world) => {
  await bring(world, readMigrations().slice(0, 7))
  const at = ['--engine', `${world.url}?schema=${world.schema}`]
  const { out } = await run(['migrate', '--dry-run', ...at])
  const transactions = out.split(/(?<=commit;\n)/)
  equal(transactions.length, readMigrations().length - 7)
  // As psql goes on after an error: the first is not run.
  for (const each of transactions.slice(1)) {
    await rejects(world.ask(each), /the step before it is not/)
    await world.ask('rollback')
  }
  deepEqual(await world.ask('select max(number) as number from {schema}.migration'), [{ number: 7 }])
  for (const each of transactions) await world.ask(each)
  equal((await run(['migrate', ...at])).out, `schema '${world.schema}' is up to date\n`)
})
