// What the statements cost, as SQLite plans them: none that is run for a message reads more than the rows it wants, nor sorts them. And the cost of
// a lease, counted in rows that the deciders look at, does not grow with what may not be handed out.

import { deepEqual, equal } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import type { Driver } from '../../src/engine/sqlite/driver/driver.ts'
import { nodeDriver } from '../../src/engine/sqlite/driver/node-driver.ts'
import { openSqliteEngine } from '../../src/engine/sqlite/engine.ts'
import * as view from '../../src/engine/sqlite/read/view.ts'
import { MIGRATIONS } from '../../src/engine/sqlite/schema/migrate.ts'
import * as bundle from '../../src/engine/sqlite/state/bundle.ts'
import * as message from '../../src/engine/sqlite/state/message.ts'
import * as queue from '../../src/engine/sqlite/state/queue.ts'
import * as record from '../../src/engine/sqlite/state/record.ts'
import * as shared from '../../src/engine/sqlite/state/shared.ts'
import * as topic from '../../src/engine/sqlite/state/topic.ts'

/** Run at an opening, or by people: they may look at everything. */
const WHOLE = new Set([
  'LEASED_BY',
  'LEASED_BUNDLES',
  'SUBSCRIPTIONS_OF',
  'ALL_QUEUES',
  'COUNT_QUEUES',
  'COUNT_TOPICS',
  'COUNT_SUBSCRIPTIONS',
])
/** In the order of an index from its beginning, and no further than asked. */
const FROM_THE_START = /^SCAN \w+ USING (COVERING )?INDEX/

test('every statement finds its rows by an index, in order', () => {
  const database = new DatabaseSync(':memory:')
  for (const migration of MIGRATIONS) database.exec(migration)
  const statements = Object.entries({
    ...bundle,
    ...message,
    ...queue,
    ...record,
    ...shared,
    ...topic,
    ...view,
  }).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && /^(select|update|delete) /.test(entry[1]),
  )
  const costly = statements.flatMap(([name, sql]) => {
    if (WHOLE.has(name)) return []
    const plan = database.prepare(`explain query plan ${sql}`).all() as unknown as { readonly detail: string }[]
    return plan
      .map(({ detail }) => detail)
      .filter((detail) => detail.includes('TEMP B-TREE') || (detail.startsWith('SCAN') && !mayScan(sql, detail)))
      .map((detail) => `${name}: ${detail}`)
  })
  deepEqual(costly, [])
  equal(statements.length > 60, true)
  database.close()
})

function mayScan(sql: string, detail: string): boolean {
  return FROM_THE_START.test(detail) && /limit (1|\?)\)?$/.test(sql)
}

test('no-starvation: a lease asks as few statements with 2,000 held and 2,000 delayed messages as with none', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-sqlite-'))
  let asked = 0
  const driver: Driver = {
    open(path) {
      const database = nodeDriver.open(path)
      return {
        ...database,
        prepare(sql) {
          const statement = database.prepare(sql)
          const count = <T>(answer: T): T => (asked++, answer)
          return {
            run: (...values) => count(statement.run(...values)),
            first: (...values) => count(statement.first(...values)),
            all: (...values) => count(statement.all(...values)),
          }
        },
      }
    },
  }
  const engine = await openSqliteEngine(join(folder, 'p.db'), { clock: new ManualClock(), local: { driver } })
  t.after(async () => {
    await engine.close()
    rmSync(folder, { recursive: true })
  })
  let sent = 0
  const send = async (count: number, attributes: object): Promise<void> => {
    const changes = Array.from({ length: count }, () => {
      const id = `00000000-0000-7000-8000-${String(sent++).padStart(12, '0')}`
      const event = { id, source: '/plan', type: 'plan' }
      return {
        do: 'send' as const,
        queue: 'q',
        message: { id, event, body: new Uint8Array(1), priority: 4, ...attributes },
      }
    })
    for (const { status } of await engine.commit([{ changes }])) equal(status, 'committed')
  }
  const costOfLease = async (): Promise<number> => {
    await send(1, {})
    const before = asked
    const wants = [{ queue: 'q', max: 1 }]
    const { deliveries } = await engine.lease({
      id: `l ${sent}`,
      worker: 'w',
      holder: 'client',
      leaseMs: 60_000,
      wants,
    })
    equal(deliveries.length, 1)
    return asked - before
  }
  await send(1, { key: 'k' })
  await send(1, { delay: { afterMs: 1_000_000 } })
  // The head of the key is leased and stays so.
  await costOfLease()
  await send(1, { key: 'k' })
  await costOfLease()
  const alone = await costOfLease()
  await send(2_000, { key: 'k' })
  await send(2_000, { delay: { afterMs: 1_000_000 } })
  equal(await costOfLease(), alone)
})
