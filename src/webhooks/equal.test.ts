import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { isEqual } from './equal.ts'

/** Bytes that count how often they are looked at. */
function counted(bytes: readonly number[]): { readonly bytes: ArrayLike<number>; readonly reads: number[] } {
  const reads = bytes.map(() => 0)
  const proxy = new Proxy(bytes, {
    get(target, name) {
      if (typeof name === 'string' && /^\d+$/.test(name)) reads[Number(name)] = (reads[Number(name)] ?? 0) + 1
      return Reflect.get(target, name) as unknown
    },
  })
  return { bytes: proxy, reads }
}

test('equal is equal, and one bit is a difference wherever it is', () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, index) => index * 7)
  equal(isEqual(bytes, bytes.slice()), true)
  for (let bit = 0; bit < 256; bit += 1) {
    const other = bytes.slice()
    other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    equal(isEqual(bytes, other), false)
  }
  equal(isEqual(bytes, bytes.slice(1)), false)
  equal(isEqual([], []), true)
})

test('it reads every byte of both exactly once, wherever the first difference is', () => {
  for (let place = -1; place < 20; place += 1) {
    const one = counted(Array.from({ length: 20 }, () => 1))
    const other = counted(Array.from({ length: 20 }, (_, index) => (index === place ? 2 : 1)))
    equal(isEqual(one.bytes, other.bytes), place === -1)
    equal(
      [...one.reads, ...other.reads].every((reads) => reads === 1),
      true,
    )
  }
})
