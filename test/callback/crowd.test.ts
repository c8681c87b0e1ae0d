// kill -9 in the middle of deliveries to a crowd of which some are flaky, slow or dead. The long form: npm run test:callbacks.

import { deepEqual, equal } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCrowd } from './crowd/run.ts'

test('confirmed-survives: after kill -9 every living endpoint has every event, under one id each', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-crowd-'))
  try {
    const { missing, breaches, acknowledged, expected } = await runCrowd({
      url: `file:${join(folder, 'engine')}`,
      events: 60,
      rate: 60,
      healthy: 14,
      flaky: 3,
      dead: 2,
      slow: 1,
      kill: true,
      slowMs: 150,
      patienceMs: 20_000,
    })
    deepEqual([missing, breaches], [[], []])
    equal(acknowledged >= expected, true)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
