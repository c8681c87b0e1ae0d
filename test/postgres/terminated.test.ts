// The server ends sessions at any moment, as it does when it restarts: every message is handled with its effects exactly once.

import { deepEqual, equal } from 'node:assert/strict'
import type { Engine } from '../../src/core/engine.ts'
import { isPosthornError } from '../../src/core/error.ts'
import { commit, message, onPostgres } from './world.ts'

const COUNT = 300

onPostgres('all-or-nothing, once: acks with effects, while the server ends sessions', async (world) => {
  const url = `${world.url}?application_name=${world.schema}`
  const engines = await Promise.all([world.open({ url, pollMs: 5 }), world.open({ url, pollMs: 5 })])
  const sent: string[] = []
  for (let n = 0; n < COUNT; n += 50) {
    const messages = Array.from({ length: 50 }, (_, at) => message(at % 3 === 0 ? { key: `k${at % 6}` } : {}))
    sent.push(...messages.map(({ id }) => id))
    await engines[0].commit(messages.map((one) => ({ changes: [{ do: 'send' as const, queue: 'a', message: one }] })))
  }
  const done = new Set<string>()
  let leases = 0
  const terminate = 'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1'
  const work = async (engine: Engine): Promise<void> => {
    for (let n = 0; done.size < COUNT; n++) {
      const wants = [{ queue: 'a', max: 7 }]
      // A lease whose answer was lost lapses: soon, so that the test ends.
      const request = { id: `${leases++}`, worker: 'w', holder: 'client' as const, leaseMs: 2_000, wants }
      const { deliveries } = await engine.lease(request)
      await Promise.all(
        deliveries.map(async ({ token, stored }) => {
          const result = await commit(
            engine,
            { do: 'ack', token },
            { do: 'put', key: `done/${stored.id}`, value: new Uint8Array(), ifVersion: null },
            { do: 'send', queue: 'b', message: message({ text: stored.id }) },
          )
          if (result.status === 'committed') done.add(stored.id)
          else equal(result.code, 'stale', result.detail)
        }),
      )
      if (n % 9 === 8) await world.ask(terminate, [world.schema])
    }
  }
  await Promise.all(engines.map(work))
  deepEqual([...done].sort(), sent.sort())
  const [left] = await engines[0].depth(['a'])
  deepEqual([left!.ready, left!.held, left!.leased, left!.ended.acked], [0, 0, 0, COUNT])
  equal((await engines[1].depth(['b']))[0]!.ready, COUNT)
  equal((await world.ask("select key from {schema}.record where key like 'done/%'")).length, COUNT)
  await engines[0].close()
  await engines[0].commit([]).then(
    () => equal('answered', 'closed'),
    (error: unknown) => equal(isPosthornError(error) && error.code, 'closed'),
  )
})
