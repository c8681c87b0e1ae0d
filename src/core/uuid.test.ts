import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { formatUuid, parseUuid, words } from './uuid.ts'

const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

test('a UUID goes into words and back, also when it is asked for again', () => {
  for (let round = 0; round < 1000; round++) {
    const id = randomUUID()
    assert.ok(parseUuid(id))
    assert.ok(parseUuid(id))
    assert.equal(formatUuid(words[0]!, words[1]!, words[2]!, words[3]!), id)
  }
})

test('exactly what has the canonical form is a UUID, whatever was asked before', () => {
  const place = fc.nat({ max: 35 })
  const character = fc.oneof(
    fc.constantFrom('-', 'g', 'A', 'f', '0', 'İ', 'ƀ', '\u0130', '\u0061'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }),
  )
  fc.assert(
    fc.property(fc.uuid(), place, character, (id, at, other) => {
      const text = id.slice(0, at) + other + id.slice(at + 1)
      assert.equal(parseUuid(id), true)
      assert.equal(parseUuid(text), CANONICAL.test(text))
      assert.equal(parseUuid(text), CANONICAL.test(text))
      assert.equal(parseUuid(id), true)
      assert.equal(formatUuid(words[0]!, words[1]!, words[2]!, words[3]!), id)
    }),
    { numRuns: 2000 },
  )
  for (const odd of ['', 'x', `${randomUUID()} `, 5, null, undefined]) assert.equal(parseUuid(odd as string), false)
})
