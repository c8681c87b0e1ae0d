import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromJsonBytes, toJsonBytes } from './json.ts'

test('a value comes back from its bytes, whatever its size, and its bytes are its own', () => {
  const values = ['ä€😀', { a: [1, null, true] }, 'x'.repeat(100_000), 0]
  const bytes = values.map(toJsonBytes)
  for (const [at, value] of values.entries()) {
    assert.deepEqual(fromJsonBytes(bytes[at]!), value)
    assert.deepEqual(bytes[at], new TextEncoder().encode(JSON.stringify(value)))
  }
  bytes[1]!.fill(0)
  assert.deepEqual(fromJsonBytes(bytes[0]!), values[0])
  assert.deepEqual(fromJsonBytes(bytes[3]!), 0)
})

test('values that share memory do not share bytes, wherever in it they lie', () => {
  const values = Array.from(
    { length: 2_000 },
    (_, at) => `${at} ${(at % 3 === 0 ? '€' : 'x').repeat((at * 37) % 1_500)}`,
  )
  const bytes = values.map(toJsonBytes)
  assert.deepEqual(bytes.map(fromJsonBytes), values)
})

test('memory that values share cannot be given away with one of them', () => {
  const [one, other] = [toJsonBytes(1), toJsonBytes('other')]
  assert.equal(one.buffer, other.buffer)
  assert.throws(() => structuredClone(one, { transfer: [one.buffer as ArrayBuffer] }), { name: 'DataCloneError' })
  assert.equal(fromJsonBytes(other), 'other')
})

test('nothing is no bytes, and bytes that are no JSON in UTF-8 are refused', () => {
  assert.equal(toJsonBytes(undefined).byteLength, 0)
  assert.equal(fromJsonBytes(new Uint8Array(0)), undefined)
  assert.throws(() => fromJsonBytes(Uint8Array.of(0x22, 0xff, 0x22)), TypeError)
  assert.throws(() => fromJsonBytes(Uint8Array.of(0x7b)), SyntaxError)
})
