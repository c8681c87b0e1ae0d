import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { onStopSignal } from './stop-signal.ts'

test('the first signal stops, the second ends', () => {
  const clock = new ManualClock()
  const exits: number[] = []
  using stop = onStopSignal(clock, (exitCode) => exits.push(exitCode))
  process.emit('SIGINT', 'SIGINT')
  equal(stop.signal.reason, 'SIGINT')
  clock.advance(1_000)
  process.emit('SIGTERM', 'SIGTERM')
  deepEqual(exits, [143])
})

test('a signal that npm passes on beside the terminal is one', () => {
  const clock = new ManualClock()
  const exits: number[] = []
  using stop = onStopSignal(clock, (exitCode) => exits.push(exitCode))
  process.emit('SIGINT', 'SIGINT')
  clock.advance(50)
  process.emit('SIGINT', 'SIGINT')
  equal(stop.signal.aborted, true)
  deepEqual(exits, [])
  clock.advance(1_000)
  process.emit('SIGINT', 'SIGINT')
  deepEqual(exits, [130])
})

test('nothing listens any more once it is over', () => {
  const before = process.listenerCount('SIGINT')
  onStopSignal(new ManualClock(), () => {})[Symbol.dispose]()
  equal(process.listenerCount('SIGINT'), before)
})
