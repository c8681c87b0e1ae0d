import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { SortedTexts } from './sorted-texts.ts'

test('texts come in bytewise order, whatever was added and deleted before', () => {
  const text = fc.string({ unit: fc.constantFrom('!', 'A', 'a', '~', ' '), maxLength: 4 })
  fc.assert(
    fc.property(fc.array(fc.tuple(text, fc.boolean()), { maxLength: 2000 }), text, (operations, start) => {
      const sorted = new SortedTexts()
      const naive = new Set<string>()
      for (const [each, isDeletion] of operations) {
        if (isDeletion) {
          sorted.delete(each)
          naive.delete(each)
        } else {
          sorted.add(each)
          naive.add(each)
        }
      }
      const expected = [...naive].sort()
      deepEqual([...sorted.from('')], expected)
      deepEqual(
        [...sorted.from(start)],
        expected.filter((each) => each >= start),
      )
      deepEqual(
        [...SortedTexts.of([...naive]).from(start)],
        expected.filter((each) => each >= start),
      )
    }),
    { numRuns: 100 },
  )
})

test('runs are split and joined without losing anything', () => {
  const sorted = new SortedTexts()
  const texts = Array.from({ length: 5000 }, (_, at) => String((at * 7919) % 5000).padStart(4, '0'))
  for (const text of texts) sorted.add(text)
  deepEqual([...sorted.from('4990')], texts.filter((text) => text >= '4990').sort())
  for (const text of texts.slice(0, 4999)) sorted.delete(text)
  deepEqual([...sorted.from('')], [texts[4999]])
})
