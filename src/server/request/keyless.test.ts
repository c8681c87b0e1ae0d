import { doesNotThrow, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import { isPosthornError } from '../../core/error.ts'
import { KeylessRate } from './keyless.ts'

function flood(rate: KeylessRate, from?: string): number {
  for (let count = 0; ; count++) {
    try {
      rate.enter(from)
    } catch (error) {
      if (isPosthornError(error) && error.code === 'too-many-requests') return count
      throw error
    }
  }
}

test('an address has two seconds of the rate at once, and then the rate', () => {
  const clock = new ManualClock()
  const rate = new KeylessRate(clock, 10)
  equal(flood(rate, '192.0.2.1'), 20)
  clock.advance(500)
  equal(flood(rate, '192.0.2.1'), 5)
  throws(() => rate.enter('192.0.2.1'), { code: 'too-many-requests', details: { retryAfterSeconds: 1 } })
})

test('addresses do not wait for each other; those of one IPv6 network are one', () => {
  const rate = new KeylessRate(new ManualClock(), 1)
  equal(flood(rate, '192.0.2.1'), 2)
  doesNotThrow(() => rate.enter('192.0.2.2'))
  doesNotThrow(() => rate.enter('::ffff:192.0.2.2'))
  equal(flood(rate, '2001:db8:1:2::1'), 2)
  equal(flood(rate, '2001:db8:1:2:3::9'), 0)
  equal(flood(rate, '2001:db8:1:2:ffff:ffff:ffff:ffff'), 0)
  equal(flood(rate, '2001:db8:1:3::1'), 2)
  equal(flood(rate, '::1'), 2)
})

test('where addresses are not known all share one rate', () => {
  const rate = new KeylessRate(new ManualClock(), 3)
  equal(flood(rate), 6)
})

test('of those that ask seldom nothing is remembered for long', () => {
  const rate = new KeylessRate(new ManualClock(), 1)
  equal(flood(rate, 'first'), 2)
  for (let at = 0; at < 10_000; at++) rate.enter(`${at}`)
  equal(flood(rate, 'first'), 2)
})
