import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock, pause, systemClock } from './clock.ts'

test('a manual clock fires timers in order of their time, then of their making', () => {
  const clock = new ManualClock()
  const fired: string[] = []
  clock.timer(20, () => fired.push('b'))
  clock.timer(10, () => {
    fired.push('a')
    clock.timer(10, () => fired.push('d'))
  })
  clock.timer(20, () => fired.push('c'))
  clock.timer(15, () => fired.push('never'))[Symbol.dispose]()
  assert.equal(clock.nextTimerInMs(), 10)
  clock.advance(30)
  assert.deepEqual(fired, ['a', 'b', 'c', 'd'])
  assert.equal(clock.nextTimerInMs(), null)
})

test('stepping the wall clock leaves the monotonic one alone', () => {
  const clock = new ManualClock(1_000)
  clock.stepWall(-500)
  clock.advance(10)
  assert.equal(clock.wallMs(), 510)
  assert.equal(clock.monotonicMs(), 10)
})

test('a pause ends with its time or with the reason of the signal', async () => {
  const clock = new ManualClock()
  const over = pause(clock, 5)
  clock.advance(5)
  await over
  const aborter = new AbortController()
  const stopped = pause(clock, 5, aborter.signal)
  aborter.abort(new Error('enough'))
  await assert.rejects(stopped, /enough/)
  assert.equal(clock.nextTimerInMs(), null)
  await assert.rejects(pause(clock, 5, aborter.signal), /enough/)
})

test('the system clock’s timer fires once and can be disposed', async () => {
  await new Promise<void>((resolve) => {
    const keepAlive = setInterval(() => {}, 1_000)
    systemClock.timer(60_000, () => assert.fail('disposed'))[Symbol.dispose]()
    systemClock.timer(0, () => {
      clearInterval(keepAlive)
      resolve()
    })
  })
})
