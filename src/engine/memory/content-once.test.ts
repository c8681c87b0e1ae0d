// An event's content is stored once, however many get it, and let go when the last of them has.

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import type { Change } from '../../core/engine.ts'
import { createIds } from '../../core/id.ts'
import { LedgerEngine } from '../ledger/engine.ts'
import type { Blocks } from '../ledger/store.ts'
import { LedgerState } from '../ledger/state/state.ts'
import { MemoryStore } from './store.ts'

const SUBSCRIPTIONS = 1_000

test('one content for a kept event and a thousand deliveries of it, released with the last', async () => {
  const counted = { added: 0, released: 0 }
  const store = new MemoryStore()
  const blocks: Blocks = store.blocks
  const add = blocks.addMessage.bind(blocks)
  const release = blocks.release.bind(blocks)
  blocks.addMessage = (message) => (counted.added++, add(message))
  blocks.release = (block) => (counted.released++, release(block))
  const clock = new ManualClock(0)
  const ids = createIds(clock)
  const engine = new LedgerEngine({ state: new LedgerState(), store, clock, ids, openedAt: 0, era: 1 })
  const commit = async (...changes: readonly Change[]) => {
    const [result] = await engine.commit([{ changes }])
    equal(result?.status, 'committed', JSON.stringify(result))
    return result
  }
  await commit({ do: 'retain', topic: 't', retention: { ms: null, count: 10 } })
  for (let from = 0; from < SUBSCRIPTIONS; from += 100)
    await commit(
      ...Array.from({ length: 100 }, (_, n): Change => ({
        do: 'bind',
        subscription: { topic: 't', name: `s${from + n}`, types: [], filters: [], from: 'now', order: 'none' },
      })),
    )
  const id = ids.uuid()
  const body = new Uint8Array(10_000)
  await commit({ do: 'publish', topic: 't', message: { id, event: { id, source: '/', type: 'a' }, body, priority: 4 } })
  deepEqual(counted, { added: 1, released: 0 })
  const queues = Array.from({ length: SUBSCRIPTIONS }, (_, n) => `topic:t:s${n}`)
  for (const queue of queues) {
    const { deliveries } = await engine.lease({
      id: queue,
      worker: 'w',
      holder: 'process',
      leaseMs: 1_000,
      wants: [{ queue, max: 9 }],
    })
    equal(deliveries.length, 1)
    await commit({ do: 'ack', token: deliveries[0]!.token })
  }
  deepEqual(counted, { added: 1, released: 0 }, 'the topic keeps it')
  await commit({ do: 'retain', topic: 't', retention: null })
  deepEqual(counted, { added: 1, released: 1 })
  await engine.close()
})
