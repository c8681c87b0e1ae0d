// Sends, publishes, commits and handlers inside the user's own transactions on the engine's file.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { z } from 'zod'
import { handle, isPosthornError, open, silentLog, subscribe, task, topic, type Post } from '../../src/index.ts'
import { fromSqlite } from '../../src/sqlite.ts'

const pay = task('pay', { input: z.object({ order: z.number() }), output: z.number() })
const ship = task('ship', { input: z.object({ order: z.number() }) })
const orders = topic('orders', { 'order.paid': z.object({ order: z.number() }) })

const code =
  (expected: string) =>
  (error: unknown): boolean =>
    isPosthornError(error) && (equal(error.code, expected, error.message), true)

interface World {
  readonly post: Post
  readonly url: string
  readonly database: DatabaseSync
  readonly connect: () => DatabaseSync
  readonly rows: () => number[]
}

function onSqlite(name: string, run: (world: World) => Promise<void>): void {
  test(name, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'posthorn-join-'))
    const path = join(folder, 'p.db')
    const url = `sqlite:${path}`
    const post = await open(url, { log: silentLog })
    const open_: DatabaseSync[] = []
    const connect = (): DatabaseSync => {
      const database = new DatabaseSync(path, { timeout: 2_000 })
      open_.push(database)
      return database
    }
    const database = connect()
    database.exec('create table business (n int)')
    const rows = (): number[] =>
      database
        .prepare('select n from business order by n')
        .all()
        .map(({ n }) => n as number)
    try {
      await run({ post, url, database, connect, rows })
    } finally {
      await post.close()
      for (const each of open_) if (each.isOpen) each.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

onSqlite('sends, publishes and commits are part of the transaction', async ({ post, database, rows }) => {
  const heard: number[] = []
  const done = Promise.withResolvers<void>()
  await post.work([
    handle(pay, async ({ order }) => order * 10),
    subscribe(orders, 'ledger', 'order.paid', async ({ data }) => {
      if (heard.push(data.order) === 2) done.resolve()
    }),
  ])
  database.exec('begin immediate; insert into business values (1)')
  const sent = await post.send(pay, { order: 1 }, { within: database })
  equal(sent.receipt.durability, 'joined')
  await rejects(sent.result(), code('would-wait'))
  await post.publish(orders, 'order.paid', { order: 1 }, { within: database })
  await post.commit(
    (fx) => {
      fx.publish(orders, 'order.paid', { order: 1 })
      fx.put('seen', { order: 1 })
    },
    { within: database },
  )
  database.exec('commit')
  equal(await sent.result(), 10)
  await done.promise
  deepEqual(heard, [1, 1])
  database.exec('begin immediate; insert into business values (2)')
  const lost = await post.send(pay, { order: 2 }, { within: database })
  await post.commit((fx) => fx.put('seen', { order: 2 }), { within: database })
  database.exec('rollback')
  await rejects(lost.result(), code('operation-not-found'))
  deepEqual(rows(), [1])
  deepEqual((await post.records.get('seen'))?.value, { order: 1 })
})

onSqlite('another process is woken by what a transaction brought', async ({ post, url, database }) => {
  const other = await open(url, { log: silentLog })
  try {
    const came = Promise.withResolvers<number>()
    await other.work([handle(ship, async ({ order }) => came.resolve(order))])
    database.exec('begin immediate')
    await post.send(ship, { order: 7 }, { within: database })
    database.exec('commit')
    equal(await came.promise, 7)
  } finally {
    await other.close()
  }
})

onSqlite("a handler's rows, its ack and what it sends are one", async ({ post, connect, rows }) => {
  const shipped: number[] = []
  const work = await post.work([
    handle(
      pay,
      async ({ order }, { tx, send }) => {
        tx.prepare('insert into business values (?)').run(order)
        await new Promise((resolve) => setImmediate(resolve))
        send(ship, { order })
        return order
      },
      { transaction: fromSqlite(connect()) },
    ),
    handle(ship, async ({ order }) => void shipped.push(order)),
  ])
  const sent = await Promise.all([1, 2, 4].map((order) => post.send(pay, { order })))
  deepEqual(await Promise.all(sent.map((each) => each.result())), [1, 2, 4])
  await work.drain()
  deepEqual(rows(), [1, 2, 4])
  deepEqual(
    shipped.sort((a, b) => a - b),
    [1, 2, 4],
  )
})

onSqlite('what would wait for its own transaction is named', async ({ post, connect, rows }) => {
  const found: string[] = []
  const note = (error: unknown): void => void found.push(isPosthornError(error) ? error.code : String(error))
  const attempts: number[] = []
  await post.work([
    handle(
      pay,
      async ({ order }, ctx) => {
        attempts.push(order)
        ctx.tx.prepare('insert into business values (?)').run(order)
        await post.send(ship, { order }).catch(note)
        await post.publish(orders, 'order.paid', { order }).catch(note)
        await post.commit((fx) => fx.send(ship, { order })).catch(note)
        await ctx.get('key').catch(note)
        await post.send(ship, { order }, { within: ctx.tx })
        return order
      },
      { transaction: fromSqlite(connect()) },
    ),
  ])
  equal(await (await post.send(pay, { order: 1 })).result(), 1)
  deepEqual(found, ['would-wait', 'would-wait', 'would-wait', 'would-wait'])
  deepEqual(attempts, [1])
  deepEqual(rows(), [1])
  equal((await post.queue('task:ship').depth())?.ready, 1)
})

onSqlite('what is no open transaction on this file is named', async ({ post, database, connect }) => {
  await rejects(post.send(ship, { order: 1 }, { within: database }), code('no-transaction'))
  const elsewhere = new DatabaseSync(':memory:')
  elsewhere.exec('begin')
  await rejects(post.send(ship, { order: 1 }, { within: elsewhere }), code('other-database'))
  await rejects(post.send(ship, { order: 1 }, { within: {} }), code('invalid-option'))
  // Its snapshot is older than what another has written.
  const late = connect()
  late.exec('begin')
  late.prepare('select count(*) from business').get()
  await post.send(ship, { order: 2 })
  await rejects(post.send(ship, { order: 1 }, { within: late }), code('transaction-failed'))
  late.exec('rollback')
  late.close()
  await rejects(post.send(ship, { order: 1 }, { within: late }), code('no-transaction'))
  const memory = await open('memory:', { log: silentLog })
  await rejects(memory.send(ship, { order: 1 }, { within: database }), code('unsupported'))
  await memory.close()
  equal((await post.queue('task:ship').depth())?.ready, 1)
})

onSqlite('a lease that has lapsed fails the transaction', async ({ post, connect, rows }) => {
  const source = fromSqlite(connect())
  const runs: number[] = []
  await post.work([
    handle(
      pay,
      async ({ order }, ctx) => {
        runs.push(ctx.attempt)
        ctx.tx.prepare('insert into business values (?)').run(order)
        // The whole thread stands still for longer than the lease, once.
        if (runs.length === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_300)
        return order
      },
      { transaction: source, lease: 1_000 },
    ),
  ])
  equal(await (await post.send(pay, { order: 1 })).result(), 1)
  ok(runs.length > 1)
  deepEqual(rows(), [1])
})

onSqlite('sources of one connection take turns', async ({ database, rows }) => {
  const insert = (n: number) => async (tx: DatabaseSync) => {
    tx.prepare('insert into business values (?)').run(n)
    await new Promise(setImmediate)
    if (n === 2) throw new Error('no two')
  }
  const done = await Promise.allSettled([1, 2, 3].map((n) => fromSqlite(database).transaction(insert(n))))
  deepEqual(
    done.map((each) => (each.status === 'rejected' ? (each.reason as Error).message : 'done')),
    ['done', 'no two', 'done'],
  )
  deepEqual(rows(), [1, 3])
})
