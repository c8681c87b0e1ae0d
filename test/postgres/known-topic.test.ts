// A process knows the subscriptions of a topic from before: it reads what has changed since, whoever changed it, and nothing else.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Change, Engine } from '../../src/core/engine.ts'
import { isPosthornError } from '../../src/core/error.ts'
import { DEFAULT_SUBSCRIPTION_QUEUE, type Subscription } from '../../src/core/settings.ts'
import { connect } from './client.ts'
import { loadPg } from '../../src/engine/postgres/connection/driver.ts'
import { startProxy } from './proxy.ts'
import { commit, message, onPostgres, type World } from './world.ts'

const bindOf = (name: string, other: Partial<Subscription> = {}): Change => ({
  do: 'bind',
  subscription: { topic: 't', name, types: [], filters: [], from: 'now', order: 'none', ...other },
})

async function change(engine: Engine, ...changes: readonly Change[]): Promise<void> {
  const result = await commit(engine, ...changes)
  equal(result.status, 'committed', JSON.stringify(result))
}

/** How many got an event of that type. */
async function publish(engine: Engine, type = 'a'): Promise<number> {
  const one = message()
  const result = await commit(engine, { do: 'publish', topic: 't', message: { ...one, event: { ...one.event, type } } })
  equal(result.status, 'committed', JSON.stringify(result))
  const [first] = result.status === 'committed' ? result.results : []
  return (first as { readonly routed: number }).routed
}

onPostgres('what another process changes about subscriptions holds for the next event', async (world) => {
  const [one, other] = [await world.open(), await world.open()]
  await change(one, bindOf('x'))
  deepEqual([await publish(one), await publish(other)], [1, 1])
  await change(other, bindOf('y'))
  deepEqual([await publish(one), await publish(other)], [2, 2])
  await change(other, bindOf('x', { types: ['b.*'] }))
  deepEqual([await publish(one), await publish(one, 'b.c')], [1, 2])
  await change(one, { do: 'unbind', topic: 't', name: 'y' })
  deepEqual([await publish(other), await publish(other, 'b.c')], [0, 1])
  await change(one, bindOf('y', { filters: [{ exact: { source: '/test' } }] }), bindOf('z'))
  deepEqual([await publish(other), await publish(one)], [2, 2])
  await change(other, ...['x', 'y', 'z'].map((name): Change => ({ do: 'unbind', topic: 't', name })))
  deepEqual([await publish(one, 'b.c'), await publish(other)], [0, 0])
})

onPostgres('a subscription that another process suspends, or lets go on, is so here as well', async (world) => {
  const [one, other] = [await world.open(), await world.open()]
  await change(one, { do: 'retain', topic: 't', retention: { ms: null, count: 100 } }, bindOf('x'))
  equal(await publish(one), 1)
  const wants = [{ queue: 'topic:t:x', max: 10 }]
  const lease = { worker: 'w', holder: 'client', leaseMs: 60_000, wants } as const
  const { deliveries } = await one.lease({ ...lease, id: 'a' })
  const settings = { ...DEFAULT_SUBSCRIPTION_QUEUE, limit: { messages: 2, bytes: null } }
  await change(other, { do: 'configure', queue: 'topic:t:x', settings })
  deepEqual([await publish(one), await publish(one), await publish(other)], [1, 0, 0])
  await change(one, ...deliveries.map(({ token }): Change => ({ do: 'ack', token })))
  const rest = await one.lease({ ...lease, id: 'b' })
  await change(other, ...rest.deliveries.map(({ token }): Change => ({ do: 'ack', token })))
  const owed = await one.lease({ ...lease, id: 'c' })
  equal(owed.deliveries.length, 2, 'what was owed came when there was room')
  await change(one, ...owed.deliveries.map(({ token }): Change => ({ do: 'ack', token })))
  deepEqual([await publish(one), await publish(other)], [1, 1])
})

onPostgres('of what did not happen nothing is known afterwards', async (world) => {
  const engine = await world.open()
  await change(engine, bindOf('x'))
  equal(await publish(engine), 1)
  const none = { do: 'remove', key: 'k', ifVersion: '7' } as const
  equal((await commit(engine, bindOf('y'), none)).status, 'refused')
  equal((await commit(engine, { do: 'unbind', topic: 't', name: 'x' }, none)).status, 'refused')
  equal(await publish(engine), 1)
  // The server refuses the transaction as a whole.
  await world.ask('alter table {schema}.subscription add constraint no_z check (name <> $$z$$)')
  await commit(engine, bindOf('z')).catch(() => undefined)
  equal(await publish(engine), 1)
})

onPostgres('an event is routed without reading the subscriptions that have not changed', async (world) => {
  const first = await world.open()
  for (let from = 0; from < 1_000; from += 250)
    await change(first, ...Array.from({ length: 250 }, (_, n) => bindOf(`s${from + n}`, { types: [`t${from + n}`] })))
  await first.close()
  const before = await readRows(world)
  const engine = await world.open()
  for (let n = 0; n < 20; n++) equal(await publish(engine, `t${n}`), 1)
  await change(engine, bindOf('more', { types: ['t7'] }))
  equal(await publish(engine, 't7'), 2)
  await engine.close()
  const read = (await readRows(world)) - before
  ok(read >= 1_000 && read < 1_100, `${read} rows of subscriptions were read`)
})

onPostgres('what a server that has taken over does not have is not known any more', async (world) => {
  const away = await startProxy(world.url)
  try {
    const engine = await world.open({ url: away.url })
    await change(engine, bindOf('x'), bindOf('y'))
    deepEqual([await publish(engine), await publish(engine)], [2, 2])
    const lost = "(select queue from {schema}.queue where name = 'topic:t:y')"
    // The binding, as if it had not come over to the standby, with all that came of it.
    const failOver = `delete from {schema}.message where queue = ${lost}; delete from {schema}.tally where queue = ${lost};
    delete from {schema}.subscription where name = 'y'; delete from {schema}.queue where name = 'topic:t:y'`
    await world.ask(failOver)
    away.cut()
    equal(await publish(engine), 1)
    await engine.close()
  } finally {
    await away.close()
  }
})

onPostgres('nor over its first connection, while those to the other server seem to be there', async (world) => {
  const away = await startProxy(world.url)
  try {
    let server = 'first'
    const pg = await loadPg(away.url)
    const driver = { connect: async () => ({ ...(await pg.connect()), server }) }
    const engine = await world.open({ driver, connections: 8 })
    await change(engine, bindOf('x'))
    equal(await publish(engine), 1)
    // There it is of other events.
    await world.ask(`update {schema}.subscription set definition = replace(definition, '"types":[]', '"types":["b"]')`)
    away.freeze()
    server = 'second'
    // They wait for what will not come.
    const calls = Array.from({ length: 4 }, () => engine.depth(['a']))
    deepEqual([await publish(engine), await publish(engine, 'b')], [0, 1])
    await Promise.all(calls)
    deepEqual([await publish(engine), await publish(engine, 'b')], [0, 1])
    await engine.close()
  } finally {
    await away.close()
  }
})

onPostgres('nor is what number a queue had', async (world) => {
  const away = await startProxy(world.url)
  try {
    const engine = await world.open({ url: away.url })
    const send = async (queue: string): Promise<void> => {
      const sent = await commit(engine, { do: 'send', queue, message: message() })
      equal(sent.status, 'committed')
    }
    for (const _ of [1, 2, 3]) await send('a')
    // The queue's first send has not come over, and its number has become that of another.
    await world.ask(`delete from {schema}.message; delete from {schema}.tally; update {schema}.queue set name = 'b'`)
    away.cut()
    // Which finds that the connection is gone.
    await engine.depth(['a'])
    await send('a')
    const request = { id: '1', worker: 'w', holder: 'client', leaseMs: 60_000 } as const
    const { deliveries } = await engine.lease({ ...request, wants: ['a', 'b'].map((queue) => ({ queue, max: 9 })) })
    deepEqual(
      deliveries.map(({ stored }) => stored.queue),
      ['a'],
    )
    await engine.close()
  } finally {
    await away.close()
  }
})

onPostgres('nor where a lease waits for a connection while the server changes', async (world) => {
  const away = await startProxy(world.url)
  const client = await connect(world.url)
  try {
    const engine = await world.open({ url: away.url, connections: 1 })
    const request = { worker: 'w', holder: 'client', leaseMs: 60_000 } as const
    const lease = async (of: Engine, id: string, queue: string): Promise<readonly string[]> => {
      const { deliveries } = await of.lease({ ...request, id, wants: [{ queue, max: 9 }] })
      return deliveries.map(({ stored }) => stored.message.id)
    }
    const [mine, others] = [message(), message()]
    await change(engine, { do: 'send', queue: 'a', message: message() })
    for (const id of ['1', '2']) await lease(engine, id, 'a')
    await client.query(`begin; lock table ${world.schema}.alias`)
    const before = engine.get(['k'])
    const waiting = lease(engine, '3', 'a')
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    // The server that takes over knows its number as that of another queue.
    await world.ask(`delete from {schema}.message; delete from {schema}.tally; update {schema}.queue set name = 'b'`)
    const other = await world.open()
    await change(other, { do: 'send', queue: 'b', message: others })
    await change(other, { do: 'send', queue: 'a', message: mine })
    away.cut()
    deepEqual(await waiting, [mine.id])
    deepEqual(await lease(other, '4', 'b'), [others.id])
    await client.query('commit')
    await before
    await engine.close()
  } finally {
    await client.end()
    await away.close()
  }
})

onPostgres('a topic may have more subscriptions than a call takes arguments', async (world) => {
  const engine = await world.open()
  await change(engine, bindOf('x', { types: ['a'] }))
  await world.ask(
    `insert into {schema}.subscription (topic, name, number, version, definition, status, cursor, has_gap, gaps, revision)
    select topic, 's' || n, 1000000 + n, 1, replace(definition, '["a"]', '["b"]'), status, cursor, has_gap, gaps, revision
    from {schema}.subscription, generate_series(1, 150000) n`,
  )
  const other = await world.open()
  equal(await publish(other), 1)
})

onPostgres('what the program itself cannot do is told at once: it is no outage', async (world) => {
  const engine = await world.open({ outageMs: 1_000 })
  await change(engine, bindOf('x'))
  await world.ask(`update {schema}.subscription set definition = 'no JSON', revision = revision + 1`)
  await rejects(publish(engine), (error) => isPosthornError(error) && error.code === 'engine-failed')
})

/** Rows of the table that were read by now, as the server counts once its sessions have told. */
async function readRows(world: World): Promise<number> {
  for (let before = -1; ;) {
    await sleep(300)
    const [row] = await world.ask(
      `select (coalesce(idx_tup_fetch, 0) + seq_tup_read)::int as count from pg_stat_user_tables
      where schemaname = '{schema}' and relname = 'subscription'`,
    )
    const now = row!['count'] as number
    if (now === before) return now
    before = now
  }
}
