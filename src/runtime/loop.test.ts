import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { Loop } from './loop.ts'

const turns = async (count = 10) => {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

test('sleeps as long as the step says, and is woken before', async () => {
  const clock = new ManualClock()
  let steps = 0
  const loop = new Loop(
    clock,
    async () => (steps++, 1_000),
    () => {},
  )
  loop.wake()
  await turns()
  equal(steps, 0, 'not before its start')
  loop.start()
  await turns()
  equal(steps, 1)
  clock.advance(999)
  await turns()
  equal(steps, 1)
  clock.advance(1)
  await turns()
  equal(steps, 2)
  loop.wake()
  await turns()
  equal(steps, 3)
  await loop.stop()
  clock.advance(10_000)
  await turns()
  equal(steps, 3)
  equal(clock.nextTimerInMs(), null)
})

test('a wake during a step has it called once more, never twice at once', async () => {
  const clock = new ManualClock()
  let under = 0
  let steps = 0
  const loop = new Loop(
    clock,
    async () => {
      equal(++under, 1)
      if (++steps === 1) for (let wake = 0; wake < 5; wake++) loop.wake()
      await turns(2)
      under--
      return null
    },
    () => {},
  )
  loop.start()
  await turns()
  equal(steps, 2)
  await Promise.all([loop.tick(), loop.tick()])
  equal(steps, 3, 'two ticks at once are one')
  await loop.stop()
})

test('a step that throws is reported and called again', async () => {
  const clock = new ManualClock()
  const faults: unknown[] = []
  let steps = 0
  const loop = new Loop(
    clock,
    async () => {
      if (++steps === 1) throw new Error('broken')
      return null
    },
    (error) => faults.push(String(error)),
  )
  loop.start()
  await turns()
  deepEqual(faults, ['Error: broken'])
  clock.advance(1_000)
  await turns()
  equal(steps, 2)
  await loop.stop()
})
