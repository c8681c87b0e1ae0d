// The short way of acks: beside each other, whole or not at all, and with the same outcome as the long one.

import { deepEqual, equal } from 'node:assert/strict'
import type { Change, CommitResult, Engine, Token } from '../../src/core/engine.ts'
import { hashOf } from '../../src/engine/postgres/hash.ts'
import { commit, message, onPostgres, type World } from './world.ts'
import { connect } from './client.ts'

async function leased(engine: Engine, queue: string, count: number, key?: string): Promise<readonly Token[]> {
  const sends = Array.from({ length: count }, () => ({
    do: 'send' as const,
    queue,
    message: message(key === undefined ? {} : { key }),
  }))
  await commit(engine, ...sends)
  const request = { id: `${queue} ${count}`, worker: 'w', holder: 'client', leaseMs: 60_000 } as const
  const { deliveries } = await engine.lease({ ...request, wants: [{ queue, max: count }] })
  return deliveries.map(({ token }) => token)
}

const put = (key: string, aliases: readonly string[] = []): Change => ({
  do: 'put',
  key,
  value: new TextEncoder().encode(key),
  aliases: [...aliases],
})

/** By what the schema is known among the database's advisory locks. */
const lockKeyOf = ({ schema }: World): number => hashOf(`posthorn ${schema}`)

async function someoneWaits(world: World): Promise<void> {
  const waits =
    "select 1 from pg_locks where locktype = 'advisory' and objid = 0 and not granted and classid::bigint = $1"
  while ((await world.ask(waits, [lockKeyOf(world) >>> 0])).length === 0);
}

/** Holds the schema's lock as those do who ack, until it is disposed of. */
async function sharing(world: World): Promise<AsyncDisposable> {
  const client = await connect(world.url)
  await client.query('select pg_advisory_lock_shared($1::int, 0)', [lockKeyOf(world)])
  return { [Symbol.asyncDispose]: () => client.end() }
}

onPostgres('all who ack share the lock; who decides waits for them', async (world) => {
  const engine = await world.open()
  const tokens = await leased(engine, 'a', 3)
  const [keyed] = await leased(engine, 'b', 1, 'k')
  const isDecided = { now: false }
  const other = await sharing(world)
  const acks = tokens.map((token, at) => ({ changes: [{ do: 'ack', token } as const, put(`result/${at}`)] }))
  for (const { status } of await engine.commit(acks)) equal(status, 'committed')
  const deciding = commit(engine, { do: 'ack', token: keyed! }).finally(() => (isDecided.now = true))
  await someoneWaits(world)
  equal(isDecided.now, false)
  await other[Symbol.asyncDispose]()
  equal((await deciding).status, 'committed')
})

onPostgres('an ack that has to wait holds up no send, and who decides comes after both', async (world) => {
  const engine = await world.open()
  const [token] = await leased(engine, 'a', 1)
  const holder = await connect(world.url)
  await holder.query('begin')
  await holder.query(`select from ${world.schema}.message for update`)
  const order: string[] = []
  const told = async (name: string, result: Promise<CommitResult>): Promise<void> => {
    equal((await result).status, 'committed')
    order.push(name)
  }
  const acking = told('ack', commit(engine, { do: 'ack', token: token! }))
  const sending = told('send', commit(engine, { do: 'send', queue: 'a', message: message() }))
  const deciding = told('decide', commit(engine, { do: 'send', queue: 'a', message: message({ key: 'k' }) }))
  await sending
  await holder.query('rollback')
  await holder.end()
  await Promise.all([acking, deciding])
  deepEqual(order, ['send', 'ack', 'decide'])
})

onPostgres('an ack that waited for who decided goes by what was decided', async (world) => {
  const engine = await world.open()
  const [token] = await leased(engine, 'a', 1)
  const [{ settings }] = (await world.ask('select settings from {schema}.queue')) as [{ settings: string }]
  const other = await connect(world.url)
  await other.query('begin')
  await other.query('select pg_advisory_xact_lock($1::int, 0)', [lockKeyOf(world)])
  await other.query(`update ${world.schema}.queue set settings = $1`, [
    settings.replace('"acked":false', '"acked":true'),
  ])
  const acking = commit(engine, { do: 'ack', token: token! })
  await someoneWaits(world)
  await other.query('commit')
  await other.end()
  equal((await acking).status, 'committed')
  deepEqual(await world.ask('select state from {schema}.past'), [{ state: 6 }])
})

onPostgres('a stale token among many harms nobody else, and leaves nothing', async (world) => {
  const engine = await world.open()
  const tokens = await leased(engine, 'a', 3)
  await commit(engine, { do: 'ack', token: tokens[1]! })
  const results = await engine.commit(
    tokens.map((token, at) => ({ changes: [{ do: 'ack', token } as const, put(`result/${at}`)] })),
  )
  deepEqual(
    results.map((result) => (result.status === 'refused' ? result.code : result.status)),
    ['committed', 'stale', 'committed'],
  )
  const records = await engine.get(['result/0', 'result/1', 'result/2'])
  deepEqual(
    records.map((record) => record !== null),
    [true, false, true],
  )
})

onPostgres(
  'a record that is put beside an ack has its version, and its aliases replace those from before',
  async (world) => {
    const engine = await world.open()
    const [first, second] = await leased(engine, 'a', 2)
    await commit(engine, { do: 'ack', token: first! }, put('result', ['old', 'both']))
    const [result] = await engine.commit([{ changes: [{ do: 'ack', token: second! }, put('result', ['both', 'new'])] }])
    equal(result?.status, 'committed')
    const { version } = (result as { readonly results: readonly unknown[] }).results[1] as { readonly version: string }
    const [old, both, fresh] = await engine.get(['old', 'both', 'new'])
    deepEqual([old, both?.version, fresh?.version], [null, version, version])
    await commit(engine, { ...put('result'), ifVersion: version } as Change)
  },
)

onPostgres(
  'stale-is-inert: of two processes that ack with one token at once one wins, and nothing is left of the other',
  async (world) => {
    const engines = [await world.open(), await world.open()] as const
    const [token] = await leased(engines[0], 'a', 1)
    // Both know the queue, so that both take the short way.
    const [own] = await leased(engines[1], 'a', 1)
    const holder = await connect(world.url)
    await holder.query('begin')
    await holder.query(`select from ${world.schema}.message for update`)
    const ack = (held: Token): Change => ({ do: 'ack', token: held })
    const acking = [
      engines[0].commit([{ changes: [ack(token!), put('result/0')] }]),
      engines[1].commit([{ changes: [ack(token!), put('result/1')] }, { changes: [ack(own!), put('own')] }]),
    ]
    const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%"{schema}"%'`
    while ((await world.ask(waiting)).length < 2);
    await holder.query('rollback')
    await holder.end()
    const [first, second, third] = (await Promise.all(acking)).flat().map(({ status }) => status)
    deepEqual([first, second].sort(), ['committed', 'refused'])
    equal(third, 'committed')
    const records = await engines[0].get(['result/0', 'result/1', 'own'])
    deepEqual(
      records.map((record) => record !== null),
      [first === 'committed', second === 'committed', true],
    )
    const [depth] = await engines[0].depth(['a'])
    deepEqual([depth!.ended.acked, depth!.leased], [2, 0])
  },
)

onPostgres(
  'dedupe: an id that another process sends at the same moment is a duplicate, not a failure',
  async (world) => {
    const [one, other] = [await world.open(), await world.open()]
    const sent = message()
    await commit(one, { do: 'send', queue: 'a', message: message() })
    const holder = await connect(world.url)
    await holder.query('begin')
    await holder.query(`create temp table faster on commit drop as select * from ${world.schema}.message`)
    await holder.query('update faster set id = $1', [sent.id])
    await holder.query(`insert into ${world.schema}.message select * from faster`)
    const sending = commit(other, { do: 'send', queue: 'a', message: sent })
    const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%"{schema}"%'`
    while ((await world.ask(waiting)).length === 0);
    await holder.query('commit')
    await holder.end()
    const result = await sending
    deepEqual(result.status === 'committed' && result.results, [{ id: sent.id, duplicate: true }])
  },
)

onPostgres(
  'a record that somebody else is just inserting is put after his, and nothing of the ack is lost',
  async (world) => {
    const engine = await world.open()
    const [token] = await leased(engine, 'a', 1)
    const other = await connect(world.url)
    await other.query('begin')
    await other.query(`insert into ${world.schema}.record (key, version, value) values ('r', 1, '')`)
    const acking = commit(engine, { do: 'ack', token: token! }, put('q', ['one', 'two']), put('r', ['three']))
    const waits = "select 1 from pg_locks where locktype = 'transactionid' and not granted"
    while ((await world.ask(waits)).length === 0);
    await other.query('commit')
    await other.end()
    equal((await acking).status, 'committed')
    const found = await engine.get(['q', 'r', 'one', 'two', 'three'])
    deepEqual(
      found.map((record) => record && new TextDecoder().decode(record.value)),
      ['q', 'r', 'q', 'q', 'r'],
    )
    equal((await world.ask('select from {schema}.message')).length, 0)
  },
)
