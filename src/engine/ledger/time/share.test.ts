// Callers and workers share the thread.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../core/clock.ts'
import { EngineClock } from './engine-clock.ts'
import { Share } from './share.ts'

const FEW = 10
const MANY = 200

test('a worker waits for nobody where no caller does, and with few places not for those who do', () => {
  const { share } = create()
  share.gave(MANY)
  equal(share.turn(), null)
  share.awaited(1, 1)
  for (let given = 0; given < 5 * FEW; given += FEW) {
    equal(share.turn(), null)
    share.gave(FEW)
  }
})

test('between two syncs no more is handed out than callers changed, and some more', async () => {
  const { share } = create()
  share.awaited(100, 1)
  equal(share.turn(), null)
  share.gave(MANY)
  const turn = share.turn()
  ok(turn !== null)
  equal(share.turn(), turn)
  let told = false
  void turn.then(() => (told = true))
  share.reached(0)
  await Promise.resolve()
  equal(told, false)
  share.reached(1)
  await turn
  equal(share.turn(), null)
})

test('what was handed out beyond the share is taken off the next', () => {
  const { share } = create()
  const given = Array.from({ length: 12 }, (_, sync) => {
    share.awaited(100, sync)
    let count = 0
    for (; share.turn() === null; count += MANY) share.gave(MANY)
    share.reached(sync)
    return count
  })
  deepEqual(
    given.reduce((sum, count) => sum + count, 0),
    12 * 150,
  )
})

test('no request waits for a sync that takes long', async () => {
  const { share, clock } = create()
  share.awaited(1, 1)
  share.gave(MANY)
  const turn = share.turn()
  clock.advance(1)
  await turn
  equal(share.turn(), null)
})

test('no request waits for callers who will not be told', async () => {
  const { share } = create()
  share.awaited(1, 1)
  share.gave(MANY)
  const turn = share.turn()
  share.stop()
  await turn
  equal(share.turn(), null)
})

function create(): { share: Share; clock: ManualClock } {
  const clock = new ManualClock()
  return { share: new Share(new EngineClock(clock, clock.wallMs())), clock }
}
