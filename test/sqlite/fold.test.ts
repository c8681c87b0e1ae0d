// A fold in which something fails: nothing of it stays, those who are not guilty are answered all the same, and a disk that cannot be trusted any more
// stops the engine.

import { deepEqual, equal, match, rejects } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import type { Driver, Value } from '../../src/engine/sqlite/driver/driver.ts'
import { nodeDriver } from '../../src/engine/sqlite/driver/node-driver.ts'
import { openSqliteEngine, type SqliteEngine } from '../../src/engine/sqlite/engine.ts'
import { sendOne, take } from './peer.ts'

type Trap = (sql: string, values: readonly Value[]) => void

const sqliteError = (errcode: number): Error => Object.assign(new Error(`sqlite says ${errcode}`), { errcode })

/** Calls the trap before each statement, which may throw as SQLite would. */
class TrappedDriver implements Driver {
  trap: Trap = () => {}

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
