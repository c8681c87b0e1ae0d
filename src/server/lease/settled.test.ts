import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import { Settled } from './settled.ts'

test('only so many settles are remembered in ten minutes', () => {
  const clock = new ManualClock()
  const settled = new Settled(clock)
  equal(settled.idFor('sig.rest', 'ack'), 'settle:sig:ack')
  for (let at = 1; at < 250_000; at++) settled.idFor('sig.rest', 'ack')
  equal(settled.idFor('sig.rest', 'ack'), undefined)
  clock.advance(600_000)
  equal(settled.idFor('sig.rest', 'ack'), 'settle:sig:ack')
})
