import { deepEqual, equal } from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { onStopSignal } from './stop-signal.ts'

function setUp() {
  // Not the process itself: the test runner listens to its signals, too.
  const source = new EventEmitter()
  const clock = new ManualClock()
  const exits: number[] = []
  const stop = onStopSignal(clock, (exitCode) => exits.push(exitCode), source)
  return { clock, exits, stop, source, press: (name: 'SIGINT' | 'SIGTERM') => source.emit(name, name) }
}

test('the first signal stops, the second ends', () => {
  const { clock, exits, stop, press } = setUp()
  press('SIGINT')
  equal(stop.signal.reason, 'SIGINT')
  clock.advance(1_000)
  press('SIGTERM')
  deepEqual(exits, [143])
})

test('a signal that npm passes on beside the terminal is one', () => {
  const { clock, exits, stop, press } = setUp()
  press('SIGINT')
  clock.advance(50)
  press('SIGINT')
  equal(stop.signal.aborted, true)
  deepEqual(exits, [])
  clock.advance(1_000)
  press('SIGINT')
  deepEqual(exits, [130])
})

test('nothing listens any more once it is over', () => {
  const { stop, source } = setUp()
  stop[Symbol.dispose]()
  equal(source.listenerCount('SIGINT') + source.listenerCount('SIGTERM'), 0)
})
