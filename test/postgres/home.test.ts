// A process that lost the session by which others know that it lives is known again as soon as it has another: else nobody would notice its end.

import { equal, ok } from 'node:assert/strict'
import { scheduler } from 'node:timers/promises'
import { ManualClock } from '../../src/core/clock.ts'
import { loadPg, type Answer, type Connection, type Driver } from '../../src/engine/postgres/connection/driver.ts'
import { commit, message, onPostgres, type World } from './world.ts'

type Asked = Parameters<Connection['query']>

onPostgres('a process that lost its session is known again', async (world) => {
  const one = await world.open({ pollMs: 5, url: `${world.url}?application_name=${world.schema}` })
  const other = await world.open({ pollMs: 5 })
  await commit(one, { do: 'send', queue: 'a', message: message() })
  const before = await world.ask('select process from {schema}.process order by process')
  equal(before.length, 2)
  // Whoever looks now takes the first for gone.
  const ended = await world.ask('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
    world.schema,
  ])
  ok(ended.length > 0)
  // And not the lock of whoever forgets what several have shared.
  const isHeld = `select count(*)::int as count from pg_locks l join pg_stat_activity a using (pid)
    join {schema}.process p on p.process = l.objid::bigint
    where l.locktype = 'advisory' and l.granted and l.objsubid = 2 and a.application_name = $1`
  for (let held = 0; held === 0;) held = (await world.ask(isHeld, [world.schema]))[0]!['count'] as number
  for (let known = 0; known !== 2;) known = (await world.ask('select from {schema}.process')).length
  const wants = [{ queue: 'a', max: 1 }]
  const { deliveries } = await one.lease({ id: 'x', worker: 'w', holder: 'process', leaseMs: 3_600_000, wants })
  equal(deliveries.length, 1)
  await one.close()
  for (let n = 0; ; n++) {
    const again = await other.lease({ id: `${n}`, worker: 'w', holder: 'client', leaseMs: 60_000, wants })
    if (again.deliveries.length > 0) break
  }
})

onPostgres('a process that others took for gone gives back what it holds when it is closed', async (world) => {
  // Its time stands still, so it does not look, and does not find out.
  const one = await world.open({
    clock: new ManualClock(),
    url: `${world.url}?application_name=${world.schema}`,
  })
  await commit(one, { do: 'send', queue: 'a', message: message() })
  await world.ask('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [world.schema])
  const other = await world.open({ pollMs: 5 })
  for (let known = 2; known !== 1;) known = (await world.ask('select from {schema}.process')).length
  const wants = [{ queue: 'a', max: 1 }]
  const { deliveries } = await one.lease({ id: 'x', worker: 'w', holder: 'process', leaseMs: 3_600_000, wants })
  equal(deliveries.length, 1)
  await one.close()
  for (let n = 0; ; n++) {
    const again = await other.lease({ id: `${n}`, worker: 'w', holder: 'client', leaseMs: 60_000, wants })
    if (again.deliveries.length > 0) break
  }
})

/** The driver, with something done to each statement of each connection. */
async function driverWith(world: World, ask: (plain: Connection, ...asked: Asked) => Promise<Answer>): Promise<Driver> {
  const driver = await loadPg(world.url)
  return {
    connect: async () => {
      const plain = await driver.connect()
      return { ...plain, query: (...asked) => ask(plain, ...asked) }
    },
  }
}

onPostgres(
  'a process that is not given a session at the first try asks for another before the others notice',
  async (world) => {
    const said: (string | null)[] = []
    let home: Connection | null = null
    let refusals = 0
    const driver = await driverWith(world, (connection, statement, values) => {
      said.push(statement.name)
      if (statement.name !== 'posthorn hold') return connection.query(statement, values)
      home = connection
      if (refusals-- > 0) throw Object.assign(new Error('sorry, too many clients already'), { code: '53300' })
      return connection.query(statement, values)
    })
    await world.open({ driver, pollMs: 5 })
    refusals = 3
    said.length = 0
    await home!.end(true)
    while (!said.includes('posthorn keep-process')) await scheduler.yield()
    // The others leave it 2 s: that would be 400 looks.
    const looks = said.filter((each) => each === 'posthorn start').length
    ok(looks < 100, `it looked ${looks} times for what is due before it was known again`)
  },
)

onPostgres('who had to wait for the database when it opened leaves the others time to come back', async (world) => {
  // Its time stands still, so it does not come back.
  const url = `${world.url}?application_name=${world.schema}`
  const gone = await world.open({ clock: new ManualClock(), url })
  await commit(gone, { do: 'send', queue: 'a', message: message() })
  const wants = [{ queue: 'a', max: 1 }]
  await gone.lease({ id: 'x', worker: 'w', holder: 'process', leaseMs: 3_600_000, wants })
  await world.ask('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [world.schema])
  const plain = await loadPg(world.url)
  let refusals = 1
  const connect: Driver['connect'] = async () => {
    if (refusals-- > 0) throw Object.assign(new Error('the database system is starting up'), { code: '57P03' })
    return plain.connect()
  }
  const one = await world.open({ driver: { connect }, pollMs: 5 })
  const openedAtMs = performance.now()
  equal((await one.depth(['a']))[0]!.leased, 1)
  while ((await one.depth(['a']))[0]!.leased > 0);
  ok(performance.now() - openedAtMs > 1_500, 'for two seconds')
  equal((await world.ask('select from {schema}.process')).length, 1)
})

onPostgres(
  'a process that lost its session has another at once, and leaves the others time for theirs',
  async (world) => {
    const said: (string | null)[] = []
    let home: Connection | null = null
    const driver = await driverWith(world, (connection, statement, values) => {
      if (statement.name === 'posthorn hold') home = connection
      said.push(statement.name)
      return connection.query(statement, values)
    })
    const until = async (name: string, times: number): Promise<void> => {
      while (said.filter((each) => each === name).length < times) await scheduler.yield()
    }
    await world.open({ driver, pollMs: 5 })
    // It has just looked for others, and looks again in two seconds.
    await until('posthorn find-gone', 2)
    said.length = 0
    await home!.end(true)
    await until('posthorn hold', 1)
    const looks = said.filter((each) => each === 'posthorn start').length
    ok(looks < 5, `it looked ${looks} times for what is due before it was known again`)
    said.length = 0
    await until('posthorn find-gone', 1)
    ok(said.includes('posthorn start'), 'it looked for others as soon as it was back')
  },
)
