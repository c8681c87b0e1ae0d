// The same on the SQLite engine: the server is killed under load and started again.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fire } from './fire.ts'
import { seedOfRun } from '../seed.ts'

const ROUNDS = 6

test('kill -9 of a server on sqlite: loses no confirmed message, doubles no effect, hands out nothing after its confirmed ack', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-kill9-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const seed = seedOfRun()
  context.diagnostic(`seed ${seed}`)
  const { sent, acked, kills, breaches } = await fire({
    rounds: ROUNDS,
    seed,
    engine: `sqlite:${join(folder, 'posthorn.db')}`,
  })
  context.diagnostic(`${kills} kills, ${sent} sends confirmed, ${acked} acks confirmed`)
  deepEqual(breaches, [])
  equal(kills, ROUNDS)
  ok(sent > ROUNDS && acked > 0, 'there was load')
})
