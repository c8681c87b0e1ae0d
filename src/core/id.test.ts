import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from './clock.ts'
import { createIds, isUuid, timeOfUuid } from './id.ts'

test('ids are UUIDv7 of the clock’s time, with the version and variant bits of RFC 9562', () => {
  const id = createIds(new ManualClock(0x0192_3456_789a)).uuid()
  assert.ok(isUuid(id))
  assert.equal(timeOfUuid(id), 0x0192_3456_789a)
  assert.equal(id[14], '7')
  assert.match(id[19]!, /[89ab]/)
})

test('ids only grow: within a millisecond, past its counter, and when the clock steps back', () => {
  const clock = new ManualClock()
  const ids = createIds(clock)
  let last = ''
  for (let round = 0; round < 20_000; round++) {
    if (round === 10_000) clock.stepWall(-3_600_000)
    const id = ids.uuid()
    assert.ok(id > last, `${id} after ${last}`)
    last = id
  }
})

test('a text that is no UUIDv7 has no time', () => {
  assert.equal(timeOfUuid('not-an-id'), null)
  assert.equal(timeOfUuid('3f2504e0-4f89-41d3-9a0c-0305e82c3301'), null)
  assert.equal(isUuid('3F2504E0-4F89-41D3-9A0C-0305E82C3301'), false)
})
