import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery } from '../core/engine.ts'
import { Handling } from './handling.ts'
import { InFlight } from './in-flight.ts'
import { ServedQueue } from './served-queue.ts'

const served = new ServedQueue({ queue: 'q', concurrency: 1, run: () => {} })

test('what is in flight is there in the order in which it came, whichever is taken out', () => {
  const tokens = ['a', 'b', 'c', 'd']
  for (const out of [['a'], ['b'], ['d'], ['a', 'b'], ['d', 'a'], ['c', 'b'], tokens, tokens.toReversed()]) {
    const inFlight = new InFlight()
    const handlings = tokens.map((token) => new Handling({ token } as Delivery, served, 0, 0))
    for (const handling of handlings) inFlight.add(handling)
    for (const token of out) inFlight.remove(handlings[tokens.indexOf(token)]!)
    const left = tokens.filter((token) => !out.includes(token))
    deepEqual(
      inFlight.all().map(({ delivery }) => delivery.token),
      left,
    )
    equal(inFlight.size, left.length)
    const more = new Handling({ token: 'e' } as Delivery, served, 0, 0)
    inFlight.add(more)
    deepEqual(
      inFlight.all().map(({ delivery }) => delivery.token),
      [...left, 'e'],
    )
  }
})
