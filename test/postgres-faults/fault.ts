// What goes wrong with a database and those who use it, one after the other: each under load, with the laws as the judge, and with how long
// it took until work went on.

import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Client } from '../postgres/client.ts'
import type { OwnServer } from '../postgres/own-server.ts'
import { startProxy } from '../postgres/proxy.ts'
import { seededRandom, type Random } from '../kill9/random.ts'
import { Load, type Verdict } from './load.ts'
import { newSchema } from '../postgres/schema.ts'

export interface Fault {
  readonly name: string
  /** So soon work goes on, at most. */
  readonly withinMs: number
  readonly run: (arena: Arena) => Promise<Outcome>
}

export interface Arena {
  readonly server: OwnServer
  /** So often it goes wrong. */
  readonly rounds: number
  readonly seed: number
  /** How long a snapshot is held. */
  readonly holdMs: number
}

export interface Outcome extends Verdict {
  /** Until a send was confirmed and a run had ended, each time it could again, in ms. */
  readonly resumedMs: readonly number[]
}

const WORKERS = 2
/** From when the database can be reached. */
const BACK_MS = 2_000
/** The server ends a transaction in the middle of which nothing more is said for 5 s; a process may have two in which it holds up others. */
const PAUSED_MS = 12_000
const LONGEST_DRAIN_MS = 60_000

export const FAULTS: readonly Fault[] = [
  {
    name: 'the server is stopped and started',
    withinMs: BACK_MS,
    run: (arena) =>
      underLoad(arena, {}, async ({ load, random }) => {
        const resumed: number[] = []
        for (let round = 0; round < arena.rounds; round++) {
          await sleep(50 + random() * 200)
          await arena.server.stop(round % 2 === 0 ? 'fast' : 'immediate')
          await sleep(random() * 300)
          await arena.server.start()
          resumed.push(await resumes(arena, load))
        }
        return resumed
      }),
  },
  {
    name: 'connections are cut',
    withinMs: BACK_MS,
    run: (arena) =>
      underLoad(arena, { isBehindProxy: true }, async ({ load, random, proxy }) => {
        const resumed: number[] = []
        for (let round = 0; round < arena.rounds; round++) {
          await sleep(20 + random() * 200)
          proxy.cut()
          resumed.push(await resumes(arena, load))
        }
        return resumed
      }),
  },
  {
    name: 'connections are half-open',
    withinMs: BACK_MS,
    run: (arena) =>
      underLoad(arena, { isBehindProxy: true }, async ({ load, random, proxy }) => {
        const resumed: number[] = []
        for (let round = 0; round < arena.rounds; round++) {
          await sleep(20 + random() * 200)
          if (round % 2 === 0) proxy.freeze()
          else {
            proxy.freezeAll()
            await sleep(500 + random() * 1_500)
            proxy.thaw()
          }
          resumed.push(await resumes(arena, load))
        }
        return resumed
      }),
  },
  {
    name: 'workers are killed',
    withinMs: BACK_MS,
    run: (arena) =>
      underLoad(arena, {}, async ({ load, random }) => {
        for (let round = 0; round < arena.rounds; round++) {
          await sleep(20 + random() * 300)
          await load.replaceWorker()
        }
        return [await resumes(arena, load)]
      }),
  },
  {
    name: 'two sweep at once what killed workers held',
    withinMs: BACK_MS,
    run: (arena) =>
      underLoad(arena, {}, async ({ load, random }) => {
        await Promise.all([load.addSweeper(), load.addSweeper()])
        for (let round = 0; round < arena.rounds; round++) {
          await sleep(20 + random() * 300)
          // Every third time one of the two goes as well, in the middle of it.
          if (round % 3 === 2) await load.replaceSweeper()
          await load.replaceWorker()
        }
        return [await resumes(arena, load)]
      }),
  },
  {
    name: 'a worker is paused for longer than its leases',
    withinMs: PAUSED_MS,
    run: (arena) =>
      underLoad(arena, {}, async ({ load, random }) => {
        const resumed: number[] = []
        for (let round = 0; round < Math.ceil(arena.rounds / 5); round++) {
          await sleep(20 + random() * 200)
          const victim = load.workers[round % WORKERS]!
          victim.kill('SIGSTOP')
          resumed.push(await resumes(arena, load))
          await sleep(1_500)
          victim.kill('SIGCONT')
        }
        return resumed
      }),
  },
  {
    name: 'statements are cancelled and sessions ended',
    withinMs: BACK_MS,
    run: (arena) =>
      underLoad(arena, {}, async ({ load, random }) => {
        const admin = await connect(arena.server.url)
        for (let round = 0; round < arena.rounds * 10; round++) {
          await sleep(random() * 20)
          const end = round % 10 === 9 ? 'pg_terminate_backend' : 'pg_cancel_backend'
          await admin.query(
            `select ${end}(pid) from pg_stat_activity where application_name = 'posthorn' and state = 'active'`,
          )
        }
        await admin.end()
        return [await resumes(arena, load)]
      }),
  },
  {
    name: 'folds and others lock in the wrong order',
    withinMs: BACK_MS,
    run: (arena) => underLoad(arena, {}, (scene) => deadlocks(arena, scene)),
  },
  {
    name: 'a transaction holds its snapshot',
    withinMs: BACK_MS,
    run: (arena) =>
      underLoad(arena, {}, async ({ load }) => {
        const holder = await connect(arena.server.url)
        await holder.query('begin isolation level repeatable read; select count(*) from pg_class')
        await sleep(arena.holdMs)
        const resumed = await resumes(arena, load)
        await holder.end()
        return [resumed]
      }),
  },
]

interface Scene {
  readonly load: Load
  readonly random: Random
  readonly schema: string
  readonly proxy: Awaited<ReturnType<typeof startProxy>>
}

async function underLoad(
  { server, seed }: Arena,
  { isBehindProxy = false }: { readonly isBehindProxy?: boolean },
  body: (scene: Scene) => Promise<readonly number[]>,
): Promise<Outcome> {
  const schema = newSchema('fault')
  const proxy = await startProxy(server.url)
  const url = `${isBehindProxy ? proxy.url : server.url}?schema=${schema}`
  const load = new Load({ url, schema, workers: WORKERS })
  try {
    await load.start()
    const resumedMs = await body({ load, random: seededRandom(seed), schema, proxy })
    const admin = await connect(server.url)
    const verdict = await load.finish(admin, LONGEST_DRAIN_MS)
    await load.stop()
    await admin.query(`drop schema ${schema} cascade`)
    await admin.end()
    return { ...verdict, resumedMs }
  } finally {
    for (const child of load.workers) child.kill('SIGCONT')
    await load.stop()
    await proxy.close()
  }
}

/** Milliseconds until a send is confirmed and a run ends that had not when this was called. */
async function resumes({ server }: Arena, load: Load): Promise<number> {
  const since = performance.now()
  const before = load.confirmed
  const admin = await connect(server.url)
  const handled = await load.handled(admin)
  while (load.confirmed === before || (await load.handled(admin)) <= handled) {
    if (performance.now() - since > LONGEST_DRAIN_MS) break
    await sleep(5)
  }
  await admin.end()
  return performance.now() - since
}

/** A stranger locks messages that folds want, then what the fold holds: the server ends one of the two. */
async function deadlocks({ server, rounds }: Arena, { load, random, schema }: Scene): Promise<readonly number[]> {
  const resumed: number[] = []
  const stranger = await connect(server.url)
  for (let round = 0; round < rounds; round++) {
    await sleep(20 + random() * 100)
    await stranger.query('begin')
    // Already here the server may end the stranger: rows are locked in no order.
    const isCircle = await stranger
      .query(`select id from ${schema}.message where state = 1 for update`)
      .then(() => false, isDeadlock)
    if (!isCircle) {
      await waitsForLock(stranger)
      const locks = await stranger.query(
        "select objid::int as low, classid::int as high from pg_locks where locktype = 'advisory' and objid = 0 and granted limit 1",
      )
      const lock = locks.rows[0]
      // Where no fold holds it there is no circle this time.
      if (lock !== undefined)
        await stranger.query(`select pg_advisory_xact_lock(${String(lock['high'])}, 0)`).catch(() => {})
    }
    await stranger.query('rollback')
    resumed.push(await resumes({ server } as Arena, load))
  }
  await stranger.end()
  return resumed
}

function isDeadlock(error: unknown): true {
  if ((error as { readonly code?: string }).code === '40P01') return true
  throw error
}

/** Until somebody waits for a row of ours, or nobody did for a while. */
async function waitsForLock(client: Client): Promise<void> {
  for (let tries = 0; tries < 50; tries++) {
    const { rows } = await client.query(
      "select from pg_stat_activity where wait_event_type = 'Lock' and wait_event <> 'advisory' limit 1",
    )
    if (rows.length > 0) return
    await sleep(5)
  }
}
