// A large limit holds although most sends do not look at it: between two looks each process sends at most a 64th of what is free. And how much
// one request is handed out.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { DEFAULT_QUEUE } from '../../src/core/settings.ts'
import { loadPg, type Driver } from '../../src/engine/postgres/connection/driver.ts'
import { commit, message, onPostgres } from './world.ts'

const LIMIT = 100_000
const SHARES = 64

onPostgres('bounded: a process that does not look at a large limit takes no more than its share', async (world) => {
  const pg = await loadPg(world.url)
  let unseen = 0
  const runs: number[] = []
  const driver: Driver = {
    async connect() {
      const connection = await pg.connect()
      return {
        ...connection,
        query: (statement, values) => {
          if (statement.name === 'posthorn send') runs.push((unseen += (values![12] as readonly string[]).length))
          if (statement.name === 'posthorn lock') unseen = 0
          return connection.query(statement, values)
        },
      }
    },
  }
  const engine = await world.open({ driver, pollMs: 3_600_000 })
  const settings = { ...DEFAULT_QUEUE, limit: { messages: LIMIT, bytes: null } }
  await commit(engine, { do: 'configure', queue: 'a', settings })
  for (let n = 0; n < 20; n++) {
    const changes = Array.from({ length: 300 }, () => ({ do: 'send' as const, queue: 'a', message: message() }))
    equal((await commit(engine, ...changes)).status, 'committed')
  }
  ok(runs.length > 0, 'most of it goes the short way')
  ok(Math.max(...runs) <= LIMIT / SHARES, `${Math.max(...runs)} without a look`)
})

onPostgres('no-starvation: what is asked of empty queues takes no room from those after them', async (world) => {
  const engine = await world.open({ limits: { leaseBatch: 3 } })
  for (const queue of ['b', 'c', 'c', 'c']) await commit(engine, { do: 'send', queue, message: message() })
  const wants = ['none', 'a', 'b', 'c'].map((queue) => ({ queue, max: 3 }))
  const given: (readonly string[])[] = []
  for (const id of ['1', '2', '3']) {
    const { deliveries } = await engine.lease({ id, worker: 'w', holder: 'client', leaseMs: 60_000, wants })
    given.push(deliveries.map(({ stored }) => stored.queue))
  }
  deepEqual(given, [['b', 'c', 'c'], ['c'], []])
})
