import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDuration, parseDuration, parseDurationText } from './duration.ts'

test('durations have a unit in text and may be milliseconds in code', () => {
  assert.equal(parseDurationText('250ms', 'x'), 250)
  assert.equal(parseDurationText('1.5s', 'x'), 1500)
  assert.equal(parseDurationText('5m', 'x'), 300_000)
  assert.equal(parseDuration('2h', 'x'), 7_200_000)
  assert.equal(parseDuration('7d', 'x'), 604_800_000)
  assert.equal(parseDuration(42, 'x'), 42)
})

test('a text without a unit is refused by its own code, naming the field', () => {
  assert.throws(() => parseDurationText('5', 'Posthorn-Delay'), {
    code: 'duration-without-unit',
    message: /Posthorn-Delay is '5'/,
  })
})

test('anything else is an invalid duration', () => {
  for (const text of ['', 'm', '-1s', '5 m', '1e3ms', '5w', 'NaNs', '99999999999d'])
    assert.throws(() => parseDurationText(text, 'delay'), { code: 'invalid-duration' }, text)
  for (const value of [-1, Number.NaN, Infinity, 1e15])
    assert.throws(() => parseDuration(value, 'delay'), { code: 'invalid-duration' }, String(value))
})

test('a formatted duration parses to itself', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3_000_000_000 }), (ms) => parseDurationText(formatDuration(ms), 'x') === ms),
  )
})
