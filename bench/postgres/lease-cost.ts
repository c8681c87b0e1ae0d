/**
 * What a hand-out costs while many wait that it must not hand out: behind the head of one key, or for their time. Through the engine's
 * contract: one message is sent, handed out and acked, again and again, and the time of the lease is taken.
 */
import { systemClock } from '../../src/core/clock.ts'
import type { Change, Engine } from '../../src/core/engine.ts'
import { createIds } from '../../src/core/id.ts'
import { DEFAULT_PRIORITY, type Message } from '../../src/core/message.ts'
import { DEFAULT_QUEUE } from '../../src/core/settings.ts'
import { openPostgresUrl } from '../../src/engine/postgres/url.ts'
import { median } from '../measure.ts'
import { posthornUrl } from './contestant.ts'
import { Server } from './server.ts'

const QUEUE = 'work'
const BATCH = 1_000
const LEASES = 300
const WARM_UP = 50
const DAY_MS = 86_400_000
const BAR = 1.5

const ids = createIds(systemClock)
const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(245) }))

export async function leaseCost(url: string, waiting: number): Promise<string> {
  const kinds: readonly (readonly [kind: string, more: Partial<Message>])[] = [
    ['nearly empty', {}],
    [`${waiting} behind one key`, { key: 'one' }],
    [`${waiting} delayed`, { delay: { afterMs: DAY_MS } }],
  ]
  const server = new Server(url)
  const schema = `posthorn_bench_${process.pid}`
  const schemas = kinds.map((_, at) => `${schema}_${at}`)
  const engines = await Promise.all(schemas.map((each) => openPostgresUrl(posthornUrl(url, each), {})))
  const times: number[][] = kinds.map(() => [])
  try {
    for (const [at, engine] of engines.entries()) {
      await commit(engine, [{ do: 'configure', queue: QUEUE, settings: DEFAULT_QUEUE }])
      if (at > 0) await fill(engine, waiting, kinds[at]![1])
    }
    await server.checkpoint()
    // In turn, so that a slow moment of the machine hits all alike.
    for (let lease = 0; lease < WARM_UP + LEASES; lease++)
      for (const [at, engine] of engines.entries()) {
        const ms = await timeOf(engine, lease)
        if (lease >= WARM_UP) times[at]!.push(ms)
      }
  } finally {
    for (const engine of engines) await engine.close()
    for (const each of schemas) await server.drop(each)
  }
  const medians = times.map((of) => median(of))
  const lines = kinds.map(([kind], at) => {
    const ratio = medians[at]! / medians[0]!
    const bar = at === 0 ? '' : ` (at most ${BAR}x: ${ratio <= BAR ? 'yes' : 'no'})`
    return `${kind}: p50 ${medians[at]!.toFixed(2)} ms, ${ratio.toFixed(2)}x${bar}`
  })
  return `lease of one message, ${LEASES} times\n\n${lines.join('\n')}`
}

async function fill(engine: Engine, count: number, more: Partial<Message>): Promise<void> {
  for (let sent = 0; sent < count; sent += BATCH)
    await commit(
      engine,
      Array.from({ length: BATCH }, () => send(more)),
    )
  if (more.key === undefined) return
  // Its head is handed out, and stays so.
  await engine.lease({ ...request('head'), leaseMs: DAY_MS })
}

async function timeOf(engine: Engine, lease: number): Promise<number> {
  await commit(engine, [send({})])
  const start = performance.now()
  const { deliveries } = await engine.lease(request(`${lease}`))
  const ms = performance.now() - start
  await commit(
    engine,
    deliveries.map(({ token }) => ({ do: 'ack', token })),
  )
  return ms
}

async function commit(engine: Engine, changes: readonly Change[]): Promise<void> {
  const [result] = await engine.commit([{ changes }])
  if (result?.status !== 'committed') throw new Error(`a commit was refused: ${result?.detail}`)
}

function send(more: Partial<Message>): Change {
  const id = ids.uuid()
  const event = { id, source: 'posthorn:', type: 'posthorn.bench', datacontenttype: 'application/json' }
  return { do: 'send', queue: QUEUE, message: { id, event, body, priority: DEFAULT_PRIORITY, ...more } }
}

function request(id: string): Parameters<Engine['lease']>[0] {
  return { id, worker: 'bench', holder: 'client', leaseMs: 30_000, wants: [{ queue: QUEUE, max: 1 }] }
}
