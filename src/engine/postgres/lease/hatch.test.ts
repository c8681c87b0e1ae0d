import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../core/clock.ts'
import type { Delivery, LeaseRequest, LeaseResult } from '../../../core/engine.ts'
import { Hatch } from './hatch.ts'
import type { LeaseNumber } from './lease-numbers.ts'
import type { KnownQueue } from '../plain/known-queues.ts'

const QUEUE = { name: 'a', number: 1 } as KnownQueue
const LEASE: LeaseNumber = { number: 7, server: 'one' }
const NOTHING: LeaseResult = { deliveries: [], nextReadyInMs: null }

const delivery = (id: string): Delivery => ({ token: id, leaseUntil: 0, stored: { queue: 'a', id } }) as Delivery
const ask = (max: number, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  id: 'r',
  worker: 'w',
  holder: 'process',
  leaseMs: 30_000,
  wants: [{ queue: 'a', max }],
  ...more,
})
const idsOf = (deliveries: readonly Delivery[]): string[] => deliveries.map(({ stored }) => stored.id)

function hatchOf(isWatched: boolean | (() => boolean) = true) {
  const clock = new ManualClock()
  const woken: string[] = []
  const takenBack: unknown[] = []
  const hatch = new Hatch({
    clock,
    isWatched: () => (typeof isWatched === 'boolean' ? isWatched : isWatched()),
    wake: (queue) => void woken.push(queue),
    takeBack: async ({ number }, given, queues) =>
      void takenBack.push([number, given?.map(({ queue, id }) => `${queue} ${id}`) ?? 'all', queues]),
  })
  /** A request that finds nothing. */
  const askInVain = (max: number): void => {
    const fetched = hatch.fetch(ask(max))
    hatch.answered(fetched, NOTHING)
  }
  return { clock, hatch, woken, takenBack, askInVain }
}

test('a place is promised to a send only where a request found nothing, and once', () => {
  const { hatch, askInVain } = hatchOf()
  equal(hatch.promise(QUEUE, 1), null, 'nobody has asked')
  const fetched = hatch.fetch(ask(10))
  deepEqual(fetched.wants, [{ queue: 'a', max: 10 }])
  equal(hatch.promise(QUEUE, 1), null, 'a request under way may take all of them')
  hatch.answered(fetched, NOTHING)
  equal(hatch.promise(QUEUE, 10)?.max, 10)
  equal(hatch.promise(QUEUE, 1), null, 'a send under way has them')
  hatch.stir('a')
  deepEqual(hatch.fetch(ask(10)).wants, [], 'nor has a request')
  askInVain(12)
  equal(hatch.promise(QUEUE, 3), null)
  equal(hatch.promise(QUEUE, 2)?.max, 2)
})

test('what a send handed out is fetched without asking, and the rest of the places stays', () => {
  const { hatch, woken, askInVain } = hatchOf()
  askInVain(10)
  hatch.land(hatch.promise(QUEUE, 2)!, LEASE, [delivery('x'), delivery('y')], true)
  deepEqual(woken, ['a'])
  const fetched = hatch.fetch(ask(10))
  deepEqual(idsOf(fetched.deliveries), ['x', 'y'])
  deepEqual(fetched.wants, [])
  equal(fetched.nextReadyInMs, 1_000)
  equal(hatch.promise(QUEUE, 9), null)
  equal(hatch.promise(QUEUE, 8)?.max, 8)
})

test('what others may have left in a queue is asked for', () => {
  const { clock, hatch, askInVain } = hatchOf()
  askInVain(10)
  deepEqual(hatch.fetch(ask(10)).wants, [])
  hatch.stir('a')
  askInVain(10)
  const promised = hatch.promise(QUEUE, 1)!
  // It may have come after the send looked.
  hatch.stir('a')
  hatch.land(promised, LEASE, [delivery('x')], true)
  const fetched = hatch.fetch(ask(10))
  deepEqual(fetched.wants, [{ queue: 'a', max: 9 }])
  hatch.answered(fetched, { deliveries: [], nextReadyInMs: 300 })
  equal(hatch.fetch(ask(10)).nextReadyInMs, 300)
  clock.advance(300)
  deepEqual(hatch.fetch(ask(10)).wants, [{ queue: 'a', max: 10 }], 'time may have brought something')
})

test('a queue of which a send left something is asked', () => {
  const { hatch, woken, askInVain } = hatchOf()
  askInVain(10)
  hatch.land(hatch.promise(QUEUE, 1)!, LEASE, [], false)
  deepEqual(woken, ['a'])
  deepEqual(hatch.fetch(ask(10)).wants, [{ queue: 'a', max: 10 }])
})

test('beside sends that had no place a request takes half, and who gets all of it asks again', () => {
  const { hatch, woken, askInVain } = hatchOf()
  askInVain(10)
  hatch.stir('a')
  const fetched = hatch.fetch(ask(10))
  equal(hatch.promise(QUEUE, 4), null)
  hatch.answered(fetched, NOTHING)
  hatch.stir('a')
  const half = hatch.fetch(ask(10))
  deepEqual(half.wants, [{ queue: 'a', max: 5 }])
  equal(hatch.promise(QUEUE, 5)?.max, 5)
  hatch.answered(half, { deliveries: ['1', '2', '3', '4', '5'].map(delivery), nextReadyInMs: null })
  deepEqual(woken, ['a'])
})

test('what nobody fetches is taken back, and its places are nobody’s', async () => {
  const { clock, hatch, takenBack, askInVain } = hatchOf()
  askInVain(10)
  hatch.land(hatch.promise(QUEUE, 2)!, LEASE, [delivery('x'), delivery('y')], true)
  deepEqual(idsOf(hatch.fetch(ask(1)).deliveries), ['x'])
  clock.advance(100)
  deepEqual(takenBack, [[7, ['1 y'], ['a']]])
  deepEqual(hatch.fetch(ask(0)).deliveries, [])
  equal(hatch.promise(QUEUE, 1), null)
  await hatch.close()
})

test('what waits while a request is under way is fetched after it, however slow that is', () => {
  const { clock, hatch, takenBack, askInVain } = hatchOf()
  askInVain(200)
  const promised = hatch.promise(QUEUE, 1)!
  hatch.stir('a')
  const slow = hatch.fetch(ask(200))
  equal(slow.wants.length, 1)
  hatch.land(promised, LEASE, [delivery('x')], true)
  clock.advance(5_000)
  deepEqual(takenBack, [])
  hatch.answered(slow, NOTHING)
  deepEqual(idsOf(hatch.fetch(ask(10)).deliveries), ['x'])
})

test('what was handed out long ago, as the send that was slow began, is not fetched', () => {
  const { clock, hatch, takenBack, askInVain } = hatchOf()
  askInVain(10)
  const promised = hatch.promise(QUEUE, 1)!
  clock.advance(7_500)
  hatch.land(promised, LEASE, [delivery('x')], true)
  deepEqual(hatch.fetch(ask(10)).deliveries, [])
  deepEqual(takenBack, [[7, ['1 x'], ['a']]])
})

test('a send that may have happened is taken back whole, one that did not is forgotten', () => {
  const { hatch, takenBack, woken, askInVain } = hatchOf()
  askInVain(10)
  hatch.abandon([hatch.promise(QUEUE, 1)!], null)
  deepEqual(takenBack, [])
  askInVain(10)
  hatch.abandon([hatch.promise(QUEUE, 1)!], LEASE)
  deepEqual(takenBack, [[7, 'all', ['a']]])
  deepEqual(woken, ['a', 'a'])
})

test('what a request had fetched that then failed can be fetched again', () => {
  const { hatch, askInVain } = hatchOf()
  askInVain(10)
  hatch.land(hatch.promise(QUEUE, 1)!, LEASE, [delivery('x')], true)
  hatch.stir('a')
  const fetched = hatch.fetch(ask(10))
  deepEqual(idsOf(fetched.deliveries), ['x'])
  hatch.answered(fetched, null)
  deepEqual(idsOf(hatch.fetch(ask(10)).deliveries), ['x'])
})

test('what a request had fetched that then failed, and that nobody comes for, is taken back', () => {
  const { clock, hatch, takenBack, askInVain } = hatchOf()
  askInVain(10)
  hatch.land(hatch.promise(QUEUE, 1)!, LEASE, [delivery('x')], true)
  hatch.stir('a')
  const fetched = hatch.fetch(ask(10))
  clock.advance(100)
  hatch.answered(fetched, null)
  clock.advance(100)
  deepEqual(takenBack, [[7, ['1 x'], ['a']]])
})

test('what a request had fetched that then failed is taken back where the queue is asked for with another lease time by now', () => {
  const { hatch, takenBack, askInVain } = hatchOf()
  askInVain(10)
  hatch.land(hatch.promise(QUEUE, 1)!, LEASE, [delivery('x')], true)
  hatch.stir('a')
  const fetched = hatch.fetch(ask(10))
  deepEqual(idsOf(fetched.deliveries), ['x'])
  hatch.fetch(ask(10, { leaseMs: 5_000 }))
  hatch.answered(fetched, null)
  deepEqual(takenBack, [[7, ['1 x'], ['a']]])
})

test('what was handed out for one lease time is not given for another', () => {
  const { hatch, askInVain } = hatchOf()
  askInVain(10)
  hatch.land(hatch.promise(QUEUE, 1)!, LEASE, [delivery('x')], true)
  const other = hatch.fetch(ask(10, { leaseMs: 5_000 }))
  deepEqual(other.deliveries, [])
  deepEqual(other.wants, [{ queue: 'a', max: 10 }])
})

test('nothing is promised where nobody is told of it', () => {
  const { hatch, askInVain } = hatchOf(false)
  askInVain(10)
  equal(hatch.promise(QUEUE, 1), null)
})

test('a queue that nobody watches any more is asked: it is not heard what others send to it', () => {
  let isWatched = true
  const { hatch, askInVain } = hatchOf(() => isWatched)
  askInVain(10)
  deepEqual(hatch.fetch(ask(10)).wants, [])
  isWatched = false
  deepEqual(hatch.fetch(ask(10)).wants, [{ queue: 'a', max: 10 }])
})

test('a close takes back what waits', async () => {
  const { hatch, takenBack, askInVain } = hatchOf()
  askInVain(10)
  hatch.land(hatch.promise(QUEUE, 1)!, LEASE, [delivery('x')], true)
  await hatch.close()
  deepEqual(takenBack, [[7, ['1 x'], ['a']]])
})
