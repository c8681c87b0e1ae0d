// Plain sends, which share a statement: messages of few kinds and of many, folds beside each other, folds that cannot be.

import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Engine, LeaseRequest } from '../../src/core/engine.ts'
import type { Message } from '../../src/core/message.ts'
import { commit, message, onPostgres } from './world.ts'

const QUEUES = ['a', 'b', 'c']
/** More than fit into one fold that is not large. */
const LARGE = 300
const CALLS = 12

const request: Omit<LeaseRequest, 'id' | 'wants'> = { worker: 'w', holder: 'client', leaseMs: 60_000 }

async function ready(world: { open(): Promise<Engine> }): Promise<Engine> {
  const engine = await world.open()
  // From now on they are known.
  for (const queue of QUEUES) await commit(engine, { do: 'send', queue, message: message() })
  for (const queue of QUEUES) await engine.lease({ ...request, id: `first ${queue}`, wants: [{ queue, max: 1 }] })
  return engine
}

async function come(engine: Engine, queue: string, messages: readonly Message[]): Promise<void> {
  const { deliveries } = await engine.lease({ ...request, id: `all ${queue}`, wants: [{ queue, max: 10_000 }] })
  const sent = messages.toSorted((one, other) => other.priority - one.priority)
  deepEqual(
    deliveries.map(({ stored }) => stored.message),
    sent,
  )
}

for (const [title, kinds] of [
  ['one', 1],
  ['a few', 3],
  ['many', 40],
] as const) {
  onPostgres(`visible: a fold of ${title} kinds of messages to several queues comes whole`, async (world) => {
    const engine = await ready(world)
    const sent = new Map<string, Message[]>(QUEUES.map((queue) => [queue, []]))
    const commits = Array.from({ length: 60 }, (_, n) => {
      const kind = n % kinds
      const one = message({ priority: kind % 3, text: `${n}`, ...(kind % 2 === 1 ? { report: `r${kind}` } : {}) })
      const event = { ...one.event, type: `t${kind}` }
      const queue = QUEUES[kind % QUEUES.length]!
      sent.get(queue)!.push({ ...one, event })
      return { changes: [{ do: 'send' as const, queue, message: { ...one, event } }] }
    })
    for (const { status } of await engine.commit(commits)) equal(status, 'committed')
    for (const [queue, messages] of sent) await come(engine, queue, messages)
    const depths = await engine.depth(QUEUES)
    deepEqual(
      depths.map(({ leased }) => leased - 1),
      QUEUES.map((queue) => sent.get(queue)!.length),
    )
  })
}

onPostgres(
  'visible: large calls that are made one after the other without waiting come in that order',
  async (world) => {
    const engine = await ready(world)
    const calls = Array.from({ length: CALLS }, (_, call) =>
      Array.from({ length: LARGE }, (__, n) => message({ text: `${call} ${n}` })),
    )
    const results = await Promise.all(
      calls.map((messages) =>
        engine.commit([{ changes: messages.map((each) => ({ do: 'send' as const, queue: 'a', message: each })) }]),
      ),
    )
    ok(results.every(([result]) => result!.status === 'committed'))
    await come(engine, 'a', calls.flat())
  },
)

onPostgres('once: of large calls beside each other the one with a duplicate changes nothing twice', async (world) => {
  const engine = await ready(world)
  const calls = Array.from({ length: CALLS }, () => Array.from({ length: LARGE }, () => message()))
  calls[5]![7] = calls[1]![3]!
  const results = await Promise.all(
    calls.map((messages) =>
      engine.commit([{ changes: messages.map((each) => ({ do: 'send' as const, queue: 'a', message: each })) }]),
    ),
  )
  ok(results.every(([result]) => result!.status === 'committed'))
  equal((await engine.depth(['a']))[0]!.ready, CALLS * LARGE - 1)
  const { living } = (
    await world.ask(
      'select sum(living)::int as living from {schema}.tally t join {schema}.queue q using (queue) where name = $1',
      ['a'],
    )
  )[0] as { readonly living: number }
  equal(living, CALLS * LARGE, 'with the first, which is handed out')
})
