// A restart of the server ends the sessions of all, and so does its recovery from the crash of one: whoever opens just then leaves them time.

import { equal } from 'node:assert/strict'
import { after, test } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import type { Engine } from '../../src/core/engine.ts'
import { openPostgresEngine } from '../../src/engine/postgres/open.ts'
import { connect } from './client.ts'
import { installedPrograms, OwnServer } from './own-server.ts'
import { commit, message } from './world.ts'

const programs = installedPrograms()
const server = programs === null ? null : await OwnServer.create(programs)
await server?.start()
after(() => server?.remove())

/** How long the server is there, or counts, in seconds. */
const AGE = `select extract(epoch from clock_timestamp() - greatest(pg_postmaster_start_time(), stats_reset))::float8 as age
  from pg_stat_bgwriter`

async function ask(text: string): Promise<Record<string, unknown>> {
  const client = await connect(server!.url)
  const { rows } = await client.query(text)
  await client.end()
  return rows[0]!
}

const until = async (age: number): Promise<void> => {
  while (((await ask(AGE))['age'] as number) < age);
}
const leased = async (engine: Engine): Promise<number> => (await engine.depth(['a']))[0]!.leased
const open = (schema: string): Promise<Engine> =>
  // Its time stands still: it looks for others when it opens, and not again.
  openPostgresEngine(server!.url, { schema, clock: new ManualClock() })

for (const [name, schema, end] of [
  ['was started', 'started', () => server!.stop('fast').then(() => server!.start())],
  [
    'has ended all sessions and counts anew',
    'counts_anew',
    async () => {
      await ask("select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'posthorn'")
      await ask("select pg_stat_reset_shared('bgwriter')")
    },
  ],
] as const)
  test(
    `who opens when the server ${name} a moment ago leaves the others time to come back`,
    { skip: server === null && 'postgres: none is installed' },
    async (context) => {
      await using engines = new AsyncDisposableStack()
      const keep = (engine: Engine): Engine => engines.adopt(engine, (each) => each.close())
      const gone = keep(await open(schema))
      await commit(gone, { do: 'send', queue: 'a', message: message() })
      const wants = [{ queue: 'a', max: 1 }]
      await gone.lease({ id: 'x', worker: 'w', holder: 'process', leaseMs: 3_600_000, wants })
      await until(2.1)
      await end()
      const early = keep(await open(schema))
      if (((await ask(AGE))['age'] as number) > 2) return context.skip('the machine is too slow')
      equal(await leased(early), 1)
      await until(2.1)
      const late = keep(await open(schema))
      equal(await leased(late), 0)
    },
  )
