// A fold in which something fails: nothing of it stays, those who are not guilty are answered all the same, and a disk that cannot be trusted any more
// stops the engine.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import type { Change } from '../../src/core/engine.ts'
import { createIds } from '../../src/core/id.ts'
import type { Driver, Value } from '../../src/engine/sqlite/driver/driver.ts'
import { nodeDriver } from '../../src/engine/sqlite/driver/node-driver.ts'
import { Host } from '../../src/engine/sqlite/host.ts'
import { ownBuffers, Packer } from '../../src/engine/sqlite/wire/packer.ts'
import type { Reply } from '../../src/engine/sqlite/wire/request.ts'
import { StreamWriter } from '../../src/engine/sqlite/wire/stream.ts'
import { DEFAULT_ENGINE_LIMITS } from '../../src/engine/sql/limit.ts'
import { openSqliteEngine, type SqliteEngine } from '../../src/engine/sqlite/engine.ts'
import { sendOne, take } from './peer.ts'

type Trap = (sql: string, values: readonly Value[]) => void

const sqliteError = (errcode: number): Error => Object.assign(new Error(`sqlite says ${errcode}`), { errcode })

/** Calls the trap before each statement, which may throw as SQLite would. */
class TrappedDriver implements Driver {
  trap: Trap = () => {}
  folder = ''

  open(path: string): ReturnType<Driver['open']> {
    const database = nodeDriver.open(path)
    return {
      ...database,
      exec: (sql) => {
        this.trap(sql, [])
        database.exec(sql)
      },
      prepare: (sql) => {
        const statement = database.prepare(sql)
        const run: typeof statement.run = (...values) => {
          this.trap(sql, values)
          return statement.run(...values)
        }
        return { ...statement, run }
      },
    }
  }
}

async function openTrapped(t: TestContext): Promise<{ engine: SqliteEngine; driver: TrappedDriver }> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-sqlite-'))
  const driver = new TrappedDriver()
  driver.folder = folder
  const engine = await openSqliteEngine(join(folder, 'p.db'), { clock: new ManualClock(), local: { driver } })
  t.after(async () => {
    driver.trap = () => {}
    await engine.close()
    rmSync(folder, { recursive: true })
  })
  return { engine, driver }
}

const isInsert = (sql: string): boolean => sql.startsWith('insert into message')

test('all-or-nothing: where a statement fails, only the call that it was for does', async (t) => {
  const { engine, driver } = await openTrapped(t)
  await sendOne(engine, 0)
  driver.trap = (sql, values) => {
    // key-3: the fourth of those that come together.
    if (isInsert(sql) && values.includes('key-3')) throw new TypeError('a mistake in the engine')
  }
  const answers = await Promise.allSettled([1, 2, 3, 4].map((number) => sendOne(engine, number)))
  deepEqual(
    answers.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  )
  const [depth] = await engine.depth(['q'])
  equal(depth!.ready, 4)
  equal((await take(engine, 10)).length, 4)
})

test('who only reads does not begin to write in the middle, which SQLite refuses where another process has written meanwhile', async (t) => {
  const { engine, driver } = await openTrapped(t)
  const ids = createIds(new ManualClock())
  const publish = (): Change => ({
    do: 'publish',
    topic: 't',
    message: { id: ids.uuid(), event: { id: ids.uuid(), source: '/', type: 'x' }, body: new Uint8Array(), priority: 4 },
  })
  await engine.commit([{ changes: [{ do: 'retain', topic: 't', retention: { ms: null, count: 1 } }] }])
  // The second is one too many: the topic is trimmed by whoever comes next.
  await engine.commit([{ changes: [publish(), publish()] }])
  const ran: string[] = []
  driver.trap = (sql) => void ran.push(sql.toLowerCase())
  await engine.get(['k'])
  const begun = ran.findLastIndex((sql) => sql.startsWith('begin'))
  ok(ran.slice(begun).some((sql) => /^(insert|update|delete)/.test(sql)))
  equal(ran[begun], 'begin immediate')
})

test('a full disk refuses what did not fit, and the engine goes on when there is room again', async (t) => {
  const { engine, driver } = await openTrapped(t)
  await sendOne(engine, 0)
  driver.trap = (sql) => {
    if (sql === 'commit') throw sqliteError(13)
  }
  await rejects(sendOne(engine, 1), { code: 'disk-full' })
  driver.trap = () => {}
  await sendOne(engine, 2)
  deepEqual(
    (await engine.depth(['q'])).map(({ ready, bytes }) => [ready, bytes]),
    [[2, 194]],
  )
})

test('new messages are refused before the disk is full, and what is there can be settled', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-sqlite-'))
  let free = 1_000_000
  const clock = new ManualClock()
  const local = { driver: nodeDriver, freeBytes: () => free }
  const engine = await openSqliteEngine(join(folder, 'p.db'), { clock, minFreeBytes: 500_000, local })
  t.after(async () => {
    await engine.close()
    rmSync(folder, { recursive: true })
  })
  const id = await sendOne(engine, 1)
  free = 400_000
  clock.advance(1_000)
  await rejects(sendOne(engine, 2), /disk-full.*400000 bytes left: new messages are taken again when there are 500000/)
  const [delivery] = await take(engine, 1)
  equal(delivery!.stored.id, id)
  const again = { do: 'send' as const, queue: 'q', message: delivery!.stored.message }
  const [repeated] = await engine.commit([{ changes: [again] }])
  deepEqual(repeated!.status === 'committed' && repeated!.results, [{ id, duplicate: true }])
  equal((await engine.commit([{ changes: [{ do: 'ack', token: delivery!.token }] }]))[0]!.status, 'committed')
  free = 600_000
  clock.advance(1_000)
  await sendOne(engine, 3)
})

test('where others have filled the disk, the reserve is given up for what has to be settled', async (t) => {
  const { engine, driver } = await openTrapped(t)
  await sendOne(engine, 0)
  const reserve = join(driver.folder, 'p.db-reserve')
  writeFileSync(reserve, new Uint8Array(1_000))
  driver.trap = (sql) => {
    if (sql === 'commit' && existsSync(reserve)) throw sqliteError(13)
  }
  await Promise.all([sendOne(engine, 1), sendOne(engine, 2)])
  equal((await engine.depth(['q']))[0]!.ready + (await engine.depth(['q']))[0]!.held, 3)
})

test('a disk that fails stops the engine, which says so to everybody from then on', async (t) => {
  const { engine, driver } = await openTrapped(t)
  await sendOne(engine, 0)
  driver.trap = (sql) => {
    if (sql === 'commit') throw sqliteError(10)
  }
  const answers = await Promise.allSettled([sendOne(engine, 1), engine.depth('all')])
  for (const answer of answers)
    equal(answer.status === 'rejected' && (answer.reason as { code: string }).code, 'engine-failed')
  match((await engine.failed).message, /sqlite says 10/)
  driver.trap = () => {}
  await rejects(sendOne(engine, 2), { code: 'engine-failed' })
  await rejects(engine.depth('all'), { code: 'engine-failed' })
})

test('a lock that another process has for a moment is waited for', async (t) => {
  const { engine, driver } = await openTrapped(t)
  let refused = 0
  driver.trap = (sql) => {
    if (sql === 'begin immediate' && refused++ < 20) throw sqliteError(5)
  }
  await sendOne(engine, 1)
  equal((await engine.depth(['q']))[0]!.ready, 1)
})

test('calls after a close are refused, those before it are answered, and a second close is none', async (t) => {
  const { engine } = await openTrapped(t)
  const sent = [1, 2, 3].map((number) => sendOne(engine, number))
  const closed = engine.close()
  await rejects(sendOne(engine, 4), { code: 'closed' })
  equal((await Promise.all(sent)).length, 3)
  await closed
  await engine.close()
  await rejects(engine.depth('all'), { code: 'closed' })
})

test('what another process has told is told again where the commit that took it failed', async (t) => {
  const { engine, driver } = await openTrapped(t)
  const other = await openSqliteEngine(join(driver.folder, 'p.db'), {
    clock: new ManualClock(),
    local: { driver: nodeDriver },
  })
  await engine.get(['seen'])
  let isHinted = false
  using _watching = engine.watch({ queues: ['q'] }, () => (isHinted = true))
  let hasFailed = false
  driver.trap = (sql) => {
    if (sql !== 'commit' || hasFailed) return
    hasFailed = true
    throw sqliteError(13)
  }
  await sendOne(other, 1)
  await Promise.allSettled([engine.get(['seen'])])
  equal(hasFailed, true)
  await engine.get(['seen'])
  equal(isHinted, true)
  await other.close()
})

test('folds that fail leave no buffer behind', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-sqlite-'))
  const driver = new TrappedDriver()
  const replies: Reply[] = []
  let taken = 0
  const host = new Host(
    {
      path: join(folder, 'p.db'),
      driver,
      durability: 'os',
      limits: DEFAULT_ENGINE_LIMITS,
      boot: 'given',
      buffers: { take: (bytes) => (taken++, Buffer.alloc(bytes)), giveBack() {} },
      ticks: () => ({ machineMs: 0, wallMs: 0 }),
      minFreeBytes: 0,
    },
    (reply) => replies.push(reply),
  )
  t.after(() => {
    host.close()
    rmSync(folder, { recursive: true })
  })
  const ask = async (write: (stream: StreamWriter) => void): Promise<Reply> => {
    const stream = new StreamWriter(new Packer(ownBuffers))
    write(stream)
    replies.length = 0
    host.receive({ bytes: stream.take(), ticks: null })
    while (replies.length === 0) await new Promise(setImmediate)
    return replies[0]!
  }
  const value = new Uint8Array(1_000)
  await ask((stream) => stream.commit(1, [{ changes: [{ do: 'put', key: 'a', value }] }]))
  driver.trap = (sql) => {
    if (sql === 'commit') throw sqliteError(13)
  }
  const before = taken
  for (let n = 2; n < 10; n++) {
    const { answers } = await ask((stream) => stream.call(n, { call: 'get', keys: ['a'] }))
    equal(
      answers.some((answer) => 'fault' in answer && answer.fault.code === 'disk-full'),
      true,
    )
  }
  equal(taken - before, 1)
  driver.trap = () => {}
  const { answers, bytes } = await ask((stream) => stream.call(10, { call: 'get', keys: ['a'] }))
  equal('value' in answers[0]!, true)
  equal(bytes.byteLength, 1_000)
})
