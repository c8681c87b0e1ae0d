// The schema: made by whoever opens first, once. What a newer Posthorn makes of it: era.test.ts.

import { deepEqual, equal, rejects } from 'node:assert/strict'
import { isPosthornError } from '../../src/core/error.ts'
import { readMigrations } from '../../src/engine/postgres/sql/statement.ts'
import { commit, message, onPostgres } from './world.ts'

onPostgres('several engines that open an empty database at once make one schema', async (world) => {
  const engines = await Promise.all(Array.from({ length: 4 }, () => world.open()))
  await commit(engines[0]!, { do: 'send', queue: 'a', message: message() })
  equal((await engines[3]!.depth(['a']))[0]!.ready, 1)
  equal((await world.ask('select number from {schema}.migration')).length, readMigrations().length)
})

onPostgres('what was handed out before the schema was brought up to date is acked after it', async (world) => {
  const before = await world.open()
  await commit(before, { do: 'send', queue: 'a', message: message() }, { do: 'send', queue: 'a', message: message() })
  const request = { worker: 'w', holder: 'client', leaseMs: 60_000, wants: [{ queue: 'a', max: 1 }] } as const
  const first = await before.lease({ ...request, id: 'before' })
  await before.close()
  // As version 3 left it.
  await world.ask(`drop function {schema}.settle_all; drop table {schema}.shared, {schema}.unbound;
    alter function {schema}.join_give rename to join_arrive; alter function {schema}.join_know rename to join_look;
    alter table {schema}.arrival rename column refusal to refused;
    alter table {schema}.queue drop column era_1; alter table {schema}.queue rename column line_order to line_by`)
  await world.ask('alter table {schema}.subscription drop column revision')
  for (const table of ['message', 'past', 'event']) await world.ask(`alter table {schema}.${table} drop column shared`)
  await world.ask('delete from {schema}.migration where number > 3')
  const after = await world.open()
  const second = await after.lease({ ...request, id: 'after' })
  const tokens = [...first.deliveries, ...second.deliveries].map(({ token }) => token)
  equal((await commit(after, ...tokens.map((token) => ({ do: 'ack', token }) as const))).status, 'committed')
  const { ready, leased, ended } = (await after.depth(['a']))[0]!
  deepEqual([ready, leased, ended.acked], [0, 0, 2])
})

onPostgres('a name that is none is refused', async (world) => {
  await rejects(world.open({ schema: 'no"name' }), (error) => isPosthornError(error) && error.code === 'invalid-option')
})

onPostgres('a database that refuses, or is not there, is told with the reason', async (world) => {
  const [unknown, away] = [new URL(world.url), new URL(world.url)]
  unknown.pathname = '/posthorn_no_such_database'
  // The server's answer is final: nobody waits for it to change.
  await rejects(
    world.open({ url: unknown.href }),
    (error) =>
      isPosthornError(error) &&
      error.code === 'invalid-option' &&
      error.message.includes('database "posthorn_no_such_database" does not exist'),
  )
  away.hostname = '127.0.0.1'
  away.port = '1'
  await rejects(
    world.open({ url: away.href, outageMs: 1 }),
    (error) => isPosthornError(error) && error.code === 'unknown' && error.message.includes('ECONNREFUSED'),
  )
})

onPostgres('a role that may make no schema uses the one that was made for it', async (world) => {
  const role = `${world.schema}_role`
  await world.ask(`create role ${role}`)
  try {
    await world.ask(`create schema {schema} authorization ${role}`)
    const url = new URL(world.url)
    url.searchParams.set('options', `-c role=${role}`)
    const engine = await world.open({ url: url.href })
    await commit(engine, { do: 'send', queue: 'a', message: message() })
    equal((await engine.depth(['a']))[0]!.ready, 1)
    await engine.close()
  } finally {
    await world.ask(`drop owned by ${role} cascade`)
    await world.ask(`drop role ${role}`)
  }
})
