import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../core/clock.ts'
import { LateHandOuts } from './late.ts'

function lateOf() {
  const clock = new ManualClock()
  const taken: unknown[] = []
  const on = { server: 'one' }
  const late = new LateHandOuts({
    clock,
    server: () => on.server,
    takeBack: (lease, queues) => void taken.push([lease, ...queues]),
  })
  return { clock, late, on, taken }
}

test('what may come late goes back at once, later, and when no statement can be at work any more', () => {
  const { clock, late, taken } = lateOf()
  late.expect(7, ['a', 'b'])
  deepEqual(taken, [])
  for (const [ms, times] of [
    [500, 1],
    [4_500, 2],
    [26_000, 3],
    [60_000, 3],
  ] as const) {
    clock.advance(ms)
    deepEqual(
      taken,
      Array.from({ length: times }, () => [7, 'a', 'b']),
    )
  }
})

test("not on another server, where the number may be somebody else's, nor after the end", () => {
  const { clock, late, on, taken } = lateOf()
  late.expect(7, ['a'])
  on.server = 'other'
  clock.advance(40_000)
  late.expect(8, ['a'])
  late.close()
  clock.advance(40_000)
  deepEqual(taken, [])
})

test('of very many at a time some are left to lapse', () => {
  const { clock, late, taken } = lateOf()
  for (let n = 0; n < 1_000; n++) late.expect(n, ['a'])
  clock.advance(500)
  deepEqual(taken.length, 100)
})
