import { deepEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { EventAttributes } from '../../../core/message.ts'
import type { Bound } from '../row/row.ts'
import { KnownSubscriptions } from './known-topics.ts'
import { BoundSubscriptions } from './subscriptions.ts'
import { Undo } from './undo.ts'

const definitionOf = (name: string, types: readonly string[]): Bound['definition'] => ({
  topic: 't',
  name,
  types,
  filters: [],
  from: 'now',
  order: 'none',
})

function boundOf(number: number, types: readonly string[], status: Bound['status'] = 'live'): Bound {
  const name = `s${number}`
  const fixed = { cursor: null, hasGap: false, gaps: [], isStored: true, isGone: false, isDirty: false }
  return { topic: 't', name, number, version: number, definition: definitionOf(name, types), status, ...fixed }
}

const eventOf = (type: string): EventAttributes => ({ id: 'x', source: '/test', type })
const numbersOf = (bounds: readonly Bound[]): readonly number[] => bounds.map(({ number }) => number)

test('many events for one subscription each are routed without looking at those that had one before', () => {
  const count = 2_000
  const bounds = Array.from({ length: count }, (_, n) => boundOf(n, [`t${n}`]))
  const subscriptions = new BoundSubscriptions(new Undo(), new KnownSubscriptions(bounds, 1))
  let looks = 0
  for (let n = 0; n < count; n++) {
    const event = {
      ...eventOf(''),
      get type() {
        looks++
        return `t${n}`
      },
    }
    deepEqual(numbersOf(subscriptions.wanting(event)), [n])
  }
  ok(looks < 10 * count, `${looks} looks at ${count} events`)
})

test('what has changed, was added or has ended is so for the next event, until it is taken back', () => {
  const undo = new Undo()
  const known = [boundOf(1, ['a']), boundOf(2, ['a']), boundOf(3, ['a'], 'suspended'), boundOf(4, ['a'])]
  const subscriptions = new BoundSubscriptions(undo, new KnownSubscriptions(known, 1), [boundOf(4, ['b'])])
  const seen = (): readonly (readonly number[])[] => [
    numbersOf(subscriptions.wanting(eventOf('a'))),
    numbersOf(subscriptions.wanting(eventOf('b'))),
    numbersOf(subscriptions.lagging()),
    numbersOf(subscriptions.changed()),
  ]
  const before = [[1, 2, 3], [4], [3], []]
  deepEqual(seen(), before)
  undo.begin()
  subscriptions.change(subscriptions.find('s1')!, { definition: definitionOf('s1', ['b']) })
  subscriptions.change(subscriptions.find('s2')!, { status: 'suspended' })
  subscriptions.change(subscriptions.find('s3')!, { status: 'live' })
  subscriptions.add({ ...boundOf(5, ['a'], 'catching-up'), isDirty: true })
  deepEqual(seen(), [
    [2, 3, 5],
    [1, 4],
    [2, 5],
    [1, 2, 3, 5],
  ])
  for (const name of ['s2', 's4', 's5']) subscriptions.remove(subscriptions.find(name)!)
  deepEqual(seen(), [[3], [1], [], [1, 3]])
  undo.back()
  deepEqual(seen(), before)
  deepEqual(
    known.map(({ definition, status }) => [definition.types[0], status]),
    [
      ['a', 'live'],
      ['a', 'live'],
      ['a', 'suspended'],
      ['a', 'live'],
    ],
    'what is known is as it was',
  )
})
