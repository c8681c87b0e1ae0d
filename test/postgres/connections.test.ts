// Connections that nobody needs any more end, whatever went wrong: else a server runs out of them, and a process does not exit.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, systemClock } from '../../src/core/clock.ts'
import { loadPg, type Answer, type Connection, type Driver } from '../../src/engine/postgres/connection/driver.ts'
import { Pool } from '../../src/engine/postgres/connection/pool.ts'
import { Pulse } from '../../src/engine/postgres/connection/pulse.ts'
import { Statements } from '../../src/engine/postgres/sql/statement.ts'
import { Upkeep, type UpkeepParts } from '../../src/engine/postgres/time/upkeep.ts'
import { onPostgres } from './world.ts'

/** Answers with what it is given, and counts what is open. */
class CountingDriver implements Driver {
  open = 0
  made = 0
  readonly #connect: () => Promise<Connection>
  readonly #answer: (name: string | null) => Promise<Answer> | null

  constructor(
    connect: () => Promise<Connection>,
    answer: (name: string | null) => Promise<Answer> | null = () => null,
  ) {
    this.#connect = connect
    this.#answer = answer
  }

  async connect(): Promise<Connection> {
    this.made++
    const connection = await this.#connect()
    this.open++
    connection.onLost(() => this.open--)
    return {
      ...connection,
      query: (statement, values) => this.#answer(statement.name) ?? connection.query(statement, values),
    }
  }
}

/** A connection without a server. `isDeaf`: it says goodbye and never hears an answer. */
function plainConnection({ isDeaf = false } = {}): Connection {
  const lost: (() => void)[] = []
  return {
    pid: 7,
    server: 'one',
    query: () => Promise.resolve({ rows: [] }),
    onNotice() {},
    onLost: (callback) => void lost.push(callback),
    end: (now = false) => {
      if (isDeaf && !now) return new Promise(() => {})
      for (const each of lost.splice(0)) each()
      return Promise.resolve()
    },
  }
}

/** Lets what was promised happen. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

for (const refused of ['keep-process', 'find-gone'])
  onPostgres(`an engine that cannot be opened leaves no connection, refused ${refused}`, async (world) => {
    const real = await loadPg(world.url)
    const driver = new CountingDriver(
      () => real.connect(),
      (name) => (name === `posthorn ${refused}` ? Promise.reject(new Error(`no ${refused}`)) : null),
    )
    await rejects(world.open({ driver }), new RegExp(`no ${refused}`))
    ok(driver.made > 1)
    equal(driver.open, 0)
  })

onPostgres('a transaction of which a statement cannot be sent is not committed by those that can', async (world) => {
  await world.open()
  const driver = await loadPg(world.url)
  const connection = await driver.connect()
  const run = (text: string, values?: readonly unknown[]): Promise<Answer> =>
    connection.query({ name: null, text, lists: ['int'] }, values)
  const table = `"${world.schema}".half`
  await run(`create table ${table} (n int)`)
  const sent = await Promise.allSettled([
    run('begin'),
    run(`insert into ${table} values (1)`),
    run(`insert into ${table} select unnest($1::int[])`, [[2 ** 40]]),
    run('commit'),
  ])
  deepEqual(
    sent.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected', 'rejected'],
  )
  const other = await driver.connect()
  const { rows } = await other.query({ name: null, text: `select n from ${table}` })
  deepEqual(rows, [])
  await other.end()
  await connection.end(true)
})

test('a connection that is made after the pool was closed ends', async () => {
  const { promise, resolve } = Promise.withResolvers<Connection>()
  const driver = new CountingDriver(() => promise)
  const pool = new Pool({ driver, clock: systemClock, pulse: null, size: 1, outageMs: 30_000 })
  const used = pool.with((connection) => connection.query({ name: null, text: '' }))
  await pool.close()
  resolve(plainConnection())
  await rejects(used, { code: 'closed' })
  equal(driver.open, 0)
})

test('who asks after silent connections goes on where the one that he asks over goes silent', async () => {
  const clock = new ManualClock()
  const driver = new CountingDriver(
    () => Promise.resolve(plainConnection({ isDeaf: true })),
    (name) => (name === 'posthorn at-work' ? Promise.resolve({ rows: [{ number: 7 }] } as never) : null),
  )
  const pulse = new Pulse({ driver, clock, statements: new Statements('posthorn', true) })
  const silent = pulse.watch({ ...plainConnection(), query: () => new Promise(() => {}) })
  void silent.query({ name: null, text: '' })
  for (let n = 0; n < 100; n++) {
    clock.advance(100)
    await settle()
  }
  pulse.close()
  ok(driver.made >= 3, `asked ${driver.made} times in 10 s`)
})

/** Never answers once it was asked. */
const silentConnection = (pid: number): Connection => ({
  ...plainConnection(),
  pid,
  query: () => new Promise(() => {}),
})

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let n = 0; n < ms / 50; n++) {
    clock.advance(50)
    await settle()
  }
}

test('where one connection is silent, those that are idle are found dead beside it, and the living stay', async () => {
  const clock = new ManualClock()
  const driver = new CountingDriver(() => Promise.resolve(plainConnection()))
  const pulse = new Pulse({ driver, clock, statements: new Statements('posthorn', true) })
  const lost: number[] = []
  const living: Connection = { ...plainConnection(), pid: 9 }
  const [used] = [silentConnection(7), silentConnection(8), living].map((connection) => {
    connection.onLost(() => lost.push(connection.pid))
    return pulse.watch(connection)
  })
  await pass(clock, 1_000)
  void used!.query({ name: null, text: '' })
  await pass(clock, 1_000)
  pulse.close()
  deepEqual(lost, [7, 8])
})

test('a probe that goes silent is given up', async () => {
  const clock = new ManualClock()
  let probes = 0
  const driver = new CountingDriver(
    () => Promise.resolve(plainConnection()),
    (name) => (name === 'posthorn at-work' && probes++ === 0 ? new Promise(() => {}) : null),
  )
  const pulse = new Pulse({ driver, clock, statements: new Statements('posthorn', true) })
  const connection = silentConnection(7)
  let isLost = false
  connection.onLost(() => (isLost = true))
  void pulse.watch(connection).query({ name: null, text: '' })
  await pass(clock, 3_000)
  pulse.close()
  deepEqual([isLost, driver.open], [true, 0])
})

test('a database that refuses every look is not asked every few milliseconds', async () => {
  const clock = new ManualClock()
  let looks = 0
  const failing = { burst: () => (looks++, Promise.reject(new Error('no such table'))) }
  const watchers = { watched: () => [], give() {} }
  const parts = { clock, session: failing, watchers, pollMs: () => 250, isTold: () => false, failed() {} }
  const upkeep = new Upkeep(parts as unknown as UpkeepParts)
  upkeep.start()
  for (let n = 0; n < 400; n++) {
    clock.advance(5)
    await settle()
  }
  await upkeep.stop()
  ok(looks > 5 && looks < 20, `looked ${looks} times in 2 s`)
})
