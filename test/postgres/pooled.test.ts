// Behind a pooler that gives sessions to others between transactions nothing may be kept in them: no plan, no lock.

import { deepEqual, equal } from 'node:assert/strict'
import { openPostgresUrl } from '../../src/engine/postgres/url.ts'
import { isPosthornError } from '../../src/core/error.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { BEGIN_POOLED } from '../../src/engine/postgres/connection/setting.ts'
import { Statements } from '../../src/engine/postgres/sql/statement.ts'
import { loadPg, type Driver } from '../../src/engine/postgres/connection/driver.ts'
import { commit, message, onPostgres } from './world.ts'

onPostgres('with pooled=true nothing is kept in a session', async (world) => {
  const pg = await loadPg(`${world.url}?application_name=posthorn%20pooled%20test`)
  const names: (string | null)[] = []
  const driver: Driver = {
    async connect() {
      const connection = await pg.connect()
      return {
        ...connection,
        query: (statement, values) => {
          names.push(statement.name)
          return connection.query(statement, values)
        },
      }
    },
  }
  const engine = await world.open({ isPooled: true, driver })
  await commit(engine, { do: 'send', queue: 'a', message: message({ key: 'k' }) })
  await commit(engine, { do: 'send', queue: 'a', message: message() })
  const wants = [{ queue: 'a', max: 10 }]
  const { deliveries } = await engine.lease({ id: 'x', worker: 'w', holder: 'process', leaseMs: 60_000, wants })
  equal(deliveries.length, 2)
  for (const { token } of deliveries) equal((await commit(engine, { do: 'ack', token })).status, 'committed')
  deepEqual(
    names.filter((name) => name !== null),
    [],
  )
  const held = await world.ask(
    "select 1 from pg_locks l join pg_stat_activity a using (pid) where l.locktype = 'advisory' and a.application_name = 'posthorn pooled test'",
  )
  deepEqual(held, [])
})

onPostgres(
  'with pooled=true a plain send is told what a session is told, whether it hands out or not',
  async (world) => {
    const pg = await loadPg(world.url)
    /** In the order of each connection. */
    const said: string[][] = []
    const driver: Driver = {
      async connect() {
        const connection = await pg.connect()
        const own: string[] = []
        said.push(own)
        return {
          ...connection,
          query: (statement, values) => {
            own.push(statement.text)
            return connection.query(statement, values)
          },
        }
      },
    }
    const engine = await world.open({ isPooled: true, driver, clock: new ManualClock() })
    const send = () => commit(engine, { do: 'send', queue: 'a', message: message() })
    const statements = new Statements(world.schema, false)
    const isTold = (name: string): readonly boolean[] =>
      said.flatMap((own) =>
        own.flatMap((text, at) =>
          text === statements.get(name).text ? [own[at - 1] === BEGIN_POOLED && own[at + 1] === 'commit'] : [],
        ),
      )
    // The first finds out what its queue is.
    await send()
    await send()
    deepEqual(isTold('send'), [true])
    engine.watch({ queues: ['a'] }, () => {})
    for (const id of ['x', 'y'])
      await engine.lease({ id, worker: 'w', holder: 'client', leaseMs: 60_000, wants: [{ queue: 'a', max: 10 }] })
    await send()
    deepEqual(isTold('send-out'), [true])
  },
)

onPostgres('what a URL says wrongly is refused by name, and no password is repeated', async () => {
  for (const url of ['postgres://user:secret@host:notaport/x', 'postgres://user:secret@host/x?pooled=maybe']) {
    const error: unknown = await Promise.resolve()
      .then(() => openPostgresUrl(url, {}))
      .then(
        () => null,
        (thrown: unknown) => thrown,
      )
    equal(isPosthornError(error) && error.code, 'invalid-option')
    equal(String(error).includes('secret'), false)
  }
})
