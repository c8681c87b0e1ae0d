// What happens to messages is told to who follows it, in the process where it happens and in others; and what the engine counts of itself.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Happening } from '../../src/core/engine.ts'
import { openSqliteEngine, type SqliteEngine } from '../../src/engine/sqlite/engine.ts'
import { QUEUE, sendOne, take } from './peer.ts'

async function openTwo(t: TestContext): Promise<readonly [SqliteEngine, SqliteEngine]> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-sqlite-'))
  const file = join(folder, 'p.db')
  const engines = [await openSqliteEngine(file), await openSqliteEngine(file)] as const
  t.after(async () => {
    await Promise.all(engines.map((engine) => engine.close()))
    rmSync(folder, { recursive: true })
  })
  return engines
}

class Heard {
  readonly all: Happening[] = []
  #wanted = 0
  #resolve: (() => void) | null = null

  readonly listen = (happenings: readonly Happening[]): void => {
    this.all.push(...happenings)
    if (this.all.length >= this.#wanted) this.#resolve?.()
  }

  async count(wanted: number): Promise<readonly Happening[]> {
    this.#wanted = wanted
    if (this.all.length < wanted) await new Promise<void>((resolve) => (this.#resolve = resolve))
    return this.all
  }
}

test('visible: who follows is told what happens in every process, in order, until he has gone', async (t) => {
  const [here, there] = await openTwo(t)
  await sendOne(here, 1)
  const heard = new Heard()
  const following = here.follow(heard.listen)
  // So that what happens elsewhere comes after it.
  await here.depth('all')
  const ids = [await sendOne(here, 1), await sendOne(there, 2)]
  const deliveries = await take(there, 2)
  equal(deliveries.length, 2)
  const [first, second] = deliveries
  const error = { code: 'too-small', message: 'no' }
  await there.commit([{ changes: [{ do: 'ack', token: first!.token }] }])
  await here.commit([{ changes: [{ do: 'bury', token: second!.token, error }] }])
  const told = (await heard.count(5)).map(({ what, queue, id, reason, acquired }) => [
    what,
    queue,
    id,
    reason,
    acquired,
  ])
  deepEqual(told, [
    ['sent', QUEUE, ids[0], null, 0],
    ['sent', QUEUE, ids[1], null, 0],
    ['acked', QUEUE, first!.stored.id, null, 1],
    ['failed', QUEUE, second!.stored.id, 'too-small', 1],
    ['dead', QUEUE, second!.stored.id, 'too-small', 1],
  ])
  following[Symbol.dispose]()
  await sendOne(here, 3)
  equal(heard.all.length, 5)
})

test('messages that were sent and acked together are told one by one', async (t) => {
  const [engine] = await openTwo(t)
  const heard = new Heard()
  engine.follow(heard.listen)
  const changes = Array.from({ length: 20 }, (_, at) => {
    const id = `00000000-0000-7000-8000-${String(at).padStart(12, '0')}`
    const message = { id, event: { id, source: '/f', type: 'f.sent' }, body: new Uint8Array(3), priority: 4 }
    return { do: 'send' as const, queue: QUEUE, message }
  })
  await engine.commit([{ changes }])
  const deliveries = await take(engine, 20)
  await Promise.all(deliveries.map(({ token }) => engine.commit([{ changes: [{ do: 'ack', token }] }])))
  const told = await heard.count(40)
  const of = (what: string): string[] => told.filter((each) => each.what === what).map(({ id }) => id)
  deepEqual(
    of('acked'),
    changes.map(({ message }) => message.id),
  )
  deepEqual(of('sent'), of('acked'))
  equal(told[0]!.type, 'f.sent')
})

test('the engine tells how long commits take and how large its files are', async (t) => {
  const [engine] = await openTwo(t)
  await sendOne(engine, 1)
  const measures = engine.measure()
  const commits = measures.find(({ name }) => name === 'posthorn_sqlite_commit_seconds')!
  ok(commits.kind === 'histogram' && commits.values.count > 0)
  const sizes = measures.filter(({ name }) => name === 'posthorn_sqlite_file_bytes')
  ok(
    sizes.every((size) => size.kind === 'gauge' && size.value > 0),
    JSON.stringify(sizes),
  )
})
