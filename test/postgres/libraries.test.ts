// `within` and `transaction` with each of the libraries that users have: the real library, the real server.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { z } from 'zod'
import { handle, isPosthornError, open, silentLog, task, topic, subscribe, type Post } from '../../src/index.ts'
import { LIBRARIES, type Library } from './library.ts'
import { onPostgres, type World } from './world.ts'

const pay = task('pay', { input: z.object({ order: z.number() }), output: z.number() })
const ship = task('ship', { input: z.object({ order: z.number() }) })
const orders = topic('orders', { 'order.paid': z.object({ order: z.number() }) })

const code =
  (...expected: readonly string[]) =>
  (error: unknown): boolean =>
    isPosthornError(error) && (ok(expected.includes(error.code), `${error.code}: ${error.message}`), true)

const refusal = new Error('the user rolls back')

async function withLibrary(
  world: World,
  create: (url: string) => Library,
  run: (library: Library, post: Post, rows: () => Promise<number[]>) => Promise<void>,
): Promise<void> {
  const url = new URL(world.url)
  url.searchParams.set('schema', world.schema)
  const library = create(world.url)
  const post = await open(url.href, { log: silentLog })
  await world.ask('create table {schema}.business (n int)')
  const rows = async (): Promise<number[]> =>
    (await world.ask('select n from {schema}.business order by n')).map(({ n }) => n as number)
  try {
    await run(library, post, rows)
  } finally {
    await post.close()
    await library.end()
  }
}

for (const [name, create] of Object.entries(LIBRARIES)) {
  onPostgres(`${name}: sends, publishes and commits are part of the user's transaction`, async (world) => {
    await withLibrary(world, create, async ({ source, run, adapt }, post, rows) => {
      const insert = (tx: object, n: number) => run(tx, `insert into ${world.schema}.business values (${n})`)
      const heard: number[] = []
      const done = Promise.withResolvers<void>()
      await post.work([
        handle(pay, async ({ order }) => order * 10),
        subscribe(orders, 'ledger', 'order.paid', async ({ data }) => {
          if (heard.push(data.order) === 2) done.resolve()
        }),
      ])
      const sent = await source.transaction(async (tx) => {
        await insert(tx, 1)
        const operation = await post.send(pay, { order: 1 }, { within: tx })
        equal(operation.receipt.durability, 'joined')
        await rejects(operation.result(), code('would-wait'))
        // Its named adapter does the same.
        await post.publish(orders, 'order.paid', { order: 1 }, { within: adapt(tx) })
        await post.commit(
          (fx) => {
            fx.publish(orders, 'order.paid', { order: 1 })
            fx.put('seen', { order: 1, text: `it's "quoted" \\ and $1 ? odd` })
          },
          { within: tx },
        )
        return operation
      })
      equal(await sent.result(), 10)
      await done.promise
      deepEqual(heard, [1, 1])
      deepEqual((await post.records.get('seen'))?.value, { order: 1, text: `it's "quoted" \\ and $1 ? odd` })
      let lost: typeof sent | undefined
      await rejects(
        source.transaction(async (tx) => {
          await insert(tx, 2)
          lost = await post.send(pay, { order: 2 }, { within: tx })
          await post.commit((fx) => fx.put('seen', { order: 2 }), { within: tx })
          throw refusal
        }),
        (error) => error === refusal,
      )
      await rejects(lost!.result(), code('operation-not-found'))
      deepEqual(await rows(), [1])
      deepEqual((await post.records.get('seen'))?.value, { order: 1, text: `it's "quoted" \\ and $1 ? odd` })
    })
  })

  onPostgres(`${name}: what is no open transaction is named`, async (world) => {
    await withLibrary(world, create, async ({ source, outside, run }, post) => {
      await rejects(post.send(pay, { order: 1 }, { within: outside }), code('no-transaction'))
      let ended: object | undefined
      await source.transaction(async (tx) => void (ended = tx))
      await rejects(post.send(pay, { order: 1 }, { within: ended! }), code('no-transaction', 'transaction-failed'))
      await rejects(
        source.transaction(async (tx) => {
          await run(tx, 'select * from nothing').then(
            () => ok(false),
            () => {},
          )
          await post.send(pay, { order: 1 }, { within: tx })
        }),
        code('transaction-failed'),
      )
      equal(await post.queue('task:pay').depth(), null)
    })
  })

  onPostgres(`${name}: a handler's rows, its ack and what it sends are one`, async (world) => {
    await withLibrary(world, create, async ({ source, run }, post, rows) => {
      const shipped: number[] = []
      const runs: number[] = []
      const work = await post.work([
        handle(
          pay,
          async ({ order }, ctx) => {
            runs.push(order)
            await run(ctx.tx, `insert into ${world.schema}.business values (${order})`)
            ctx.send(ship, { order })
            if (order === 2 && ctx.attempt === 1) return ctx.retry({ after: 0 })
            if (order === 3 && ctx.attempt === 1) throw new Error('it fails')
            if (order === 4) return ctx.bury('never')
            return order
          },
          { transaction: source },
        ),
        handle(ship, async ({ order }) => void shipped.push(order)),
      ])
      const operations = await Promise.all([1, 2, 3, 4].map((order) => post.send(pay, { order })))
      const ended = await Promise.all(operations.map((each) => each.ended()))
      deepEqual(
        ended.map(({ status }) => status),
        ['succeeded', 'succeeded', 'succeeded', 'failed'],
      )
      await work.drain()
      deepEqual(await rows(), [1, 2, 3])
      deepEqual(
        shipped.sort((a, b) => a - b),
        [1, 2, 3],
      )
      equal(runs.length, 6)
    })
  })
}
