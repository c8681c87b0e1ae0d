import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../core/clock.ts'
import { LateHandOuts } from './late.ts'
import type { LeaseNumber } from './lease-numbers.ts'

const leaseOf = (number: number): LeaseNumber => ({ number, server: 'one' })

function lateOf() {
  const clock = new ManualClock()
  const taken: unknown[] = []
  const late = new LateHandOuts({
    clock,
    takeBack: async ({ number, server }, queues) => void taken.push([number, server, ...queues]),
  })
  return { clock, late, taken }
}

test('what may come late goes back at once, later, and when no statement can be at work any more', async () => {
  const { clock, late, taken } = lateOf()
  late.expect(leaseOf(7), ['a', 'b'])
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
      Array.from({ length: times }, () => [7, 'one', 'a', 'b']),
    )
  }
  await late.close()
  deepEqual(taken.length, 3)
})

test('what has come by the end goes back then, and is not looked for later', async () => {
  const { clock, late, taken } = lateOf()
  late.expect(leaseOf(7), ['a'])
  clock.advance(500)
  late.expect(leaseOf(8), ['b'])
  await late.close()
  deepEqual(taken, [
    [7, 'one', 'a'],
    [7, 'one', 'a'],
    [8, 'one', 'b'],
  ])
  clock.advance(40_000)
  deepEqual(taken.length, 3)
})

test('of very many at a time some are left to lapse', () => {
  const { clock, late, taken } = lateOf()
  for (let n = 0; n < 1_000; n++) late.expect(leaseOf(n), ['a'])
  clock.advance(500)
  deepEqual(taken.length, 100)
})
