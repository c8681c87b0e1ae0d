// An event's content is stored once, however many get it, and goes when the last of them has let go of it.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import type { Change, Delivery } from '../../src/core/engine.ts'
import { createIds } from '../../src/core/id.ts'
import type { Subscription } from '../../src/core/settings.ts'
import { nodeDriver } from '../../src/engine/sqlite/driver/node-driver.ts'
import { openSqliteEngine, type SqliteEngine } from '../../src/engine/sqlite/engine.ts'
import { assertHolders } from './holder.ts'

const clock = new ManualClock(1)
const ids = createIds(clock)

class Subject {
  readonly #file: string
  engine!: SqliteEngine

  constructor(t: TestContext) {
    const folder = mkdtempSync(join(tmpdir(), 'posthorn-sqlite-'))
    this.#file = join(folder, 'p.db')
    t.after(async () => {
      await this.engine.close()
      rmSync(folder, { recursive: true })
    })
  }

  async open(): Promise<void> {
    this.engine = await openSqliteEngine(this.#file, { clock, local: { driver: nodeDriver } })
  }

  async commit(...changes: readonly Change[]): Promise<void> {
    const [result] = await this.engine.commit([{ changes }])
    equal(result?.status, 'committed', JSON.stringify(result))
  }

  bind(names: readonly string[], other: Partial<Subscription> = {}): Promise<void> {
    return this.commit(
      ...names.map((name): Change => ({
        do: 'bind',
        subscription: { topic: 't', name, types: [], filters: [], from: 'now', order: 'none', ...other },
      })),
    )
  }

  async publish(count: number, bytes: number): Promise<void> {
    const commits = Array.from({ length: count }, (_, n) => {
      const id = ids.uuid()
      const message = { id, event: { id, source: '/', type: 'a' }, body: bodyOf(n, bytes), priority: 4 }
      return { changes: [{ do: 'publish', topic: 't', message }] as const }
    })
    for (const result of await this.engine.commit(commits)) equal(result.status, 'committed')
  }

  async take(name: string, max: number): Promise<readonly Delivery[]> {
    const wants = [{ queue: `topic:t:${name}`, max }]
    const request = { id: ids.uuid(), worker: 'w', holder: 'client' as const, leaseMs: 60_000, wants }
    return (await this.engine.lease(request)).deliveries
  }

  /** How much is stored of bodies, over all tables. */
  stored(): { readonly contents: number; readonly bytes: number } {
    assertHolders(this.#file)
    const database = new DatabaseSync(this.#file)
    const numberOf = (sql: string): number => Number(Object.values(database.prepare(sql).get()!)[0])
    const sum = (table: string): number => numberOf(`select coalesce(sum(length(content)), 0) from ${table}`)
    const tables = ['content', 'message', 'bundle_content', 'retained']
    const bytes = tables.reduce((total, table) => total + sum(table), 0)
    const contents = numberOf('select count(*) from content')
    database.close()
    return { contents, bytes }
  }
}

const bodyOf = (n: number, bytes: number): Uint8Array => new Uint8Array(bytes).fill(n + 1)

const namesOf = (count: number): readonly string[] => Array.from({ length: count }, (_, n) => `s${n}`)

async function subjectFor(t: TestContext): Promise<Subject> {
  const subject = new Subject(t)
  await subject.open()
  return subject
}

test('one content for a kept event and sixty deliveries of it, gone with the last', async (t) => {
  const subject = await subjectFor(t)
  const names = namesOf(60)
  await subject.commit({ do: 'retain', topic: 't', retention: { ms: null, count: 10 } })
  await subject.bind(names)
  await subject.publish(1, 10_000)
  const { contents, bytes } = subject.stored()
  equal(contents, 1)
  ok(bytes < 11_000, `${bytes} bytes`)
  for (const name of names) {
    const [delivery] = await subject.take(name, 9)
    deepEqual(delivery!.stored.message.body, bodyOf(0, 10_000))
    await subject.commit({ do: 'ack', token: delivery!.token })
  }
  equal(subject.stored().contents, 1, 'the topic keeps it')
  await subject.commit({ do: 'retain', topic: 't', retention: null })
  deepEqual(subject.stored(), { contents: 0, bytes: 0 })
})

test('events that were published together lie in bundles with what they share, whatever becomes of each', async (t) => {
  const subject = await subjectFor(t)
  await subject.bind(namesOf(5))
  await subject.publish(40, 3_000)
  const { contents, bytes } = subject.stored()
  equal(contents, 40)
  ok(bytes < 160_000, `${bytes} bytes`)
  await subject.engine.close()
  await subject.open()
  for (const name of namesOf(5)) {
    const deliveries = await subject.take(name, 30)
    deepEqual(
      deliveries.map(({ stored }) => stored.message.body),
      Array.from({ length: 30 }, (_, n) => bodyOf(n, 3_000)),
    )
    // Some go, some come back, one is dead, and those behind are leased over holes.
    const [first, second, third, ...rest] = deliveries
    const id = rest.at(-1)!.stored.id
    await subject.commit(
      { do: 'bury', token: first!.token, error: { code: 'x', message: '' } },
      { do: 'retry', token: second!.token, delay: { afterMs: 0 }, error: { code: 'x', message: '' } },
      { do: 'release', token: third!.token, delay: { afterMs: 0 } },
      ...rest.map(({ token }): Change => ({ do: 'ack', token })),
    )
    subject.stored()
    equal((await subject.engine.find([{ queue: `topic:t:${name}`, id }]))[0], null)
    await subject.commit({ do: 'redrive', messages: [{ queue: `topic:t:${name}`, id: first!.stored.id }] })
    const left = await subject.take(name, 40)
    equal(left.length, 13)
    deepEqual(new Set(left.map(({ stored }) => stored.message.body[0])), new Set([1, 2, 3, ...range(31, 40)]))
    const waiting = (await subject.engine.find([{ queue: `topic:t:${name}`, id: left[0]!.stored.id }]))[0]
    equal(waiting!.message.body.byteLength, 3_000)
    await subject.commit(...left.map(({ token }): Change => ({ do: 'ack', token })))
  }
  deepEqual(subject.stored(), { contents: 0, bytes: 0 })
})

test('who catches up later holds what its topic keeps; who is unbound and what is forgotten let go of it', async (t) => {
  const subject = await subjectFor(t)
  await subject.commit({ do: 'retain', topic: 't', retention: { ms: null, count: 10 } })
  await subject.publish(10, 5_000)
  await subject.bind(namesOf(3), { from: 'beginning' })
  const { contents, bytes } = subject.stored()
  equal(contents, 10)
  ok(bytes < 60_000, `${bytes} bytes`)
  await subject.commit({ do: 'unbind', topic: 't', name: 's0' })
  await subject.publish(10, 5_000)
  equal(subject.stored().contents, 20, 'the older are still to be handled')
  for (const name of ['s1', 's2'])
    await subject.commit(...(await subject.take(name, 20)).map(({ token }): Change => ({ do: 'ack', token })))
  equal(subject.stored().contents, 20, 'what was discarded is shown for a while')
  clock.advance(30 * 86_400_000)
  await subject.engine.depth('all')
  equal(subject.stored().contents, 10)
})

test('copies that are small together are left to those who get them', async (t) => {
  const subject = await subjectFor(t)
  await subject.bind(namesOf(3))
  await subject.publish(1, 100)
  equal(subject.stored().contents, 0)
  await subject.bind(namesOf(30))
  await subject.publish(1, 100)
  equal(subject.stored().contents, 1)
})

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n)
