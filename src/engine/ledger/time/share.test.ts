// Callers and workers share the thread.
import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '../../../core/clock.ts'
import { EngineClock } from './engine-clock.ts'
import { Share } from './share.ts'

const FEW = 10
const MANY = 200
const BUSY = 1
const IDLE = 0

test('a worker waits for nobody where no caller does, and with few places not for those who do', () => {
  const { share } = create()
  share.gave(MANY)
  equal(share.turn(), null)
  share.awaited(MANY, 1)
  for (let given = 0; given < 5 * FEW; given += FEW) {
    equal(share.turn(), null)
    share.gave(FEW)
  }
})

test('who asks without credit waits until callers have been told and have had their turn', async () => {
  const { share } = create()
  share.awaited(100, 1)
  equal(share.turn(), null)
  share.gave(MANY)
  const rest = share.turn()
  ok(rest !== null)
  equal(share.turn(), rest)
  let isOver = false
  void rest.then(() => (isOver = true))
  share.reached(0)
  await turn()
  equal(isOver, false)
  share.reached(1)
  await Promise.resolve()
  equal(isOver, false)
  await rest
  equal(share.turn(), null)
})

test('over many syncs no more is handed out than callers changed and a quarter, however much is handed out at once', async () => {
  const { share } = create()
  let given = 0
  const stopped = new AbortController()
  const lease = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await share.turn()
      share.gave(MANY)
      given += MANY
      await Promise.resolve()
    }
  }
  const worker = lease()
  const syncs = 100
  for (let sync = 1; sync <= syncs; sync++) {
    // The first half is in a frame of its own, so that somebody waits at any time.
    share.awaited(50, 2 * sync)
    await turn()
    share.reached(2 * sync - 1)
    share.awaited(50, 2 * sync + 1)
    await turn()
    share.reached(2 * sync)
    await turn()
  }
  stopped.abort()
  share.stop()
  await worker
  const changes = 100 * syncs
  ok(given >= 1.2 * changes && given <= 1.3 * changes + 2 * MANY, `${given} for ${changes}`)
})

test('a worker that fell behind callers catches up without a wait, by so much and no more', () => {
  const { share } = create()
  for (let sync = 1; sync < 1_000; sync++) {
    share.awaited(100, sync)
    share.reached(sync)
  }
  share.awaited(1, 1_000)
  let given = 0
  for (; share.turn() === null; given += MANY) share.gave(MANY)
  ok(given >= 20_000 && given <= 20_000 + MANY, `${given}`)
})

test('while the thread has time nobody waits longer than a millisecond', async () => {
  const { share, clock } = create(IDLE)
  share.awaited(1, 1)
  share.gave(MANY)
  const rest = share.turn()
  clock.advance(1)
  await rest
  for (let given = 0; given < 10 * FEW; given += FEW) {
    equal(share.turn(), null)
    share.gave(FEW)
  }
})

test('while the thread is busy nobody waits longer than four', async () => {
  const { share, clock } = create(BUSY)
  share.awaited(1, 1)
  share.gave(MANY)
  const rest = share.turn()
  let isOver = false
  void rest!.then(() => (isOver = true))
  clock.advance(3)
  await turn()
  equal(isOver, false)
  clock.advance(1)
  await rest
  equal(share.turn(), null)
})

test('what callers bring while somebody waits is not lost when the wait ends by the clock', async () => {
  const { share, clock } = create(BUSY)
  share.awaited(1, 1)
  share.gave(MANY)
  const rest = share.turn()
  share.awaited(1_000, 2)
  clock.advance(4)
  await rest
  let given = 0
  for (; share.turn() === null; given += FEW) share.gave(FEW)
  ok(given >= 1_000, `${given}`)
})

test('nobody waits for an engine that has stopped', async () => {
  const { share } = create()
  share.awaited(1, 1)
  share.gave(MANY)
  const rest = share.turn()
  share.stop()
  await rest
  equal(share.turn(), null)
})

function create(busyShare = BUSY): { share: Share; clock: ManualClock } {
  const clock = new ManualClock()
  return { share: new Share(new EngineClock(clock, clock.wallMs()), () => () => busyShare), clock }
}
