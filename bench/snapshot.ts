/**
 * What a transaction costs that holds its snapshot for minutes, as a report or a forgotten session does: nothing that was handled meanwhile
 * can be cleaned up, and whoever looks for what is ready passes all of it. Sends at a steady rate on three priorities, handles, and compares
 * the last 30 s with the first: in time, and in index entries that the server passed for each message, which no other load changes.
 */
import { randomBytes } from 'node:crypto'
import { handle, open, queue } from 'posthorn'
import { z } from 'zod'
import { readCommandLine } from '../test/command-line.ts'
import { connect } from '../test/postgres/client.ts'
import { installedPrograms, OwnServer } from '../test/postgres/own-server.ts'

const USAGE = `npm run bench:snapshot -- [options]
  --seconds S   how long the snapshot is held (default 180)
  --rate R      sends a second (default 1000)
  --window S    seconds at the beginning and at the end that are compared (default 30)
  --hold false  the same without a snapshot
  --engine URL  postgres://… (default: a server of its own)`
const values = readCommandLine(USAGE, ['seconds', 'rate', 'window', 'hold', 'engine'])
const [seconds, rate, windowSeconds] = [values.seconds ?? 180, values.rate ?? 1_000, values.window ?? 30].map(
  Number,
) as [number, number, number]
const isHeld = values.hold !== 'false'
const PRIORITIES = [2, 4, 6] as const
/** Sends that are made together. */
const STEP_MS = 5

const programs = installedPrograms()
const server = values.engine === undefined && programs !== null ? await OwnServer.create(programs) : null
await server?.start()
const base = values.engine ?? server?.url
if (base === undefined) throw new Error('give --engine postgres://…: no PostgreSQL is installed here')
const schema = `snapshot_${randomBytes(6).toString('hex')}`
const admin = await connect(base)
const post = await open(`${base}${base.includes('?') ? '&' : '?'}schema=${schema}`)

const work = queue('work', { data: z.object({ atMs: z.number(), filling: z.string() }) })
const windows: number[][] = []
const startMs = performance.now()
await post.work([
  handle(
    work,
    ({ atMs }) => {
      const nowMs = performance.now()
      const window = (windows[Math.floor((nowMs - startMs) / 1_000 / windowSeconds)] ??= [])
      window.push(nowMs - atMs)
    },
    { concurrency: 200 },
  ),
])
const reads: number[] = []
/** Entries of the two indexes through which everything goes that were passed so far. */
async function passed(): Promise<number> {
  const { rows } = await admin.query(
    "select sum(idx_tup_read)::int8 as sum from pg_stat_user_indexes where schemaname = $1 and indexrelname in ('message_ready', 'message_lease')",
    [schema],
  )
  return Number(rows[0]?.['sum'])
}
const filling = 'x'.repeat(200)
await post.send(work, { atMs: performance.now(), filling })

const holder = await connect(base)
if (isHeld) await holder.query('begin isolation level repeatable read; select count(*) from pg_class')
reads.push(await passed())
const counting = setInterval(() => void passed().then((sum) => reads.push(sum)), windowSeconds * 1_000)
let sent = 0
let refused = 0
const underWay = new Set<Promise<void>>()
await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startMs
    if (elapsedMs >= seconds * 1_000) {
      clearInterval(timer)
      return resolve()
    }
    for (const due = (elapsedMs / 1_000) * rate; sent < due; sent++) {
      const sending: Promise<void> = send(sent).finally(() => underWay.delete(sending))
      underWay.add(sending)
    }
  }, STEP_MS)
})
await Promise.all(underWay)
clearInterval(counting)
reads.push(await passed())

async function send(n: number): Promise<void> {
  try {
    await post.send(work, { atMs: performance.now(), filling }, { priority: PRIORITIES[n % PRIORITIES.length]! })
  } catch {
    refused++
  }
}

const whole = windows.slice(0, Math.floor(seconds / windowSeconds)).map((window, number) => {
  const sorted = window.toSorted((one, other) => one - other)
  const at = (share: number): number => Number((sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(2))
  return {
    perSecond: Math.round(sorted.length / windowSeconds),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    passedEach: Math.round((reads[number + 1]! - reads[number]!) / sorted.length),
  }
})
const [first, last] = [whole[0], whole.at(-1)]
const { rows } = await admin.query(
  'select n_dead_tup::int as dead from pg_stat_user_tables where schemaname = $1 and relname = $2',
  [schema, 'message'],
)
console.log(
  JSON.stringify({
    bench: 'snapshot',
    isHeld,
    rate,
    seconds,
    refused,
    dead: rows[0]?.['dead'],
    windows: whole,
    throughputRatio: Number((last!.perSecond / first!.perSecond).toFixed(2)),
    p99Ratio: Number((last!.p99Ms / first!.p99Ms).toFixed(2)),
    bars: { throughputRatio: 0.8, p99Ratio: 2 },
  }),
)
await holder.end()
await post.close()
await admin.query(`drop schema ${schema} cascade`)
await admin.end()
await server?.remove()
