// Steps of a schema that is in use, beside transactions that are open and others who want to do the same.

import { equal, ok, rejects } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadPg } from '../../src/engine/postgres/connection/driver.ts'
import { hashOf } from '../../src/engine/postgres/hash.ts'
import { readMigrations } from '../../src/engine/postgres/sql/statement.ts'
import { bring, withStep } from './bring.ts'
import { connect, type Client } from './client.ts'
import { onPostgres, type World } from './world.ts'

const NEXT = readMigrations().length + 1

/** In a session of its own, which is ended. */
async function beside(world: World, use: (client: Client) => Promise<void>): Promise<void> {
  const client = await connect(world.url)
  try {
    await use(client)
  } finally {
    await client.end()
  }
}

const waiting = async (world: World, what: string): Promise<readonly unknown[]> => {
  const rows = await world.ask(`select pid from pg_locks where not granted and ${what}`)
  return rows.map(({ pid }) => pid)
}

onPostgres('no step waits in a circle with a transaction of era 0', async (world) => {
  await bring(world, readMigrations().slice(0, 7))
  await beside(world, async (client) => {
    // Who would wait in a circle finds out at once.
    await client.query("begin; set local deadlock_timeout = '1ms'")
    // As its statements do: first what has arrived, then the queues.
    await client.query(`select from ${world.schema}.arrival`)
    const done = bring(world, readMigrations())
    while ((await waiting(world, `relation = '${world.schema}.arrival'::regclass`)).length === 0) await sleep(1)
    await client.query(`select from ${world.schema}.queue`)
    await client.query('commit')
    await done
  })
})

onPostgres(
  'a step that another has run meanwhile is not run again, whatever transactions begin with',
  async (world) => {
    await world.open()
    const url = new URL(world.url)
    url.searchParams.set('options', String.raw`-c default_transaction_isolation=repeatable\ read`)
    const text = 'alter table {schema}.queue add column later int;'
    const key = hashOf(`posthorn ${world.schema}`)
    await beside(world, async (client) => {
      await client.query(`begin; select pg_advisory_xact_lock(${key}, -2)`)
      const done = bring(world, withStep(text, null), await loadPg(url.href))
      const isKey = `locktype = 'advisory' and classid = ${key >>> 0}`
      while ((await waiting(world, isKey)).length === 0) await sleep(1)
      await client.query(text.replace('{schema}', world.schema))
      await client.query(`insert into ${world.schema}.migration (number) values (${NEXT}); commit`)
      await done
    })
  },
)

onPostgres('in the pause between two tries of a step nobody else asks for its locks', async (world) => {
  await world.open()
  const steps = withStep('lock table {schema}.queue;', null)
  await beside(world, async (client) => {
    await client.query(`begin; select from ${world.schema}.queue`)
    const done = Promise.all(Array.from({ length: 3 }, () => bring(world, steps)))
    let pauses = 0
    const paused = new Set<unknown>()
    while (pauses < 2) {
      // In this order: whoever waits first and pauses then is one and the same.
      // The engine waits behind them now and then, for less.
      const isStep = `relation = '${world.schema}.queue'::regclass and mode = 'AccessExclusiveLock'`
      const asking = await waiting(world, isStep)
      const resting = await world.ask(
        "select pid from pg_stat_activity where query like '%pg_sleep(0.3)' and state = 'active'",
      )
      for (const { pid } of resting) {
        ok(
          asking.every((each) => each === pid),
          `${String(asking)} asked in the pause of ${String(pid)}`,
        )
        if (!paused.has(pid)) pauses++
        paused.add(pid)
      }
      if (asking.length > 0 && resting.length === 0) for (const pid of asking) paused.delete(pid)
      await sleep(5)
    }
    await client.query('commit')
    await done
  })
  const rows = await world.ask(`select from {schema}.migration where number = ${NEXT}`)
  equal(rows.length, 1)
})

onPostgres(
  'a step may take longer than a connection may be silent, and so may another process that is waited for',
  async (world) => {
    await world.open()
    const driver = await loadPg(world.url, 200)
    const steps = withStep('select pg_sleep(0.5);', null)
    await Promise.all([bring(world, steps, driver), bring(world, steps, driver)])
    await rejects((await driver.connect()).query({ name: null, text: 'select pg_sleep(0.5)' }), /timeout/)
    const rows = await world.ask(`select from {schema}.migration where number = ${NEXT}`)
    equal(rows.length, 1)
  },
)
