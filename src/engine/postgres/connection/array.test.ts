import { deepEqual, equal, throws } from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { encodeList, listsOf, type ElementType } from './array.ts'

/** The elements, as the server reads them. */
function elementsOf(bytes: Buffer): (Buffer | null)[] {
  const count = bytes.readInt32BE(0) === 0 ? 0 : bytes.readInt32BE(12)
  let at = 20
  return Array.from({ length: count }, () => {
    const length = bytes.readInt32BE(at)
    at += 4
    if (length === -1) return null
    at += length
    return bytes.subarray(at - length, at)
  })
}

test('a statement tells by its casts which parameters are lists', () => {
  deepEqual([...listsOf('select $2::bigint, unnest($3::uuid[]), unnest($1::text[])')], ['text', undefined, 'uuid'])
})

test('elements are as they were, and null is none', () => {
  const uuid = randomUUID()
  const cases: readonly [ElementType, readonly unknown[], (bytes: Buffer) => unknown][] = [
    ['text', ['', 'a "b" \\ {c}', 'größer €𝄞', null], (bytes) => bytes.toString()],
    ['int', [0, -1, 2 ** 31 - 1, null], (bytes) => bytes.readInt32BE()],
    ['smallint', [0, -5, 9], (bytes) => bytes.readInt16BE()],
    ['bigint', [0, -1, 2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 32, null], (bytes) => Number(bytes.readBigInt64BE())],
    ['boolean', [true, false], (bytes) => bytes[0] === 1],
    ['uuid', [uuid, uuid.toUpperCase(), null], (bytes) => bytes.toString('hex')],
    ['bytea', [new Uint8Array([0, 255]), new Uint8Array(0)], (bytes) => new Uint8Array(bytes)],
  ]
  for (const [type, values, read] of cases) {
    const expected = type === 'uuid' ? values.map((value) => value && uuid.replaceAll('-', '')) : values
    deepEqual(
      elementsOf(encodeList(type, values)).map((bytes) => bytes && read(bytes)),
      expected,
      type,
    )
  }
  equal(encodeList('int', []).readInt32BE(), 0, 'no elements, no dimension')
})

test('what is no number or id of that kind is refused', () => {
  throws(() => encodeList('bigint', [1.5]), { name: 'RangeError', code: '22P02' })
  throws(() => encodeList('int', [2 ** 31]), RangeError)
  throws(() => encodeList('uuid', ['0123']), RangeError)
})
