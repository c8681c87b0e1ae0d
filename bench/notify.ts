/**
 * What it costs that processes tell each other (`notify`), against looking: commits that notify inside are made one after the other by the
 * server; Posthorn tells on a session of its own when all is durable. In one run, in turn, on one server.
 * `node bench/notify.ts [--rounds 3] [--seconds 2] [--engine postgres://…]`
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/core/clock.ts'
import type { Engine } from '../src/core/engine.ts'
import { createIds } from '../src/core/id.ts'
import { openPostgresUrl } from '../src/engine/postgres/url.ts'
import { connect } from '../test/postgres/client.ts'
import { installedPrograms, OwnServer } from '../test/postgres/own-server.ts'
import { median, percentiles } from './measure.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    engine: { type: 'string' },
  },
})
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
const SESSIONS = 8
const CALLERS = 100
/** So far apart that who looks has begun to look rarely. */
const QUIET_MS = 300
const QUIET_SENDS = 10

const programs = installedPrograms()
const server = values.engine === undefined && programs !== null ? await OwnServer.create(programs) : null
await server?.start()
const base = values.engine ?? server?.url
if (base === undefined) throw new Error('give --engine postgres://…: no PostgreSQL is installed here')
const ids = createIds(systemClock)

/** How many times a second, by so many at once. */
async function rate(callers: number, act: (caller: number) => Promise<unknown>): Promise<number> {
  let count = 0
  const untilMs = performance.now() + seconds * 1_000
  const call = async (caller: number): Promise<void> => {
    for (; performance.now() < untilMs; count++) await act(caller)
  }
  await Promise.all(Array.from({ length: callers }, (_, caller) => call(caller)))
  return Math.round(count / seconds)
}

function send(engine: Engine): Promise<unknown> {
  const id = ids.uuid()
  const message = { id, event: { id, source: '/b', type: 'b' }, body: Buffer.alloc(256, 'x'), priority: 4 as const }
  return engine.commit([{ changes: [{ do: 'send', queue: 'q', message }] }])
}

/** From a confirmed send of one process to the hint in another, in milliseconds. */
async function wakeUps(sender: Engine, watcher: Engine): Promise<number[]> {
  const times: number[] = []
  let heard: (() => void) | null = null
  using _watch = watcher.watch({ queues: ['q'] }, () => heard?.())
  for (let n = 0; n < QUIET_SENDS; n++) {
    await sleep(QUIET_MS)
    const hint = new Promise<void>((resolve) => (heard = resolve))
    const startMs = performance.now()
    await send(sender)
    await hint
    times.push(performance.now() - startMs)
    heard = null
    // Looked at again, it must be empty: else every look finds it.
    const wants = [{ queue: 'q', max: 100 }]
    const { deliveries } = await watcher.lease({
      id: ids.uuid(),
      worker: 'b',
      holder: 'client',
      leaseMs: 60_000,
      wants,
    })
    await watcher.commit(deliveries.map(({ token }) => ({ changes: [{ do: 'ack' as const, token }] })))
  }
  return times
}

const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => connect(base)))
const table = `notify_${randomBytes(6).toString('hex')}`
await sessions[0]!.query(`create table ${table} (n int)`)
await sessions[0]!.query(`listen ${table}`)
const insert = `insert into ${table} values (1)`
const plain: number[] = []
const notifying: number[] = []
for (let round = 0; round < rounds; round++) {
  plain.push(await rate(SESSIONS, (at) => sessions[at]!.query(insert)))
  notifying.push(await rate(SESSIONS, (at) => sessions[at]!.query(`begin; ${insert}; notify ${table}; commit`)))
}
console.log(`raw inserts by ${SESSIONS} sessions: ${median(plain)}/s, with notify inside ${median(notifying)}/s`)
await sessions[0]!.query(`drop table ${table}`)
await Promise.all(sessions.map((session) => session.end()))

const variants = ['true', 'false'].map((notify) => ({ notify, sends: [] as number[], wakes: [] as number[] }))
for (let round = 0; round < rounds; round++) {
  for (const { notify, sends, wakes } of variants) {
    const schema = `notify_${randomBytes(6).toString('hex')}`
    const url = `${base}${base.includes('?') ? '&' : '?'}schema=${schema}&notify=${notify}`
    const [sender, watcher] = await Promise.all([openPostgresUrl(url, {}), openPostgresUrl(url, {})])
    wakes.push(...(await wakeUps(sender, watcher)))
    using _watch = watcher.watch({ queues: ['q'] }, () => {})
    sends.push(await rate(CALLERS, () => send(sender)))
    await Promise.all([sender.close(), watcher.close()])
    const admin = await connect(base)
    await admin.query(`drop schema ${schema} cascade`)
    await admin.end()
  }
}
for (const { notify, sends, wakes } of variants) {
  const { p50, p99 } = percentiles(wakes)
  console.log(
    `notify=${notify}: ${median(sends)} sends/s of ${CALLERS} callers (${sends.join(', ')}); another process that was idle wakes after ${p50} ms (p99 ${p99})`,
  )
}
await server?.remove()
