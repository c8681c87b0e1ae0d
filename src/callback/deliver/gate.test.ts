import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import { EndpointGate, OPENS_AFTER } from './gate.ts'

const open = (ratePerSecond: number | null = null, concurrency = 8) => {
  const clock = new ManualClock()
  const gate = new EndpointGate(clock, () => 0.5, { concurrency, ratePerSecond })
  const takeAll = (): number => {
    let taken = 0
    for (; gate.room() > 0; taken++) gate.took()
    return taken
  }
  return { clock, gate, takeAll }
}

test('as many calls as it may have are under way, and no more', () => {
  const { gate, takeAll } = open()
  equal(takeAll(), 8)
  equal(gate.room(), 0)
  gate.gave()
  equal(gate.room(), 1)
})

test('a 429 or a time-out halves what is under way, once for all calls that were together, and answers bring it back', () => {
  const { clock, gate } = open()
  for (let n = 0; n < 8; n++) gate.took()
  clock.advance(100)
  for (let n = 0; n < 3; n++) gate.note('throttled', 100)
  equal(gate.limit, 4)
  clock.advance(100)
  gate.note('throttled', 50)
  equal(gate.limit, 2)
  for (let n = 0; n < 3; n++) gate.note('fine', 20)
  ok(gate.limit >= 3, 'a little more with each answer')
  for (let n = 0; n < 100; n++) gate.note('fine', 20)
  equal(gate.limit, 8)
})

test('a receiver that grows slow gets less at once', () => {
  const { clock, gate } = open()
  for (let n = 0; n < 10; n++) gate.note('fine', 20)
  clock.advance(3_000)
  gate.note('fine', 2_500)
  equal(gate.limit, 6)
})

test('a rate is held, with a little that may be caught up', () => {
  const { clock, gate, takeAll } = open(50, 100)
  equal(takeAll(), 1)
  ok(gate.opensAtMs > clock.monotonicMs() && gate.opensAtMs <= clock.monotonicMs() + 22)
  let taken = 0
  for (let step = 0; step < 100; step++) {
    clock.advance(10)
    taken += takeAll()
    while (gate.underWay > 0) gate.gave()
  }
  ok(taken >= 49 && taken <= 51, `${taken} in a second`)
  clock.advance(10_000)
  equal(takeAll(), 5)
})

test('failures in a row open the circuit for longer and longer; one call then shows whether it is back', () => {
  const { clock, gate } = open()
  for (let n = 1; n < OPENS_AFTER; n++) equal(gate.note('failed', 1), null)
  equal(gate.circuit, 'closed')
  equal(gate.note('failed', 1), 'opened')
  deepEqual([gate.circuit, gate.room()], ['open', 0])
  const first = gate.opensAtMs - clock.monotonicMs()
  // Calls that were under way say nothing new.
  equal(gate.note('failed', 1), null)
  clock.advance(first)
  deepEqual([gate.circuit, gate.room()], ['half-open', 1])
  gate.took()
  equal(gate.room(), 0)
  equal(gate.note('failed', 1), null)
  gate.gave()
  ok(gate.opensAtMs - clock.monotonicMs() > first * 1.5, 'longer each time')
  clock.advance(gate.opensAtMs - clock.monotonicMs())
  gate.took()
  equal(gate.note('fine', 1), 'recovered')
  gate.gave()
  equal(gate.circuit, 'closed')
  ok(gate.room() >= 1)
})

test('it rests for as long as the receiver asked, and not at all while it is disabled', () => {
  const { clock, gate } = open()
  gate.pause(30_000)
  deepEqual([gate.room(), gate.opensAtMs - clock.monotonicMs()], [0, 30_000])
  clock.advance(30_000)
  equal(gate.room(), 8)
  gate.open(false)
  deepEqual([gate.room(), gate.opensAtMs], [0, Infinity])
  gate.open(true)
  equal(gate.room(), 8)
})
