import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { ShardedMap } from './sharded-map.ts'

test('it answers as a Map does, while it is small, while it grows and when it is empty again', () => {
  for (const keyOf of [(n: number) => n, (n: number) => `queue inbox order-${n}`]) {
    const map = new ShardedMap<string | number, number>()
    const plain = new Map<string | number, number>()
    let state = 1
    for (let round = 0; round < 60_000; round++) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      const key = keyOf((state >>> 8) % 9_000)
      if (round % 3 === 2) {
        map.delete(key)
        plain.delete(key)
      } else {
        map.set(key, round)
        plain.set(key, round)
      }
      equal(map.size, plain.size)
      equal(map.get(key), plain.get(key))
      equal(map.has(key), plain.has(key))
    }
    ok(plain.size > 4_096)
    for (const [key, value] of plain) equal(map.get(key), value)
    for (const key of plain.keys()) map.delete(key)
    equal(map.size, 0)
    equal(map.get(keyOf(1)), undefined)
    map.set(keyOf(1), 1)
    equal(map.get(keyOf(1)), 1)
    map.clear()
    equal(map.size, 0)
  }
})
