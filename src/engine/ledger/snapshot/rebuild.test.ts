// What a rebuild leaves behind in the process.
import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { getHeapSpaceStatistics } from 'node:v8'
import { DEFAULT_QUEUE } from '../../../core/settings.ts'
import { READY } from '../entries.ts'
import { CHUNK_MASK } from '../state/slots.ts'
import { LedgerState } from '../state/state.ts'
import { rebuild } from './rebuild.ts'

const MANY = 1_000_000

test('a rebuild of a million messages leaves hardly more room for what is young than there was', () => {
  const state = new LedgerState()
  state.queueSet({ queue: 1, name: 'inbox', settings: DEFAULT_QUEUE, version: 0, unbound: false })
  const { slots } = state.messages
  for (let slot = 1; slot <= MANY; slot++) {
    slots.reach(slot)
    const chunk = slots.of(slot)
    const row = slot & CHUNK_MASK
    chunk.state[row] = READY
    chunk.queue[row] = 1
    chunk.id0[row] = chunk.seq[row] = chunk.place[row] = chunk.block[row] = slot
  }
  const before = youngBytes()
  rebuild(state)
  equal(state.queueByName.get('inbox')!.ready.pick(DEFAULT_QUEUE.pick), 1)
  ok(youngBytes() <= 2 * before, `${youngBytes()} bytes, ${before} before`)
})

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')!.space_size
}
