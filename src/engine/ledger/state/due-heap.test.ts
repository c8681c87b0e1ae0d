import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { DueHeap, SparsePlaces } from './due-heap.ts'

test('a heap under random pushes, changes and removals agrees with a sorted array', () => {
  const operation = fc.record({
    item: fc.integer({ min: 1, max: 200 }),
    due: fc.integer({ min: 0, max: 30 }),
    verb: fc.constantFrom('put', 'put', 'take', 'first'),
    // As leases come: each behind all that came before.
    isInOrder: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
      const places = new SparsePlaces()
      const heap = new DueHeap(places)
      const naive = new Map<number, number>()
      let latest = 0
      for (const { item, due: dueWithin, verb, isInOrder } of operations) {
        const due = isInOrder ? latest + (dueWithin % 2) : dueWithin
        latest = Math.max(latest, due)
        const target = verb === 'first' ? heap.first : item
        if (verb === 'put') {
          if (naive.has(item)) heap.change(item, due)
          else heap.push(item, due)
          naive.set(item, due)
        } else if (naive.delete(target)) {
          heap.remove(target)
          places.forget(target)
        }
        const [first = [0, Infinity]] = [...naive].sort(
          ([one, oneDue], [other, otherDue]) => oneDue - otherDue || one - other,
        )
        deepEqual([heap.first, heap.firstDue, heap.size], [...first, naive.size])
      }
    }),
    { numRuns: 300 },
  )
})

test('of what falls due at once, the order that was asked for holds', () => {
  const heap = new DueHeap(new SparsePlaces(), (item, other) => item > other)
  for (const item of [2, 5, 1, 4]) heap.push(item, 10)
  const order = []
  for (; heap.size > 0; heap.remove(heap.first)) order.push(heap.first)
  deepEqual(order, [5, 4, 2, 1])
})

test('an empty heap is never due', () => {
  equal(new DueHeap(new SparsePlaces()).firstDue, Infinity)
})
