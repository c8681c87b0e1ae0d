import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { FoldNumbers } from './short-way.ts'

test('folds have numbers of their own, however many processes there were before', () => {
  const seen = new Set<number>()
  for (const process of [1, 2, 2 ** 22, 2 ** 23 + 3, 2 ** 31 - 1]) {
    const numbers = new FoldNumbers(process)
    for (let n = 0; n < 100; n++) {
      const number = numbers.next()
      ok(Number.isSafeInteger(number) && number < 0, `${number}`)
      seen.add(number)
    }
  }
  equal(seen.size, 500)
})
