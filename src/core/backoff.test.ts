import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backoffMs, type Backoff } from './backoff.ts'

const policy = (over: Partial<Backoff> = {}): Backoff => ({
  kind: 'exponential',
  baseMs: 100,
  capMs: 10_000,
  factor: 2,
  jitter: 'none',
  ...over,
})

test('exponential delays grow by the factor up to the cap; fixed ones stay', () => {
  assert.deepEqual(
    [1, 2, 3, 8, 2000].map((failed) => backoffMs(policy(), failed, null, () => 0.5)),
    [100, 200, 400, 10_000, 10_000],
  )
  assert.deepEqual(
    [1, 2, 9].map((failed) => backoffMs(policy({ kind: 'fixed' }), failed, null, () => 0.5)),
    [100, 100, 100],
  )
})

test('full jitter is uniform below the delay, decorrelated looks back three times', () => {
  assert.equal(
    backoffMs(policy({ jitter: 'full' }), 3, null, () => 0.25),
    100,
  )
  assert.equal(
    backoffMs(policy({ jitter: 'decorrelated' }), 3, 400, () => 0.5),
    100 + 0.5 * 1100,
  )
  assert.equal(
    backoffMs(policy({ jitter: 'decorrelated' }), 1, null, () => 0),
    100,
  )
})

test('no delay is negative or beyond the cap', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('none', 'full', 'decorrelated'),
      fc.integer({ min: 1, max: 5000 }),
      fc.option(fc.double({ min: 0, max: 1e9, noNaN: true })),
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      (jitter, failed, previousMs, random) => {
        const ms = backoffMs(policy({ jitter }), failed, previousMs, () => random)
        return ms >= 0 && ms <= 10_000
      },
    ),
  )
})
