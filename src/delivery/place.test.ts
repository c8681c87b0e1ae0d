// Places: how many run at once, and what those leave that only wait for their end to be durable.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Workbench } from '../../test/delivery/workbench.ts'
import { DEFAULTS } from '../core/default.ts'
import type { Binding, Run } from './binding.ts'

const binding = (run: Binding['run'], concurrency = 1): Binding => ({ queue: 'inbox', concurrency, run })

/** A worker whose ends become durable when they are let. */
async function create(
  handler: Binding['run'],
  concurrency?: number,
): Promise<{ bench: Workbench; begun: string[]; letEnd: () => void; worker: ReturnType<Workbench['worker']> }> {
  const bench = await Workbench.create()
  const gate = Promise.withResolvers<void>()
  const begun: string[] = []
  const worker = bench.worker([binding((run) => (begun.push(run.id), handler(run)), concurrency)])
  bench.before = (call) => (call === 'commit' ? gate.promise : undefined)
  return { bench, begun, letEnd: () => gate.resolve(), worker }
}

const nothing = () => {}
const effect = (run: Run) => run.hold({ do: 'put', key: 'count', value: new Uint8Array(1) })

test('another runs in the place of one whose end is not durable yet, and all of them end', async () => {
  const { bench, begun, letEnd, worker } = await create(nothing)
  const ids = [await bench.send('inbox'), await bench.send('inbox'), await bench.send('inbox')]
  await worker.start()
  await bench.settle()
  deepEqual(begun, ids)
  equal(worker.inFlight, 3)
  letEnd()
  await bench.until(() => worker.inFlight === 0)
  deepEqual(
    bench.events.ended.map(({ outcome }) => outcome),
    ['done', 'done', 'done'],
  )
  await worker.stop()
})

test('one that holds effects keeps its place until they are there: the next run can read them', async () => {
  const { bench, begun, letEnd, worker } = await create(effect)
  const ids = [await bench.send('inbox'), await bench.send('inbox')]
  await worker.start()
  await bench.settle()
  deepEqual(begun, ids.slice(0, 1))
  letEnd()
  await bench.until(() => begun.length === 2)
  deepEqual(begun, ids)
  await worker.stop()
})

test('one whose end may be refused over a conflict keeps its place to run again in, and is not repeated for ever', async () => {
  const bench = await Workbench.create()
  let runs = 0
  const ending: Binding['ending'] = () => [{ do: 'put', key: 'end', value: new Uint8Array(1), ifVersion: 'another' }]
  const worker = bench.worker([{ ...binding(() => void runs++), ending }])
  const id = await bench.send('inbox')
  await worker.start()
  await bench.settle(100)
  equal(runs, 1 + DEFAULTS.conflictReruns)
  const { state, failed } = (await bench.find('inbox', id))!
  deepEqual([state, failed], ['delayed', 1])
  await worker.stop()
})

test('no more than the concurrency run at once, whatever waits for its end', async () => {
  const ends: (() => void)[] = []
  let running = 0
  let most = 0
  const { bench, begun, letEnd, worker } = await create(async () => {
    most = Math.max(most, ++running)
    await new Promise<void>((resolve) => ends.push(resolve))
    running--
  }, 3)
  for (let n = 0; n < 20; n++) await bench.send('inbox')
  await worker.start()
  while (begun.length < 20) {
    await bench.until(() => ends.length > 0)
    ends.shift()!()
  }
  equal(most, 3)
  ok(worker.inFlight > 3)
  for (const end of ends) end()
  letEnd()
  await bench.until(() => worker.inFlight === 0)
  await worker.stop()
})

test('two thousand may wait beside those that run, and no more', async () => {
  const { bench, begun, letEnd, worker } = await create(nothing, 10)
  for (let n = 0; n < 2_100; n++) await bench.send('inbox')
  await worker.start()
  await bench.until(() => begun.length >= 2_010)
  await bench.settle()
  equal(begun.length, 2_010)
  letEnd()
  await bench.until(() => begun.length === 2_100 && worker.inFlight === 0)
  await worker.stop()
})

test('fewer may wait where the binding says so, and where all queues of a worker do together', async () => {
  const bench = await Workbench.create()
  const gate = Promise.withResolvers<void>()
  const begun: Record<string, number> = { a: 0, b: 0, c: 0 }
  const of = (queue: string, beside: number): Binding => ({
    queue,
    beside,
    concurrency: 3,
    run: () => void begun[queue]!++,
  })
  const worker = bench.worker([of('a', 10), of('b', 0), of('c', 10)], { beside: 15 })
  bench.before = (call) => (call === 'commit' ? gate.promise : undefined)
  for (let n = 0; n < 30; n++) for (const queue of ['a', 'b', 'c']) await bench.send(queue)
  await worker.start()
  await bench.settle(100)
  // Its three that run, and those beside them.
  deepEqual([begun['b'], begun['a']! + begun['c']!], [3, 3 + 3 + 15])
  ok(begun['a']! <= 13 && begun['c']! <= 13)
  gate.resolve()
  await bench.until(() => Object.values(begun).every((count) => count === 30) && worker.inFlight === 0)
  await worker.stop()
})

test('an engine that does not take ends is not given more of them than there are places', async () => {
  const { bench, begun, letEnd, worker } = await create(nothing, 2)
  letEnd()
  bench.fault = (call) => (call === 'commit' ? 'before' : null)
  await bench.send('inbox')
  await worker.start()
  await bench.until(() => bench.events.away.length > 0)
  for (let n = 0; n < 10; n++) await bench.send('inbox')
  await bench.settle()
  // The first had left its place before the engine was away.
  equal(begun.length, 3)
  bench.fault = () => null
  await bench.advance(10_000)
  await bench.until(() => begun.length === 11 && worker.inFlight === 0)
  await worker.stop()
})
