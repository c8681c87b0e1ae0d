// Copies that share memory, for those who read them.
import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { BodyCopies } from './body-copy.ts'

test('whoever gives away the memory of his body takes no other body with it, nor those to come', () => {
  const copies = new BodyCopies()
  const bytes = Uint8Array.of(1, 2, 3)
  const [mine, other] = [copies.copy(bytes, 0, 3), copies.copy(bytes, 0, 3)]
  equal(mine.buffer, other.buffer)
  throws(() => structuredClone(mine, { transfer: [mine.buffer as ArrayBuffer] }), { name: 'DataCloneError' })
  deepEqual([other, copies.copy(bytes, 1, 3)], [bytes, bytes.subarray(1)])
})
