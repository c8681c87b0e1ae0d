// Processes tell each other what they have written, so that nobody has to look; and where they do not, looking finds it.

import { deepEqual, equal } from 'node:assert/strict'
import { scheduler } from 'node:timers/promises'
import { ManualClock } from '../../src/core/clock.ts'
import type { Engine, Hint, Interest } from '../../src/core/engine.ts'
import { loadPg, type Connection, type Driver } from '../../src/engine/postgres/connection/driver.ts'
import { hashOf } from '../../src/engine/postgres/hash.ts'
import { channelOfQueue } from '../../src/engine/postgres/hint/channel.ts'
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

/** The driver, with something done to each connection that it makes. */
async function driverWith(world: World, change: (connection: Connection) => Partial<Connection>): Promise<Driver> {
  const pg = await loadPg(world.url)
  return {
    async connect() {
      const connection = await pg.connect()
      return { ...connection, ...change(connection) }
    },
  }
}

onPostgres('a process is woken only over the channels of what somebody watches there', async (world) => {
  const heard = new Set<string>()
  const driver = await driverWith(world, (connection) => ({
    onNotice: (callback) =>
      connection.onNotice((text, pid, channel) => {
        heard.add(channel)
        callback(text, pid, channel)
      }),
  }))
  const watcher = await world.open({ pollMs: NEVER_MS, driver })
  const other = await world.open({ pollMs: NEVER_MS })
  const writer = await world.open({ pollMs: NEVER_MS })
  const queue = hinted(watcher, { queues: ['a'] })
  const key = hinted(other, { keys: ['k'] })
  // Greetings go over the one whose name has no end of its own.
  const ends = (): string[] =>
    [...heard].flatMap((channel) => /^posthorn_[0-9a-z]+(_k|_t|_q\d+)?$/.exec(channel)![1] ?? [])
  // Hints alone say nothing: whoever was greeted looks often for a while.
  do {
    await commit(writer, { do: 'put', key: 'k', value: new Uint8Array() })
    await commit(writer, { do: 'send', queue: 'a', message: message() })
  } while (!ends().includes(channelOfQueue('a')))
  await key
  await queue
  deepEqual(ends(), [channelOfQueue('a')])
})

onPostgres('what was written before a process listens is looked for when it does', async (world) => {
  const gate = Promise.withResolvers<void>()
  const listening = Promise.withResolvers<void>()
  const looks = { count: 0 }
  const driver = await driverWith(world, (connection) => ({
    query: async (statement, values) => {
      const isOfKeys = /^listen .*_k"/.test(statement.text)
      if (isOfKeys) await gate.promise
      const answer = await connection.query(statement, values)
      if (isOfKeys) setImmediate(listening.resolve)
      if (statement.name === 'posthorn start') looks.count++
      return answer
    },
  }))
  const clock = new ManualClock()
  const watcher = await world.open({ clock, pollMs: NEVER_MS, driver })
  // By itself it looks less and less often.
  for (let napMs = 5; napMs < 1_000; napMs *= 2)
    for (const before = looks.count; looks.count === before; clock.advance(napMs)) await scheduler.yield()
  const writer = await world.open()
  const other = await world.open()
  const told = hinted(other, { keys: ['k'] })
  const key = hinted(watcher, { keys: ['k'] })
  await commit(writer, { do: 'put', key: 'k', value: new Uint8Array() })
  await told
  gate.resolve()
  await listening.promise
  clock.advance(5)
  deepEqual(await key, { key: 'k' })
})

onPostgres('a process that the server did not let listen asks again', async (world) => {
  const listens = { count: 0 }
  const driver = await driverWith(world, (connection) => ({
    query: async (statement, values) => {
      if (/^listen .*_k"/.test(statement.text) && listens.count++ === 0)
        throw Object.assign(new Error('canceling statement due to user request'), { code: '57014' })
      return connection.query(statement, values)
    },
  }))
  const clock = new ManualClock()
  const watcher = await world.open({ clock, pollMs: 5, driver })
  const watch = watcher.watch({ keys: ['k'] }, () => {})
  while (listens.count < 2) {
    clock.advance(5)
    await scheduler.yield()
  }
  watch[Symbol.dispose]()
})

onPostgres('a process that lost its session listens again to all that is watched', async (world) => {
  const listens: string[] = []
  const driver = await driverWith(world, (connection) => ({
    query: (statement, values) => {
      if (statement.text.startsWith('listen')) listens.push(statement.text)
      return connection.query(statement, values)
    },
  }))
  const watcher = await world.open({ pollMs: 5, driver })
  const watch = watcher.watch({ queues: ['a'], keys: ['k'], topics: ['t'] }, () => {})
  equal(listens.length, 2)
  await world.ask(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = $1::bigint::oid`,
    [hashOf(`posthorn ${world.schema}`) >>> 0],
  )
  while (listens.length < 4) await commit(watcher, { do: 'put', key: 'k', value: new Uint8Array() })
  deepEqual(listens.slice(2), listens.slice(0, 2))
  watch[Symbol.dispose]()
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
  const told = { times: 0 }
  const driver = await driverWith(world, (connection) => ({
    query: (statement, values) => {
      if (statement.text.includes('pg_notify')) told.times++
      return connection.query(statement, values)
    },
  }))
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
