// Workers that are killed with -9 in the middle of their transactions: each order has its row and its next message once, however often.

import { deepEqual, equal } from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { test } from 'node:test'
import { open, silentLog } from '../../src/index.ts'
import { onPostgres } from '../postgres/world.ts'
import { pay, ship } from './contract.ts'

const ORDERS = 120
const KILLS = 3

async function survives(url: string, table: string, rows: () => Promise<number[]> | number[]): Promise<void> {
  const post = await open(url, { log: silentLog })
  const workers: ChildProcess[] = []
  try {
    const orders = Array.from({ length: ORDERS }, (_, n) => n)
    await post.commit((fx) => orders.forEach((order) => fx.send(pay, { order })))
    for (let kill = 1; kill <= KILLS + 1; kill++) {
      const worker = spawn(process.execPath, [join(import.meta.dirname, 'worker.ts'), url, table], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      workers.push(worker)
      await once(worker.stdout, 'data')
      const enough = kill > KILLS ? ORDERS : (ORDERS * kill) / (KILLS + 1)
      while ((await rows()).length < enough) await pause(2)
      if (kill > KILLS) while ((await post.queue(pay).depth())!.leased > 0) await pause(5)
      worker.kill('SIGKILL')
      await once(worker, 'exit')
    }
    deepEqual(await rows(), orders)
    equal((await post.queue(ship).depth())?.ready, ORDERS)
    const depth = (await post.queue(pay).depth())!
    deepEqual([depth.ready, depth.leased, depth.dead, depth.ended.acked], [0, 0, 0, ORDERS])
  } finally {
    for (const worker of workers) if (worker.exitCode === null && worker.signalCode === null) worker.kill('SIGKILL')
    await post.close()
  }
}

onPostgres('postgres: rows and messages of killed workers are there once', async (world) => {
  const url = new URL(world.url)
  url.searchParams.set('schema', world.schema)
  await world.ask('create schema {schema}')
  await world.ask('create table {schema}.business (n int)')
  await survives(url.href, `${world.schema}.business`, async () =>
    (await world.ask('select n from {schema}.business order by n')).map(({ n }) => n as number),
  )
})

test('sqlite: rows and messages of killed workers are there once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-kill-'))
  const path = join(folder, 'p.db')
  try {
    await (await open(`sqlite:${path}`, { log: silentLog })).close()
    const database = new DatabaseSync(path, { timeout: 5_000 })
    database.exec('create table business (n int)')
    await survives(`sqlite:${path}`, 'business', () =>
      database
        .prepare('select n from business order by n')
        .all()
        .map(({ n }) => n as number),
    )
    database.close()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
