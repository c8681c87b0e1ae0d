// What becomes of a handler's transaction when its run does not end by itself.

import { equal, match, ok, rejects } from 'node:assert/strict'
import pg from 'pg'
import { handle, isPosthornError, open, silentLog, task, type Post, type TransactionSource } from '../../src/index.ts'
import { fromPg, type PgClient } from '../../src/postgres.ts'
import { onPostgres, type World } from './world.ts'

interface Bench {
  readonly post: Post
  readonly source: TransactionSource<PgClient>
  readonly insert: (client: PgClient) => Promise<unknown>
  readonly rows: () => Promise<number>
  readonly idle: () => Promise<void>
}

function onBench(name: string, run: (bench: Bench, world: World) => Promise<void>): void {
  onPostgres(name, async (world) => {
    const url = new URL(world.url)
    url.searchParams.set('schema', world.schema)
    const post = await open(url.href, { log: silentLog })
    const { Pool } = pg as { Pool: new (config: object) => { connect(): Promise<PgClient>; end(): Promise<void> } }
    const pool = new Pool({ connectionString: world.url, max: 4, application_name: world.schema })
    await world.ask('create table {schema}.business (n int)')
    try {
      await run(
        {
          post,
          source: fromPg(pool),
          insert: (client) => client.query(`insert into ${world.schema}.business values (1)`),
          rows: async () =>
            (await world.ask('select count(*)::int as count from {schema}.business'))[0]!['count'] as number,
          async idle() {
            const open = `select from pg_stat_activity where application_name = $1 and state <> 'idle'`
            while ((await world.ask(open, [world.schema])).length > 0);
          },
        },
        world,
      )
    } finally {
      await post.close({ grace: 0 })
      await pool.end()
    }
  })
}

onBench('a run that takes too long is rolled back', async ({ post, source, insert, rows, idle }) => {
  const slow = task('slow', { timeout: '300ms', retry: { attempts: 1 } })
  const aborted = (signal: AbortSignal) => new Promise((resolve) => signal.addEventListener('abort', resolve))
  await post.work([
    handle(
      slow,
      async (_, { tx, signal }) => {
        await insert(tx)
        await aborted(signal)
      },
      { transaction: source },
    ),
  ])
  const ended = await (await post.send(slow)).ended()
  equal(ended.status === 'failed' && ended.error.code, 'timed-out')
  await idle()
  equal(await rows(), 0)
})

onBench('a worker that stops gives back what runs, and rolls it back', async ({ post, source, insert, rows, idle }) => {
  const held = task('held')
  const began = Promise.withResolvers<void>()
  const worker = await post.work([
    handle(
      held,
      async (_, { tx, signal }) => {
        await insert(tx)
        began.resolve()
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
      { transaction: source },
    ),
  ])
  await post.send(held)
  await began.promise
  await worker.stop({ grace: 0 })
  await idle()
  equal(await rows(), 0)
  equal((await post.queue(held).depth())?.ready, 1)
})

onBench('a lease that was lost fails the transaction', async ({ post, source, insert, rows }, world) => {
  const late = task('late')
  const began = Promise.withResolvers<void>()
  const attempts: string[] = []
  await post.work([
    handle(
      late,
      async (_, { tx, id }) => {
        await insert(tx)
        if (attempts.push(id) > 1) return
        began.resolve()
        // Until it is handed out again.
        while ((await post.queue(late).find(id))?.acquired !== 2);
      },
      { transaction: source },
    ),
  ])
  const operation = await post.send(late)
  await began.promise
  await world.ask('update {schema}.message set until = 1 where state = 1')
  await operation.result()
  equal(await rows(), 1)
  equal(attempts.length, 2)
})

onBench('a source that does not run its body is named', async ({ post }) => {
  const idle = task('idle', { retry: { attempts: 1 } })
  const source = { transaction: () => Promise.resolve(undefined as never) }
  await post.work([handle(idle, async () => {}, { transaction: source })])
  const ended = await (await post.send(idle)).ended()
  ok(ended.status === 'failed')
  match(ended.error.message, /without having run its body/)
})

onBench('an engine that joins no transactions takes no such handler', async ({ source }) => {
  const memory = await open('memory:', { log: silentLog })
  const handlers = [handle(task('any'), async () => {}, { transaction: source })]
  await rejects(memory.work(handlers), (error) => isPosthornError(error) && error.code === 'unsupported')
  await memory.close()
})
