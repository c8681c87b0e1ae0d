import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Workbench } from '../../test/delivery/workbench.ts'
import type { Binding } from './binding.ts'

const bindings = (count: number, run: Binding['run'] = () => {}): Binding[] =>
  Array.from({ length: count }, (_, at) => ({ queue: `queue-${at}`, concurrency: 4, run }))

test('idle, a worker asks once a second for all its queues and never else', async () => {
  const bench = await Workbench.create()
  await using worker = bench.worker(bindings(100))
  await worker.start()
  await bench.advance(3_600_000)
  ok(bench.leases.length <= 3_602, `${bench.leases.length} lease calls in an hour`)
  for (const { wants } of bench.leases) equal(wants.length, 100)
})

test('a hint brings a message at once, and without hints it takes a second at most', async () => {
  for (const hints of [true, false]) {
    const bench = await Workbench.create()
    bench.hints = hints
    const started: number[] = []
    await using worker = bench.worker(bindings(3, () => started.push(bench.clock.monotonicMs())))
    await worker.start()
    await bench.advance(10_300)
    const sentMs = bench.clock.monotonicMs()
    await bench.send('queue-2')
    await bench.settle()
    equal(started.length, hints ? 1 : 0)
    await bench.advance(1_000)
    equal(started.length, 1)
    ok(started[0]! - sentMs <= 1_000)
  }
})

test('a delayed message starts when its time has come, without hints and without asking before', async () => {
  const bench = await Workbench.create()
  bench.hints = false
  const started: number[] = []
  await using worker = bench.worker(bindings(2, () => started.push(bench.clock.monotonicMs())))
  await bench.send('queue-0', { delay: { afterMs: 2_345 } })
  await worker.start()
  await bench.advance(2_344)
  equal(started.length, 0)
  equal(bench.leases.length, 3)
  await bench.advance(1)
  deepEqual(started, [2_345])
})

test('no more runs at once than a queue allows, and free capacity is filled', async () => {
  const bench = await Workbench.create()
  const ends: (() => void)[] = []
  let most = 0
  await using worker = bench.worker([
    {
      queue: 'inbox',
      concurrency: 8,
      run: () => new Promise<void>((resolve) => (most = Math.max(most, ends.push(resolve)))),
    },
  ])
  for (let sent = 0; sent < 20; sent++) await bench.send('inbox')
  await worker.start()
  await bench.settle()
  equal(ends.length, 8)
  const before = bench.leases.length
  ends.shift()!()
  await bench.settle()
  equal(ends.length, 8, 'one free place is filled too')
  for (const end of ends.splice(0, 6)) end()
  await bench.settle()
  equal(ends.length, 8)
  equal(bench.leases.length, before + 2, 'one request for what became free together')
  for (let left = 20; left > 0; left--) {
    ends.shift()?.()
    await bench.settle(3)
  }
  equal(most, 8)
})

test('all queues with room and stock are asked in one request; one without room is not asked', async () => {
  const bench = await Workbench.create()
  const ends: (() => void)[] = []
  await using worker = bench.worker([
    { queue: 'slow', concurrency: 1, run: () => new Promise<void>((resolve) => ends.push(resolve)) },
    { queue: 'quick', concurrency: 2, run: () => {} },
  ])
  for (const queue of ['slow', 'slow', 'quick']) await bench.send(queue)
  await worker.start()
  await bench.settle()
  deepEqual(bench.leases[0]!.wants, [
    { queue: 'slow', max: 1 },
    { queue: 'quick', max: 2 },
  ])
  await bench.send('quick')
  await bench.settle()
  deepEqual(bench.leases.at(-1)!.wants, [{ queue: 'quick', max: 2 }])
  ends.shift()!()
  await bench.settle()
  equal(ends.length, 1)
  ends.shift()!()
})

test('queues of different lease times are leased with their own', async () => {
  const bench = await Workbench.create()
  const [short, long] = bindings(2)
  await using worker = bench.worker([{ ...short!, leaseMs: 5_000 }, long!])
  await worker.start()
  await bench.settle()
  deepEqual(
    bench.leases.map(({ leaseMs, wants }) => [leaseMs, wants.length]),
    [
      [5_000, 1],
      [30_000, 1],
    ],
  )
})

test('leases are extended at a third of their time, many in one call, as long as handlers run', async () => {
  const bench = await Workbench.create()
  const ends: (() => void)[] = []
  await using worker = bench.worker([
    { queue: 'inbox', concurrency: 50, run: () => new Promise<void>((resolve) => ends.push(resolve)) },
  ])
  let extensions = 0
  bench.fault = (call) => (call === 'extend' && extensions++, null)
  for (let sent = 0; sent < 50; sent++) await bench.send('inbox')
  await worker.start()
  await bench.advance(300_000)
  equal(extensions, 30)
  equal(ends.length, 50)
  for (const end of ends) end()
  await bench.settle()
  equal(bench.events.ended.length, 50)
  equal(bench.events.lost.length, 0)
})

test('one request asks for a thousand of a queue at most, and the next for the rest', async () => {
  const bench = await Workbench.create()
  for (let sent = 0; sent < 1_500; sent++) await bench.send('inbox')
  const { promise, resolve } = Promise.withResolvers<void>()
  let running = 0
  await using worker = bench.worker([{ queue: 'inbox', concurrency: 5_000, run: () => (running++, promise) }])
  await worker.start()
  const isOver = (): boolean => running === 1_500
  while (!isOver()) await bench.settle()
  resolve()
  ok(bench.leases.every(({ wants }) => wants.every(({ max }) => max <= 1_000)))
})
