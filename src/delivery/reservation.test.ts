// What an engine hands out unasked: never beside the limit, never lost, and on its way until it arrives.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Workbench } from '../../test/delivery/workbench.ts'
import type { Room } from '../core/engine.ts'

test('what is asked for and what is handed out unasked are together no more than a queue allows', async () => {
  const bench = await Workbench.create()
  bench.hints = false
  const runs: (() => void)[] = []
  let most = 0
  const run = async (): Promise<void> => {
    await new Promise<void>((resolve) => (most = Math.max(most, runs.push(resolve))))
  }
  await using worker = bench.worker([{ queue: 'inbox', concurrency: 3, run }])
  await worker.start()
  await bench.settle()
  for (let sent = 0; sent < 9; sent++) await bench.send('inbox')
  const rooms = [take(bench, 2), take(bench, 2)]
  deepEqual([rooms.map(({ count }) => count), bench.roomFor!('inbox', 2)], [[2, 1], null])
  await bench.advance(1_000)
  equal(runs.length, 0)
  for (const room of rooms) await arrive(bench, room)
  await bench.settle()
  equal(runs.length, 3)
  while (worker.inFlight > 0) {
    runs.splice(0).forEach((end) => end())
    await bench.advance(1_000)
  }
  deepEqual([most, bench.events.ended.length], [3, 9])
})

test('while it asks, and for a queue that it does not serve, a worker has no room', async () => {
  const bench = await Workbench.create()
  await using worker = bench.worker([{ queue: 'inbox', concurrency: 3, run: () => {} }])
  const asked = Promise.withResolvers<void>()
  bench.before = () => asked.promise
  await worker.start()
  await bench.settle()
  equal(bench.roomFor!('inbox', 1), null)
  asked.resolve()
  await bench.settle()
  equal(bench.roomFor!('other', 1), null)
  take(bench, 1).filled([])
})

test('places for which nothing came are asked for again', async () => {
  const bench = await Workbench.create()
  bench.hints = false
  let runs = 0
  await using worker = bench.worker([{ queue: 'inbox', concurrency: 2, run: () => void runs++ }])
  await worker.start()
  await bench.settle()
  const room = take(bench, 2)
  await bench.send('inbox')
  await bench.advance(1_000)
  equal(runs, 0)
  room.filled([])
  await bench.settle()
  equal(runs, 1)
})

test('one that was handed out before without an end starts when it has come, though no round of leases follows', async () => {
  const bench = await Workbench.create()
  bench.hints = false
  let runs = 0
  await using worker = bench.worker([{ queue: 'inbox', concurrency: 1, run: () => void runs++ }])
  await worker.start()
  await bench.settle()
  const room = take(bench, 1)
  await bench.send('inbox')
  const wants = [{ queue: 'inbox', max: 1 }]
  await bench.engine.lease({ id: bench.ids.uuid(), worker: 'x', holder: 'client', leaseMs: 1_000, wants })
  await bench.advance(1_001)
  await arrive(bench, room)
  await bench.settle()
  equal(runs, 1)
})

test('a stop and a drain wait for what is on its way; after the stop it is given back, uncounted', async () => {
  const bench = await Workbench.create()
  let runs = 0
  const worker = bench.worker([{ queue: 'inbox', concurrency: 2, run: () => void runs++ }])
  await worker.start()
  await bench.settle()
  bench.hints = false
  let room = take(bench, 1)
  await bench.send('inbox')
  let handled: number | null = null
  void worker.drain().then((drained) => (handled = drained.handled))
  await bench.settle()
  equal(handled, null)
  await arrive(bench, room)
  await bench.settle()
  deepEqual([handled, runs], [1, 1])
  room = take(bench, 1)
  const id = await bench.send('inbox')
  let isStopped = false
  const stopped = worker.stop().then(() => (isStopped = true))
  await bench.settle()
  ok(!isStopped)
  equal(bench.roomFor!('inbox', 1), null)
  await arrive(bench, room)
  await stopped
  const left = (await bench.find('inbox', id))!
  deepEqual([runs, left.state, left.acquired, left.released], [1, 'ready', 1, 1])
})

function take(bench: Workbench, most: number): Room {
  const room = bench.roomFor!('inbox', most)
  ok(room !== null)
  return room
}

/** As an engine hands out: by a lease. */
async function arrive(bench: Workbench, room: Room): Promise<void> {
  const { count, leaseMs, holder } = room
  const wants = [{ queue: 'inbox', max: count }]
  const { deliveries } = await bench.engine.lease({ id: bench.ids.uuid(), worker: 'w', holder, leaseMs, wants })
  room.filled(deliveries)
}
