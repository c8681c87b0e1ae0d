// A message that is ready and is just being looked at by somebody who decides is passed over by who hands out. Whoever waits is told afterwards.

import { deepEqual } from 'node:assert/strict'
import { ManualClock } from '../../src/core/clock.ts'
import { until } from '../http/server/client.ts'
import { connect } from './client.ts'
import { commit, message, onPostgres, type World } from './world.ts'

const LEASE_MS = 3_600_000

/** Nobody gets to the end of deciding until it is disposed. */
async function held(world: World): Promise<AsyncDisposable & { waited(): Promise<void> }> {
  const client = await connect(world.url)
  await client.query('begin')
  await client.query(`lock table ${world.schema}.fold in exclusive mode`)
  return {
    waited: () =>
      until(async () => {
        const waiting = await world.ask('select from pg_locks where not granted and relation = $1::regclass', [
          `${world.schema}.fold`,
        ])
        return waiting.length > 0
      }, 'somebody who decides'),
    async [Symbol.asyncDispose]() {
      await client.query('rollback')
      await client.end()
    },
  }
}

onPostgres('who was passed over the head of a line, while another was put behind it, is told of it', async (world) => {
  // On a clock that stands still nobody looks of his own accord.
  const engine = await world.open({ clock: new ManualClock() })
  const queue = 'topic:t:s'
  let told = 0
  engine.watch({ queues: [queue] }, () => told++)
  const request = { worker: 'w', holder: 'process', leaseMs: LEASE_MS, wants: [{ queue, max: 10 }] } as const
  const lease = async (id: string): Promise<readonly string[]> =>
    (await engine.lease({ ...request, id })).deliveries.map(({ stored }) => stored.id)
  const subscription = { topic: 't', name: 's', types: ['**'], filters: [], from: 'now', order: 'strict' } as const
  await commit(engine, { do: 'bind', subscription })
  const [first, second] = [message(), message()]
  await commit(engine, { do: 'publish', topic: 't', message: first })
  await until(() => told > 0, 'the first')
  const hold = await held(world)
  const publishing = commit(engine, { do: 'publish', topic: 't', message: second })
  await hold.waited()
  const passedOver = await lease('1')
  told = 0
  await hold[Symbol.asyncDispose]()
  await publishing
  deepEqual(passedOver, [])
  await until(() => told > 0, 'the hint')
  deepEqual(await lease('2'), [first.id])
})
