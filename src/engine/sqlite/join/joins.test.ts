import { equal } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { ManualClock } from '../../../core/clock.ts'
import { createIds } from '../../../core/id.ts'
import { DEFAULT_ENGINE_LIMITS } from '../../sql/limit.ts'
import { nodeDriver } from '../driver/node-driver.ts'
import { openSqliteEngine } from '../engine.ts'
import { Joins } from './joins.ts'

test('of transactions back to back each end is told, though one is open whenever somebody looks', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-joins-'))
  const path = join(folder, 'p.db')
  const clock = new ManualClock()
  await (await openSqliteEngine(path, { clock, local: { driver: nodeDriver } })).close()
  const database = new DatabaseSync(path)
  let looks = 0
  const ticks = () => ({ machineMs: clock.monotonicMs(), wallMs: clock.wallMs() })
  const joins = new Joins({ path, limits: DEFAULT_ENGINE_LIMITS, clock, ticks, look: () => looks++ })
  const ids = createIds(clock)
  const send = async (): Promise<void> => {
    const id = ids.uuid()
    const message = { id, event: { id, source: '/', type: 'a' }, body: new Uint8Array(1), priority: 4 }
    await joins.join(database).commit({ changes: [{ do: 'send', queue: 'q', message }] })
  }
  database.exec('begin immediate')
  await send()
  clock.advance(20)
  equal(looks, 0, 'nothing has ended')
  for (let n = 1; n < 10; n++) {
    database.exec('commit; begin immediate')
    await send()
    clock.advance(2)
    equal(looks, n)
  }
  database.exec('rollback')
  clock.advance(100)
  equal(looks, 10)
  joins.close()
  database.close()
  rmSync(folder, { recursive: true })
})
