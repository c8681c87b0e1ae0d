// Processes of older versions beside a newer schema: what is right goes on, and of what is not nothing is done any more.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from '../../src/core/engine.ts'
import { isPosthornError } from '../../src/core/error.ts'
import { readMigrations } from '../../src/engine/postgres/sql/statement.ts'
import { openPostgresTransfer } from '../../src/engine/postgres/transfer/open-transfer.ts'
import { bring, withStep } from './bring.ts'
import { connect } from './client.ts'
import { commit, message, onPostgres } from './world.ts'

/** What all transactions of programs from before there were eras asked: as they had it. */
const ERA_0 = new URL('./era-0/', import.meta.url)
const STEPS_OF_ERA_0 = 7

const isNewer = (error: unknown): boolean =>
  isPosthornError(error) &&
  error.code === 'newer-format' &&
  error.message.includes('it is of era 2 ') &&
  error.message.includes('Deploy the newer Posthorn')

const request = { worker: 'w', holder: 'client', leaseMs: 60_000, wants: [{ queue: 'a', max: 1 }] } as const

onPostgres('statements of programs from before there were eras fail', async (world) => {
  await bring(world, readMigrations().slice(0, STEPS_OF_ERA_0))
  const client = await connect(world.url)
  try {
    const executions: string[] = []
    for (const file of readdirSync(ERA_0)) {
      const text = readFileSync(new URL(file, ERA_0), 'utf8').replaceAll('{schema}', world.schema)
      const name = file.replace('.sql', '').replaceAll('-', '_')
      const count = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, at]) => Number(at)))
      await client.query(`prepare ${name} as ${text}`)
      const nulls = Array.from({ length: count }, () => 'null').join()
      executions.push(`explain (costs off) execute ${name}${count === 0 ? '' : `(${nulls})`}`)
    }
    for (const execution of executions) await client.query(execution)
    await world.open()
    for (const execution of executions)
      await rejects(client.query(execution), (error) => /^42(703|883|P01)$/.test((error as { code: string }).code))
    equal(executions.length, 7)
  } finally {
    await client.end()
  }
})

onPostgres('a program goes on beside a newer version of its era, and can be opened', async (world) => {
  const engine = await world.open()
  const use = async (each: Engine): Promise<void> => {
    equal((await commit(each, { do: 'send', queue: 'a', message: message() })).status, 'committed')
    equal(
      (await commit(each, { do: 'send', queue: 'a', message: message({ delay: { afterMs: 1 } }) })).status,
      'committed',
    )
    const id = message().id
    const { deliveries } = await each.lease({ ...request, id })
    equal(deliveries.length, 1)
    const put = { do: 'put', key: `k/${id}`, value: new Uint8Array(), aliases: [`a/${id}`] } as const
    equal((await commit(each, { do: 'ack', token: deliveries[0]!.token }, put)).status, 'committed')
    equal((await commit(each, { do: 'publish', topic: 't', message: message() })).status, 'committed')
    equal((await each.get([`a/${id}`])).length, 1)
    equal((await each.depth(['a'])).length, 1)
    await each.browse({ queue: 'a', state: 'ready', after: null, limit: 10 })
  }
  await use(engine)
  const tables = await world.ask(`select tablename from pg_tables where schemaname = '${world.schema}'`)
  const wider = tables.map(({ tablename }) => `alter table {schema}."${String(tablename)}" add column later int;`)
  await bring(world, withStep(wider.join('\n'), null))
  await use(engine)
  await use(await world.open())
})

onPostgres('of a program that has not the newer era nothing is done any more, and it is told why', async (world) => {
  const told: unknown[] = []
  const engine = await world.open({ onFailure: (error) => told.push(error), pollMs: 10 })
  await commit(engine, ...Array.from({ length: 20 }, () => ({ do: 'send' as const, queue: 'a', message: message() })))
  const held = await engine.lease({ ...request, id: 'before' })
  const confirmed = new Set<string>()
  const sender = async (n: number): Promise<void> => {
    for (;;) {
      const sent = message(n % 2 === 0 ? {} : { key: `k${n}` })
      try {
        await commit(engine, { do: 'send', queue: 'b', message: sent })
        confirmed.add(sent.id)
      } catch (error) {
        ok(isNewer(error), String(error))
        return
      }
    }
  }
  const senders = Promise.all(Array.from({ length: 8 }, (_, n) => sender(n)))
  while (confirmed.size < 50) await sleep(1)
  await bring(world, withStep("-- Begins era 2.\ncomment on table {schema}.message is 'new';", 2))
  // Each of them ends by being refused.
  await senders
  const rows = await world.ask(
    "select m.id from {schema}.message m join {schema}.queue q using (queue) where q.name = 'b'",
  )
  deepEqual(new Set(rows.map(({ id }) => id)), confirmed)
  const calls: readonly (() => Promise<unknown>)[] = [
    () => commit(engine, { do: 'send', queue: 'a', message: message() }),
    () => commit(engine, { do: 'send', queue: 'a', message: message({ key: 'k' }) }),
    () => commit(engine, { do: 'ack', token: held.deliveries[0]!.token }),
    () => commit(engine, { do: 'publish', topic: 't', message: message() }),
    () => engine.lease({ ...request, id: 'after' }),
    () => engine.extend([held.deliveries[0]!.token], 1_000),
    () => engine.get(['k']),
    () => engine.list({ prefix: '', after: null, limit: 10 }),
    () => engine.depth(['a']),
    () => engine.find([{ queue: 'a', id: message().id }]),
    () => world.open(),
  ]
  for (const [at, call] of calls.entries()) await rejects(call(), isNewer, `call ${at}`)
  const client = await connect(world.url)
  try {
    await client.query('begin')
    await rejects(engine.join!(client).commit({ changes: [{ do: 'send', queue: 'a', message: message() }] }), isNewer)
  } finally {
    await client.end()
  }
  while (told.length === 0) await sleep(5)
  ok(isNewer(told[0]), String(told[0]))
  const [count] = await world.ask(
    "select count(*)::int as n from {schema}.message m join {schema}.queue q using (queue) where q.name = 'a'",
  )
  equal(count!['n'], 20)
})

onPostgres('a copy that is under way when a newer era begins is told so, from either end', async (world) => {
  await world.open()
  const url = `${world.url}?schema=${world.schema}`
  const [source, target] = [await openPostgresTransfer(url, 'source'), await openPostgresTransfer(url, 'target')]
  await bring(world, withStep("-- Begins era 2.\ncomment on table {schema}.message is 'new';", 2))
  await rejects(target.takeIn([]), isNewer)
  await rejects(source.pieces(0)[Symbol.asyncIterator]().next(), isNewer)
  await source.close()
  await target.close()
})

onPostgres(
  'where the schema is gone, a transaction of the same database is told that it is not there',
  async (world) => {
    const engine = await world.open()
    const client = await connect(world.url)
    try {
      const join = (): Promise<unknown> =>
        engine.join!(client).commit({ changes: [{ do: 'send', queue: 'a', message: message() }] })
      await client.query('begin')
      await join()
      await client.query('commit')
      await world.ask('drop schema {schema} cascade')
      await client.query('begin')
      await rejects(join(), (error) => isPosthornError(error) && error.code === 'other-database')
    } finally {
      await client.end()
    }
  },
)
