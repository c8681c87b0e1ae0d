// The server ends sessions at any moment, as it does when it restarts: every message is handled with its effects exactly once.

import { deepEqual, equal } from 'node:assert/strict'
import { ManualClock } from '../../src/core/clock.ts'
import type { Engine } from '../../src/core/engine.ts'
import { isPosthornError } from '../../src/core/error.ts'
import { connect } from './client.ts'
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

onPostgres(
  'an engine whose clock stands still asks again all the same, when the server has ended its session',
  async (world) => {
    const url = `${world.url}?application_name=${world.schema}`
    const engine = await world.open({ url, clock: new ManualClock() })
    const sent = message()
    await commit(engine, { do: 'send', queue: 'a', message: sent })
    const other = await connect(world.url)
    await other.query(`begin; lock table ${world.schema}.message in access exclusive mode`)
    const finding = engine.find([{ queue: 'a', id: sent.id }])
    const deciding = commit(engine, { do: 'send', queue: 'a', message: message({ key: 'k' }) })
    const waiting = "from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'"
    while ((await world.ask(`select 1 ${waiting}`, [world.schema])).length < 2);
    await world.ask(`select pg_terminate_backend(pid) ${waiting}`, [world.schema])
    await other.query('rollback')
    await other.end()
    equal((await finding)[0]?.id, sent.id)
    equal((await deciding).status, 'committed')
  },
)
