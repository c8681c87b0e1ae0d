// Commits inside users' transactions: what is given exists with the transaction, and with nothing else.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import type { Change, Delivery, Engine } from '../../src/core/engine.ts'
import { isPosthornError } from '../../src/core/error.ts'
import { connect } from './client.ts'
import { commit, message, onPostgres, type World } from './world.ts'

type Client = Awaited<ReturnType<typeof connect>>

const join = (engine: Engine, client: unknown) => engine.join!(client)
const sends = (text = 'hello', more: object = {}): Change => ({
  do: 'send',
  queue: 'a',
  message: message({ text, ...more }),
})
const idOf = (change: Change): string => (change as { message: { id: string } }).message.id

async function inTransaction<T>(
  world: World,
  end: 'commit' | 'rollback',
  body: (client: Client) => Promise<T>,
): Promise<T> {
  const client = await connect(world.url)
  try {
    await client.query('begin')
    const value = await body(client)
    await client.query(end)
    return value
  } finally {
    await client.end()
  }
}

let leases = 0
async function leaseOne(engine: Engine, queue = 'a', leaseMs = 30_000): Promise<Delivery | undefined> {
  const wants = [{ queue, max: 1 }]
  const { deliveries } = await engine.lease({ id: `l${++leases}`, worker: 'w', holder: 'client', leaseMs, wants })
  return deliveries[0]
}

const code =
  (expected: string) =>
  (error: unknown): boolean =>
    isPosthornError(error) && (equal(error.code, expected), true)

onPostgres('what was sent in a transaction is handed out when it has committed, and not before', async (world) => {
  const engine = await world.open()
  const change = sends()
  await inTransaction(world, 'commit', async (client) => {
    deepEqual(await join(engine, client).commit({ changes: [change] }), [{ id: idOf(change), duplicate: false }])
    equal(await leaseOne(engine), undefined)
    deepEqual(await engine.find([{ queue: 'a', id: idOf(change) }]), [null])
  })
  equal((await leaseOne(engine))?.stored.id, idOf(change))
})

onPostgres('a rollback leaves nothing', async (world) => {
  const engine = await world.open()
  const joined = await inTransaction(world, 'rollback', async (client) => {
    const each = join(engine, client)
    await each.commit({ changes: [sends(), { do: 'put', key: 'k', value: new Uint8Array(3) }] })
    equal(await each.state(), 'open')
    return each
  })
  equal(await joined.state(), 'rolled-back')
  equal(await leaseOne(engine), undefined)
  deepEqual(await engine.get(['k']), [null])
  deepEqual(await world.ask('select count(*)::int as count from {schema}.arrival'), [{ count: 0 }])
})

onPostgres('nobody waits for a transaction that stays open', async (world) => {
  const engine = await world.open()
  const other = await world.open()
  await commit(engine, sends())
  await inTransaction(world, 'commit', async (client) => {
    await join(engine, client).commit({ changes: [sends('in', { key: 'k', dedupe: 'd', delay: { afterMs: 0 } })] })
    // Whoever waited for it would be answered when it has ended, which it has not before they all are.
    for (const each of [engine, other]) {
      equal((await commit(each, sends('out', { key: 'k' }))).status, 'committed')
      equal((await commit(each, { do: 'put', key: 'k', value: new Uint8Array(1) })).status, 'committed')
      ok(await leaseOne(each))
    }
  })
})

onPostgres('an ack, what it sends and the rows of the user are one', async (world) => {
  const engine = await world.open()
  await world.ask('create table {schema}.business (n int)')
  for (const end of ['rollback', 'commit'] as const) {
    await commit(engine, sends())
    const { token, stored } = (await leaseOne(engine))!
    const change = { ...sends(), queue: 'b' } as Change
    await inTransaction(world, end, async (client) => {
      await client.query(`insert into ${world.schema}.business values (1)`)
      await join(engine, client).commit({ changes: [{ do: 'ack', token }, change] })
    })
    const [first] = await engine.find([{ queue: 'a', id: stored.id }])
    equal(first?.state ?? null, end === 'commit' ? null : 'leased')
    equal((await leaseOne(engine, 'b'))?.stored.id, end === 'commit' ? idOf(change) : undefined)
    if (end === 'rollback') equal((await commit(engine, { do: 'ack', token })).status, 'committed')
  }
  deepEqual(await world.ask('select count(*)::int as count from {schema}.business'), [{ count: 1 }])
})

onPostgres('an ack that comes too late fails the transaction', async (world) => {
  const engine = await world.open()
  await commit(engine, sends())
  const { token, stored } = (await leaseOne(engine, 'a', 1))!
  while ((await engine.find([{ queue: 'a', id: stored.id }]))[0]?.state === 'leased');
  await inTransaction(world, 'rollback', async (client) => {
    await rejects(join(engine, client).commit({ changes: [{ do: 'ack', token }, sends()] }), code('stale'))
  })
  const again = (await leaseOne(engine))!
  equal(again.stored.id, stored.id)
  await inTransaction(world, 'rollback', async (client) => {
    await rejects(join(engine, client).commit({ changes: [{ do: 'ack', token }] }), code('stale'))
  })
})

onPostgres(
  'an acked message does not lapse and cannot be settled by another while its transaction ends',
  async (world) => {
    let now = Date.now()
    const engine = await world.open({ moment: () => ({ now, wall: now }) })
    await commit(engine, sends())
    const { token, stored } = (await leaseOne(engine, 'a', 200))!
    await inTransaction(world, 'commit', async (client) => {
      await join(engine, client).commit({ changes: [{ do: 'ack', token }] })
      // Its time passes, and whoever decides or reads passes it over; the transaction ends only when they have all been answered.
      for (let round = 0; round < 5; round++) {
        now += 100
        await commit(engine, { do: 'put', key: 'k', value: new Uint8Array(1) })
        equal((await engine.find([{ queue: 'a', id: stored.id }]))[0]?.state, 'leased')
      }
    })
    deepEqual(await engine.extend([token], 30_000), ['stale'])
    deepEqual(await engine.find([{ queue: 'a', id: stored.id }]), [null])
    equal(await leaseOne(engine), undefined)
  },
)

onPostgres('what is no open transaction of this database is named', async (world) => {
  const engine = await world.open()
  const client = await connect(world.url)
  await rejects(join(engine, client).commit({ changes: [sends()] }), code('no-transaction'))
  await client.query('begin')
  await rejects(client.query('select nonsense'))
  await rejects(join(engine, client).commit({ changes: [sends()] }), code('transaction-failed'))
  await client.query('rollback')
  for (const wrong of [null, 'tx', {}, 7]) {
    try {
      join(engine, wrong)
      ok(false)
    } catch (error) {
      ok(code('invalid-option')(error))
    }
  }
  const url = new URL(world.url)
  url.pathname = '/postgres'
  const elsewhere = await connect(url.href)
  const isOther = async (): Promise<void> => {
    await elsewhere.query('begin')
    await rejects(join(engine, elsewhere).commit({ changes: [sends()] }), code('other-database'))
    await elsewhere.query('rollback')
  }
  try {
    await isOther()
    await (await world.open({ url: url.href })).close()
    await isOther()
  } finally {
    await elsewhere.query(`drop schema if exists ${world.schema} cascade`)
    await elsewhere.end()
  }
  await client.end()
})

onPostgres('a role of its own needs the rights that the guide names, and no other', async (world) => {
  const engine = await world.open()
  await commit(engine, sends())
  const { token } = (await leaseOne(engine))!
  const role = `${world.schema}_role`
  const client = await connect(world.url)
  const asRole = async (change: Change): Promise<void> => {
    await client.query('begin')
    await client.query(`set local role ${role}`)
    try {
      await join(engine, client).commit({ changes: [change] })
    } finally {
      await client.query('commit')
    }
  }
  await client.query(`create role ${role}`)
  try {
    await client.query(`grant usage on schema ${world.schema} to ${role}`)
    await rejects(asRole(sends()), (error) => code('transaction-failed')(error) && /lacks a right/.test(String(error)))
    const tables = ['identity', 'queue', 'tally', 'message', 'past', 'dedupe', 'arrival']
    for (const table of tables) await client.query(`grant select on ${world.schema}.${table} to ${role}`)
    await client.query(`grant insert on ${world.schema}.arrival to ${role}`)
    await asRole(sends('of the role', { dedupe: 'd' }))
    await rejects(asRole({ do: 'ack', token }), code('transaction-failed'))
    await client.query(`grant update (until, holder) on ${world.schema}.message to ${role}`)
    await asRole({ do: 'ack', token })
    equal((await engine.depth(['a']))[0]!.ready, 1)
    equal((await engine.depth(['a']))[0]!.ended.acked, 1)
  } finally {
    await client.query(`drop owned by ${role}`)
    await client.query(`drop role ${role}`)
    await client.end()
  }
})

onPostgres(
  'of two open transactions with one dedupe text the first to commit is first, and the other is told',
  async (world) => {
    const engine = await world.open()
    const [one, two] = [
      sends('one', { dedupe: 'd', report: 'reports' }),
      sends('two', { dedupe: 'd', report: 'reports' }),
    ]
    await inTransaction(world, 'commit', async (late) => {
      const [result] = await join(engine, late).commit({ changes: [one] })
      equal((result as { duplicate: boolean }).duplicate, false)
      await inTransaction(world, 'commit', (early) => join(engine, early).commit({ changes: [two] }))
      equal((await leaseOne(engine))?.stored.id, idOf(two))
    })
    equal(await leaseOne(engine), undefined)
    const told = JSON.parse(
      new TextDecoder().decode((await leaseOne(engine, 'reports'))!.stored.message.body),
    ) as object
    equal((told as { id: string }).id, idOf(one))
    equal((told as { state: string }).state, 'discarded')
  },
)

onPostgres('in REPEATABLE READ an ack fails where its lease was extended since', async (world) => {
  const engine = await world.open()
  await commit(engine, sends())
  const { token } = (await leaseOne(engine))!
  const client = await connect(world.url)
  await client.query('begin isolation level repeatable read')
  await client.query('select 1')
  await engine.extend([token], 60_000)
  await rejects(
    join(engine, client).commit({ changes: [{ do: 'ack', token }] }),
    (error) => code('transaction-failed')(error) && /READ COMMITTED/.test(String(error)),
  )
  await client.query('rollback')
  equal((await commit(engine, { do: 'ack', token })).status, 'committed')
  await client.end()
})

onPostgres('bytes, delays and odd texts come through as they were given', async (world) => {
  const engine = await world.open()
  const body = crypto.getRandomValues(new Uint8Array(65_536))
  const large = new Uint8Array(5 * 1_048_576).fill(39)
  const odd = sends('', { body, key: `it's \\ "odd" \0 ? $1 ü`, dedupe: 'd\0\\' })
  await inTransaction(world, 'commit', async (client) => {
    await join(engine, client).commit({
      changes: [odd, sends('', { body: large }), sends('', { delay: { afterMs: 60_000 } })],
    })
  })
  const found = [(await leaseOne(engine))!, (await leaseOne(engine))!].map(({ stored }) => stored.message)
  deepEqual(found[0]?.body, body)
  equal(found[0]?.key, `it's \\ "odd" \0 ? $1 ü`)
  ok(Buffer.from(found[1]!.body).equals(large))
  equal((await engine.depth(['a']))[0]!.delayed, 1)
})

onPostgres('what could only be refused after the commit is refused at once, and leaves nothing', async (world) => {
  const engine = await world.open()
  const value = new Uint8Array(1)
  const wrong: readonly Change[] = [
    { do: 'put', key: 'k', value, ifVersion: null },
    { do: 'remove', key: 'k', ifVersion: '1' },
    { do: 'unbind', topic: 't', name: 's' },
  ]
  await inTransaction(world, 'commit', async (client) => {
    for (const change of wrong)
      await rejects(join(engine, client).commit({ changes: [sends(), change] }), code('unsupported'))
    await rejects(
      join(engine, client).commit({ changes: [sends(), { do: 'put', key: 'no good', value }] }),
      code('invalid'),
    )
  })
  deepEqual(await engine.depth('all'), [])
})

onPostgres(
  'visible: records that were put in a transaction are read after its commit by every process',
  async (world) => {
    const [engine, other] = [await world.open(), await world.open()]
    for (let n = 0; n < 5; n++) {
      const change: Change = { do: 'put', key: `k/${n}`, value: new Uint8Array([n]) }
      const joined = await connect(world.url)
      await joined.query('begin')
      await join(engine, joined).commit({ changes: [change] })
      await joined.query('commit')
      const [[got], { items }] = await Promise.all([
        other.get([`k/${n}`]),
        other.list({ prefix: 'k/', after: null, limit: 10 }),
      ])
      await joined.end()
      deepEqual([got?.value, items.length], [new Uint8Array([n]), n + 1])
    }
  },
)

onPostgres('what is refused after the commit all the same is told, and stays with the reason', async (world) => {
  const told: { readonly n: number; readonly reason: string }[] = []
  const engine = await world.open({ onRefused: (arrival) => told.push(arrival) })
  await inTransaction(world, 'commit', async (client) => {
    await join(engine, client).commit({ changes: [sends()] })
    // Somebody meddles: nothing that Posthorn itself writes is refused this late.
    await client.query(`update ${world.schema}.arrival set changes = replace(changes, '"a"', '"no good"')`)
  })
  equal(await leaseOne(engine), undefined)
  const [row] = await world.ask('select n::int as n, refusal from {schema}.arrival')
  deepEqual(told, [{ n: row!['n'], reason: row!['refusal'] }])
  match(told[0]!.reason, /^invalid at 0: queue is "no good"/)
})
