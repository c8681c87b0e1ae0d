import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { clearDeadline, Deadline, DeadlineWheel } from './deadline.ts'

class Named extends Deadline {
  readonly name: string
  constructor(name: string) {
    super()
    this.name = name
  }
}

test('many deadlines stand on one timer, and fall due in order', () => {
  const clock = new ManualClock()
  let timers = 0
  const counting = {
    wallMs: () => clock.wallMs(),
    monotonicMs: () => clock.monotonicMs(),
    timer: (ms: number, back: () => void) => (timers++, clock.timer(ms, back)),
  }
  const wheel = new DeadlineWheel(counting)
  const due: string[] = []
  const short = wheel.list<Named>(100, 0, (all) => due.push(...all.map(({ name }) => `${name}@${clock.monotonicMs()}`)))
  const long = wheel.list<Named>(250, 0, (all) => due.push(...all.map(({ name }) => `${name}@${clock.monotonicMs()}`)))
  for (let at = 0; at < 3; at++) {
    long.set(new Named(`long${at}`), clock.monotonicMs())
    short.set(new Named(`short${at}`), clock.monotonicMs())
    clock.advance(10)
  }
  equal(timers, 2)
  clock.advance(1_000)
  deepEqual(due, ['short0@100', 'short1@110', 'short2@120', 'long0@250', 'long1@260', 'long2@270'])
  equal(clock.nextTimerInMs(), null)
})

test('a cleared deadline does not fall due, wherever it stood', () => {
  const clock = new ManualClock()
  const wheel = new DeadlineWheel(clock)
  const due: string[] = []
  const list = wheel.list<Named>(100, 0, (all) => due.push(...all.map(({ name }) => name)))
  const entries = ['a', 'b', 'c', 'd', 'e'].map((name) => new Named(name))
  for (const entry of entries) list.set(entry, 0)
  for (const at of [0, 2, 4]) clearDeadline(entries[at]!)
  clearDeadline(entries[0]!)
  list.set(entries[4]!, 50)
  list.set(entries[0]!, 20)
  clock.advance(100)
  deepEqual(due, ['b', 'd'])
  clock.advance(100)
  deepEqual(due, ['b', 'd', 'a', 'e'], 'one set from an earlier moment comes first')
})

test('slack takes along what falls due a little later', () => {
  const clock = new ManualClock()
  const wheel = new DeadlineWheel(clock)
  const batches: number[] = []
  const list = wheel.list<Named>(100, 20, (all) => batches.push(all.length))
  for (const from of [0, 10, 20, 30]) list.set(new Named(''), from)
  clock.advance(1_000)
  deepEqual(batches, [3, 1])
})
