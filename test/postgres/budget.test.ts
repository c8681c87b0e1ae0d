// What a message costs the database, by the database's own counts: one row written when it is sent, one changed when it is handed out, one
// removed when it is acked, one for its result; and no row that all of them share.

import { deepEqual, equal } from 'node:assert/strict'
import type { Engine } from '../../src/core/engine.ts'
import { commit, message, onPostgres, type World } from './world.ts'

const COUNT = 200
const FOLDS = 20

/** Rows inserted, updated and deleted, by table, once all sessions have told. */
async function written(world: World, engine: Engine, inserted: number): Promise<Map<string, number[]>> {
  await engine.close()
  for (;;) {
    const rows = await world.ask(
      `select relname, n_tup_ins::int as ins, n_tup_upd::int as upd, n_tup_del::int as del
       from pg_stat_user_tables where schemaname = $1`,
      [world.schema],
    )
    const counts = new Map(rows.map(({ relname, ins, upd, del }) => [relname as string, [ins, upd, del] as number[]]))
    if ((counts.get('message')?.[0] ?? 0) >= inserted) return counts
  }
}

onPostgres('a message is written once, changed once, removed once, and its result written once', async (world) => {
  // No look while it is counted.
  const engine = await world.open({ pollMs: 600_000 })
  const one = message()
  await commit(engine, { do: 'send', queue: 'a', message: one })
  for (let fold = 0; fold < FOLDS; fold++) {
    const commits = Array.from({ length: COUNT / FOLDS }, () => ({
      changes: [{ do: 'send' as const, queue: 'a', message: message() }],
    }))
    for (const { status } of await engine.commit(commits)) equal(status, 'committed')
  }
  const { deliveries } = await engine.lease({
    id: 'all',
    worker: 'w',
    holder: 'client',
    leaseMs: 600_000,
    wants: [{ queue: 'a', max: 1_000 }],
  })
  equal(deliveries.length, COUNT + 1)
  const value = new Uint8Array(10)
  const acks = deliveries.map(({ token, stored }) => ({
    changes: [
      { do: 'ack' as const, token },
      { do: 'put' as const, key: `result/${stored.id}`, value },
    ],
  }))
  for (const { status } of await engine.commit(acks)) equal(status, 'committed')
  const counts = await written(world, engine, COUNT + 1)
  deepEqual(counts.get('message'), [COUNT + 1, COUNT + 1, COUNT + 1])
  deepEqual(counts.get('record'), [COUNT + 1, 0, 0])
  deepEqual(counts.get('past'), [0, 0, 0])
  deepEqual(counts.get('queue'), [1, 0, 0], 'the queue is no row that is changed by each')
})
