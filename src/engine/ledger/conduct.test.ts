// What a call leaves behind that makes no sense.
import { equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { Disk, RecordedStore } from '../../../test/conformance/recorded-subject.ts'
import { ManualClock } from '../../core/clock.ts'
import type { CommitResult } from '../../core/engine.ts'
import { createIds } from '../../core/id.ts'
import type { Message } from '../../core/message.ts'
import { LedgerEngine } from './engine.ts'
import { Snapshot } from './snapshot/snapshot.ts'
import { LedgerState } from './state/state.ts'

test('what time decided before a call that makes no sense is made durable, and holds up nobody', async () => {
  const clock = new ManualClock()
  const ids = createIds(clock)
  const state = new LedgerState()
  const store = new RecordedStore(new Disk(), clock, false)
  store.snapshot = new Snapshot(state)
  store.snapshot.finish()
  const engine = new LedgerEngine({ state, store, clock, ids, openedAt: clock.wallMs() })
  const send = (more: Partial<Message> = {}): Promise<readonly CommitResult[]> => {
    const id = ids.uuid()
    const event = { id, source: '/', type: 'x' }
    const message = { id, event, body: new Uint8Array(), priority: 4, ...more }
    return engine.commit([{ changes: [{ do: 'send', queue: 'inbox', message }] }])
  }
  await send({ expires: { at: clock.wallMs() + 1_000 } })
  const sent = send()
  clock.stepWall(1_000)
  await rejects(engine.extend([], -1), { code: 'invalid' })
  await sent
  const wants = [{ queue: 'inbox', max: 10 }]
  const { deliveries } = await engine.lease({ id: 'first', worker: 'w', holder: 'process', leaseMs: 1_000, wants })
  equal(deliveries.length, 1)
  await engine.close()
})
