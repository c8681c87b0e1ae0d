// Who is alone with a file looks for nobody; who has company looks for who is gone, until the last is.

import { equal } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import type { Driver } from '../../src/engine/sqlite/driver/driver.ts'
import { nodeDriver } from '../../src/engine/sqlite/driver/node-driver.ts'
import { openSqliteEngine } from '../../src/engine/sqlite/engine.ts'

const SECOND_MS = 1_001

class Timers extends ManualClock {
  set = 0

  override timer(afterMs: number, callback: () => void): Disposable {
    this.set++
    return super.timer(afterMs, callback)
  }
}

test('alone with a file nothing is polled, also when another has come and gone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-sqlite-'))
  const file = join(folder, 'p.db')
  const [clock, timers] = [new ManualClock(), new Timers()]
  let commits = 0
  const driver: Driver = {
    open(path) {
      const database = nodeDriver.open(path)
      return { ...database, exec: (sql) => (sql === 'commit' && commits++, database.exec(sql)) }
    },
  }
  const engine = await openSqliteEngine(file, { clock, local: { driver, clock: timers } })
  t.after(async () => {
    await engine.close()
    rmSync(folder, { recursive: true })
  })
  await engine.depth('all')
  equal(timers.set, 0)
  const other = await openSqliteEngine(file, { clock, local: { driver: nodeDriver } })
  await engine.depth('all')
  equal(timers.set, 1, 'somebody may die')
  await other.close()
  const pass = async (): Promise<void> => {
    clock.advance(SECOND_MS)
    timers.advance(SECOND_MS)
    for (let turn = 0; turn < 3; turn++) await setImmediate()
  }
  await pass()
  const [seen, set] = [commits, timers.set]
  for (let second = 0; second < 5; second++) await pass()
  equal(commits, seen)
  equal(timers.set, set)
})
