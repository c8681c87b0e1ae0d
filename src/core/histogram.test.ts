import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Histogram } from './histogram.ts'

test('quantiles are within 3.2 % over nine orders of magnitude', () => {
  for (const scale of [0.002, 0.5, 3, 70, 12_345, 3_600_000]) {
    const histogram = new Histogram()
    for (let at = 1; at <= 1_000; at++) histogram.record((at / 1_000) * scale)
    for (const q of [0.5, 0.9, 0.99, 0.999]) {
      const found = histogram.quantile(q)
      ok(Math.abs(found - q * scale) <= 0.032 * q * scale + 0.001, `q${q} of ${scale}: ${found}`)
    }
    equal(histogram.quantile(1), scale)
  }
})

test('counts, sums, bounds and merges', () => {
  const one = new Histogram()
  equal(one.quantile(0.5), 0)
  equal(one.mean, 0)
  one.record(-5)
  one.record(10, 3)
  const two = new Histogram()
  two.record(40)
  two.add(one)
  equal(two.count, 5)
  equal(two.sum, 70)
  equal(two.min, 0)
  equal(two.max, 40)
  equal(two.countUpTo(20), 4)
  two.clear()
  equal(two.count + two.sum + two.max + two.min, 0)
})

test('what is beyond every bucket is counted in the last', () => {
  const histogram = new Histogram()
  histogram.record(Number.MAX_VALUE)
  equal(histogram.count, 1)
  equal(histogram.quantile(1), Number.MAX_VALUE)
})
