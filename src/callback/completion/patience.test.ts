import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { Patience } from './patience.ts'

const ORIGIN = 'https://a.example'

function silence(patience: Patience, attempts: number): void {
  for (let at = 0; at < attempts; at++) equal(patience.enter(ORIGIN, 0), null)
  for (let at = 0; at < attempts; at++) patience.left(ORIGIN, false)
}

test('a receiver that answers may have any number of callbacks at a time', () => {
  const patience = new Patience()
  for (let at = 0; at < 100; at++) equal(patience.enter(ORIGIN, 0), null)
})

test('one that does not answer has a few, and the others wait for longer and longer', () => {
  const patience = new Patience()
  silence(patience, 3)
  for (let at = 0; at < 4; at++) equal(patience.enter(ORIGIN, 0), null)
  equal(patience.enter(ORIGIN, 0), 5_000)
  equal(patience.enter(ORIGIN, 3), 40_000)
  equal(patience.enter(ORIGIN, 1_000), 600_000)
  equal(patience.enter('https://b.example', 0), null, 'others do not notice')
})

test('one answer ends it, and what ended for another reason changes nothing', () => {
  const patience = new Patience()
  silence(patience, 3)
  for (let at = 0; at < 5; at++) patience.enter(ORIGIN, 0)
  patience.left(ORIGIN, null)
  equal(patience.enter(ORIGIN, 0), null)
  equal(patience.enter(ORIGIN, 0), 5_000)
  patience.left(ORIGIN, true)
  for (let at = 0; at < 10; at++) equal(patience.enter(ORIGIN, 0), null)
})
