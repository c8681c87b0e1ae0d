// Processes tell each other what they have written, so that nobody has to look; and where they do not, looking finds it.

import { deepEqual, equal } from 'node:assert/strict'
import type { Engine, Hint, Interest } from '../../src/core/engine.ts'
import { loadPg, type Driver } from '../../src/engine/postgres/connection/driver.ts'
import { decode } from '../../src/engine/postgres/hint/telegraph.ts'
import { commit, message, onPostgres, type World } from './world.ts'

const NEVER_MS = 3_600_000

/** Resolves with the first hint. */
function hinted(engine: Engine, interest: Interest): Promise<Hint> {
  return new Promise((resolve) => {
    const watch = engine.watch(interest, (hint) => {
      watch[Symbol.dispose]()
      resolve(hint)
    })
  })
}

async function tells(world: World, options: Parameters<World['open']>[0]): Promise<void> {
  const watcher = await world.open(options)
  const writer = await world.open(options)
  const queue = hinted(watcher, { queues: ['a'] })
  const key = hinted(watcher, { keys: ['k'] })
  await commit(writer, { do: 'send', queue: 'a', message: message() })
  deepEqual(await queue, { queue: 'a' })
  await commit(writer, { do: 'put', key: 'k', value: new Uint8Array() })
  deepEqual(await key, { key: 'k' })
}

onPostgres('hints come from other processes though nobody looks', (world) => tells(world, { pollMs: NEVER_MS }))

onPostgres('with notify=false they come by looking', (world) => tells(world, { isTelling: false }))

onPostgres('a cancel is heard where the message is held', async (world) => {
  const holder = await world.open({ pollMs: NEVER_MS })
  const other = await world.open({ pollMs: NEVER_MS })
  const one = message()
  const sent = hinted(holder, { queues: ['a'] })
  await commit(other, { do: 'send', queue: 'a', message: one })
  // Else it may be heard later than it is looked for another.
  await sent
  const { deliveries } = await holder.lease({
    id: 'x',
    worker: 'w',
    holder: 'process',
    leaseMs: NEVER_MS,
    wants: [{ queue: 'a', max: 1 }],
  })
  const hint = hinted(holder, { queues: ['a'] })
  await commit(other, { do: 'cancel', messages: [{ queue: 'a', id: one.id }] })
  deepEqual(await hint, { cancel: deliveries[0]!.token })
})

onPostgres('what is more than a notice holds is looked for', async (world) => {
  const watcher = await world.open({ pollMs: NEVER_MS })
  const writer = await world.open({ pollMs: NEVER_MS })
  const hint = hinted(watcher, { keys: ['key/799'] })
  const changes = Array.from({ length: 800 }, (_, n) => ({
    do: 'put' as const,
    key: `key/${n}`,
    value: new Uint8Array(),
  }))
  await commit(writer, ...changes)
  deepEqual(await hint, { key: 'key/799' })
})

onPostgres('nobody is told where there is nobody', async (world) => {
  const pg = await loadPg(world.url)
  const told = { times: 0 }
  const driver: Driver = {
    async connect() {
      const connection = await pg.connect()
      return {
        ...connection,
        query: (statement, values) => {
          if (statement.text.includes('pg_notify')) told.times++
          return connection.query(statement, values)
        },
      }
    },
  }
  const engine = await world.open({ driver })
  for (let n = 0; n < 20; n++) await commit(engine, { do: 'send', queue: 'a', message: message() })
  equal(told.times, 1, 'it greets, and that is all')
  await world.open()
  while (told.times < 2) await commit(engine, { do: 'send', queue: 'a', message: message() })
})

onPostgres('what a notice of another version says is ignored', async () => {
  for (const text of ['', 'hello', 'null', '{}', '{"notices":1}']) equal(decode(text), null)
})

onPostgres('engines that open at once know of each other, however often others look who is gone', async (world) => {
  for (let round = 0; round < 5; round++) {
    const engines = await Promise.all(Array.from({ length: 4 }, () => world.open({ pollMs: 5 })))
    equal((await world.ask('select process from {schema}.process')).length, engines.length)
    await Promise.all(engines.map((engine) => engine.close()))
    equal((await world.ask('select process from {schema}.process')).length, 0)
  }
})
