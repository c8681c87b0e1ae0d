// kill -9 in the middle of deliveries to a crowd of which some are flaky, slow or dead. The long form: npm run test:callbacks.

import { deepEqual, equal } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { onPostgres } from '../postgres/world.ts'
import { runCrowd } from './crowd/run.ts'

const NAME = 'confirmed-survives: after kill -9 every living endpoint has every event, under one id each'

/** @param rate events a second */
async function check(url: string, rate: number): Promise<void> {
  const { missing, breaches, acknowledged, expected } = await runCrowd({
    url,
    events: 60,
    rate,
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
}

test(NAME, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-crowd-'))
  try {
    await check(`file:${join(folder, 'engine')}`, 60)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

onPostgres(`postgres: ${NAME}`, async ({ url, schema }) => {
  const own = new URL(url)
  own.searchParams.set('schema', schema)
  await check(own.href, 30)
})
