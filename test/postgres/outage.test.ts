// Connections that are cut at any moment: what was confirmed is there once, what was not confirmed is there once or not at all, and work goes
// on as soon as the database answers.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { isPosthornError } from '../../src/core/error.ts'
import { startProxy } from './proxy.ts'
import { commit, message, onPostgres } from './world.ts'

onPostgres('all-or-nothing, once: sends whose connections are cut are there once, and are answered', async (world) => {
  const away = await startProxy(world.url)
  const engine = await world.open({ url: away.url })
  const confirmed = new Set<string>()
  const sent = new Set<string>()
  let left = 400
  const produce = async (): Promise<void> => {
    while (left-- > 0) {
      const one = message()
      sent.add(one.id)
      const result = await commit(
        engine,
        { do: 'send', queue: 'a', message: one },
        { do: 'put', key: `r/${one.id}`, value: new Uint8Array() },
      )
      // Repeated by itself it must not be taken for a duplicate of its own.
      ok(result.status === 'committed' && 'duplicate' in result.results[0]! && !result.results[0].duplicate)
      confirmed.add(one.id)
      if (confirmed.size % 40 === 0) away.cut()
    }
  }
  await Promise.all(Array.from({ length: 8 }, produce))
  equal(confirmed.size, sent.size)
  const stored = await world.ask('select id from {schema}.message')
  equal(stored.length, sent.size)
  equal((await world.ask('select key from {schema}.record')).length, sent.size)
  await engine.close()
  await away.close()
})

onPostgres(
  'once: plain sends whose connections are cut are there once, though they are handled meanwhile',
  async (world) => {
    const away = await startProxy(world.url)
    const engine = await world.open({ url: away.url })
    const worker = await world.open()
    const sent: string[] = []
    const handled: string[] = []
    const numbers = Array.from({ length: 600 }, (_, n) => n)
    const produce = async (): Promise<void> => {
      for (let n = numbers.pop(); n !== undefined; n = numbers.pop()) {
        const one = message()
        sent.push(one.id)
        const result = await commit(engine, { do: 'send', queue: 'a', message: one })
        ok(result.status === 'committed' && 'duplicate' in result.results[0]! && !result.results[0].duplicate)
        if (n % 60 === 0) away.cut()
      }
    }
    const consume = async (): Promise<void> => {
      for (let n = 0; numbers.length > 0 || handled.length < sent.length; n++) {
        const wants = [{ queue: 'a', max: 50 }]
        const { deliveries } = await worker.lease({
          id: `${n}`,
          worker: 'w',
          holder: 'client',
          leaseMs: 600_000,
          wants,
        })
        await worker.commit(deliveries.map(({ token }) => ({ changes: [{ do: 'ack' as const, token }] })))
        handled.push(...deliveries.map(({ stored }) => stored.id))
      }
    }
    await Promise.all([consume(), ...Array.from({ length: 8 }, produce)])
    deepEqual(handled.sort(), sent.sort())
    const depth = await worker.depth(['a'])
    deepEqual([depth[0]!.ready, depth[0]!.ended.acked], [0, sent.length])
    await engine.close()
    await away.close()
  },
)

onPostgres('a commit that finds no database in time is answered unknown', async (world) => {
  const away = await startProxy(world.url)
  const engine = await world.open({ url: away.url, outageMs: 50 })
  await away.close()
  await commit(engine, { do: 'send', queue: 'a', message: message() }).then(
    () => ok(false, 'it is not confirmed'),
    (error: unknown) => ok(isPosthornError(error) && error.code === 'unknown', String(error)),
  )
})
