import { equal } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../../core/clock.ts'
import type { JoinedTransaction } from '../../../core/engine.ts'
import { createIds } from '../../../core/id.ts'
import { DEFAULT_ENGINE_LIMITS } from '../../sql/limit.ts'
import { nodeDriver } from '../driver/node-driver.ts'
import { openSqliteEngine } from '../engine.ts'
import { Joins } from './joins.ts'

/** `send` in the transaction that the database is in; `told` counts how often an end was. */
async function open(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-joins-'))
  const path = join(folder, 'p.db')
  const clock = new ManualClock()
  await (await openSqliteEngine(path, { clock, local: { driver: nodeDriver } })).close()
  const database = new DatabaseSync(path)
  const told = { count: 0 }
  const ticks = () => ({ machineMs: clock.monotonicMs(), wallMs: clock.wallMs() })
  const joins = new Joins({ path, limits: DEFAULT_ENGINE_LIMITS, clock, ticks, look: () => told.count++ })
  t.after(() => {
    joins.close()
    database.close()
    rmSync(folder, { recursive: true })
  })
  const ids = createIds(clock)
  const send = async (): Promise<JoinedTransaction> => {
    const id = ids.uuid()
    const message = { id, event: { id, source: '/', type: 'a' }, body: new Uint8Array(1), priority: 4 }
    const joined = joins.join(database)
    await joined.commit({ changes: [{ do: 'send', queue: 'q', message }] })
    return joined
  }
  return { clock, database, told, send }
}

test('of transactions back to back each end is told, though one is open whenever somebody looks', async (t) => {
  const { clock, database, told, send } = await open(t)
  database.exec('begin immediate')
  await send()
  clock.advance(20)
  equal(told.count, 0, 'nothing has ended')
  for (let n = 1; n < 10; n++) {
    database.exec('commit; begin immediate')
    await send()
    clock.advance(2)
    equal(told.count, n)
  }
  database.exec('rollback')
  clock.advance(100)
  equal(told.count, 10)
})

test('a transaction that has committed is known to have, though its connection is in another', async (t) => {
  const { database, send } = await open(t)
  database.exec('begin immediate')
  const first = await send()
  equal(await first.state(), 'open')
  database.exec('commit; begin immediate')
  const second = await send()
  equal(await first.state(), 'committed')
  equal(await second.state(), 'open')
  database.exec('rollback')
  equal(await second.state(), 'rolled-back')
})
