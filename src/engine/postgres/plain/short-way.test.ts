import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Statements } from '../sql/statement.ts'
import { FoldNumbers } from './short-way.ts'

test('folds have numbers of their own, however many processes there were before', () => {
  const seen = new Set<number>()
  for (const process of [1, 2, 2 ** 16, 2 ** 22 + 3, 2 ** 23 + 4, 2 ** 31 - 1]) {
    const numbers = new FoldNumbers(process)
    for (let n = 0; n < 100; n++) {
      const number = numbers.next()
      ok(Number.isSafeInteger(number) && number < 0, `${number}`)
      seen.add(number)
    }
  }
  equal(seen.size, 600)
})

test('a process does not come to the end of its numbers, and they are forgotten in the ranges in which they are given', () => {
  const range = new FoldNumbers(1).next() - new FoldNumbers(2).next()
  const [foldsASecond, aYear] = [2_000, 365 * 86_400]
  ok(range > foldsASecond * aYear, `${range}`)
  const numbers = new FoldNumbers(3)
  equal(numbers.next(), -3 * range)
  equal(numbers.next(), -3 * range - 1)
  const { text } = new Statements('s', true).get('forget')
  ok(text.includes(`serial <= -p.process * ${range} and serial > -(p.process + 1) * ${range}`))
})
