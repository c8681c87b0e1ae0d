// Behind a pooler in transaction mode, which gives each transaction another session: all works, by several engines at once, and what is woken
// is woken.

import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Engine } from '../../src/core/engine.ts'
import { connect } from './client.ts'
import { startPooler } from './pooler.ts'
import { commit, message, onPostgres } from './world.ts'

const COUNT = 60

onPostgres('once, key-order: behind a pooler in transaction mode', async (world) => {
  const pooler = await startPooler(world.url, 3)
  const options = { url: pooler.url, isPooled: true, connections: 3 }
  const engines = await Promise.all([world.open(options), world.open(options)])
  const woken = new Promise<void>((resolve) => void engines[1].watch({ queues: ['a'] }, () => resolve()))
  const sent: string[] = []
  for (let n = 0; n < COUNT; n++) {
    const one = message({ text: `${n}`, ...(n % 2 === 0 ? { key: `k${n % 6}` } : {}) })
    sent.push(one.id)
    equal((await commit(engines[n % 2]!, { do: 'send', queue: 'a', message: one })).status, 'committed')
  }
  await woken
  const handled: string[] = []
  const order = new Map<string, number[]>()
  let leases = 0
  const work = async (engine: Engine): Promise<void> => {
    while (handled.length < COUNT) {
      const wants = [{ queue: 'a', max: 10 }]
      const request = { id: `${leases++}`, worker: 'w', holder: 'process' as const, leaseMs: 600_000, wants }
      const { deliveries } = await engine.lease(request)
      for (const { token, stored } of deliveries) {
        deepEqual(await engine.extend([token], 600_000), ['kept'])
        const isFirst = stored.acquired === 1 && stored.id.endsWith('0')
        const error = { code: 'again', message: '' }
        const result = await commit(
          engine,
          isFirst ? { do: 'retry', token, delay: { afterMs: 0 }, error } : { do: 'ack', token },
          { do: 'put', key: `seen/${stored.id}`, value: new Uint8Array() },
        )
        equal(result.status, 'committed')
        if (isFirst) continue
        handled.push(stored.id)
        const { key = stored.id } = stored.message
        order.set(key, [...(order.get(key) ?? []), Number(new TextDecoder().decode(stored.message.body))])
      }
    }
  }
  await Promise.all(engines.map(work))
  deepEqual(handled.sort(), sent.sort())
  for (const numbers of order.values())
    deepEqual(
      numbers,
      numbers.toSorted((one, other) => one - other),
    )
  equal((await engines[0].list({ prefix: 'seen/', after: null, limit: 1_000 })).items.length, COUNT)
  const [depth] = await engines[1].depth(['a'])
  deepEqual([depth!.ready, depth!.leased, depth!.ended.acked], [0, 0, COUNT])
  for (const count of pooler.transactions) ok(count > 5, 'every session was used')
  await Promise.all(engines.map((engine) => engine.close()))
  await pooler.close()
})

onPostgres('the pooler keeps nothing of a session for a client: who needs that is found out', async (world) => {
  const pooler = await startPooler(world.url, 2)
  const strangers = [await connect(pooler.url), await connect(pooler.url)]
  // Prepared statements are kept in sessions.
  const error = await world
    .open({ url: pooler.url, connections: 1, outageMs: 1 })
    .then(async (engine) => {
      for (let n = 0; n < 10; n++) {
        await commit(engine, { do: 'send', queue: 'a', message: message() })
        // Strangers take the sessions in turn, so that the engine has the other one each time.
        await strangers[n % 2]!.query('begin')
        await strangers[(n + 1) % 2]!.query('rollback')
      }
      return null
    })
    .catch((thrown: unknown) => thrown)
  for (const stranger of strangers) await stranger.end()
  ok(error instanceof Error)
  await pooler.close()
})
