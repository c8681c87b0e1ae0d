import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Workbench } from '../../test/delivery/workbench.ts'
import type { Binding, Run } from './binding.ts'

const binding = (run: Binding['run'], more: Partial<Binding> = {}): Binding => ({
  queue: 'inbox',
  concurrency: 10,
  run,
  ...more,
})

/** Messages that were handed out, and whose holder never said what became of them. */
async function lapsed(bench: Workbench, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) await bench.send('inbox')
  await bench.engine.lease({
    id: bench.ids.uuid(),
    worker: 'crashed',
    holder: 'client',
    leaseMs: 1_000,
    wants: [{ queue: 'inbox', max: count }],
  })
  bench.clock.advance(1_000)
}

test('what lapsed starts only alone: nothing beside it, and it beside nothing', async () => {
  const bench = await Workbench.create()
  await lapsed(bench, 3)
  for (let sent = 0; sent < 5; sent++) await bench.send('inbox')
  let running = 0
  const suspects: number[] = []
  const worker = bench.worker([
    binding(async (run) => {
      running++
      const beside = running
      await bench.settle(2)
      if (run.delivery.stored.acquired > 1) suspects.push(Math.max(beside, running))
      running--
    }),
  ])
  deepEqual(await worker.drain(), { handled: 8 })
  deepEqual(suspects, [1, 1, 1])
})

test('between two of what lapsed, others get their turn', async () => {
  const bench = await Workbench.create()
  await lapsed(bench, 4)
  const order: string[] = []
  const worker = bench.worker([
    binding(async (run) => {
      const suspect = run.delivery.stored.acquired > 1
      order.push(suspect ? 'suspect' : 'other')
      if (suspect) await bench.send('inbox')
      await bench.settle(2)
    }),
  ])
  await worker.drain()
  deepEqual(order, ['suspect', 'other', 'suspect', 'other', 'suspect', 'other', 'suspect', 'other'])
})

test('a long run beside it: what lapsed is given back rather than keep the worker from everything else', async () => {
  const bench = await Workbench.create()
  await lapsed(bench, 1)
  await bench.send('inbox')
  const ends: (() => void)[] = []
  const runs: Run[] = []
  await using worker = bench.worker([
    binding((run) => {
      runs.push(run)
      return new Promise<void>((resolve) => ends.push(resolve))
    }),
  ])
  await worker.start()
  await bench.settle()
  equal(runs.length, 1)
  await bench.send('inbox')
  await bench.advance(9_999)
  equal(runs.length, 1, 'quiet is kept for a while')
  await bench.advance(2)
  equal(runs.length, 2)
  deepEqual(
    bench.events.ended.map(({ outcome }) => outcome),
    ['released'],
  )
  for (const end of ends) end()
  await bench.advance(60_000)
  equal(runs.length, 3)
  ok(runs[2]!.delivery.stored.acquired >= 2)
  ends[2]!()
})

test('in one turn of the event loop handlers start for two milliseconds, however many calls start some', async () => {
  const bench = await Workbench.create()
  for (let sent = 0; sent < 20; sent++) await bench.send('inbox')
  const turns: number[] = [0]
  let handled = 0
  await using worker = bench.worker([
    binding(() => {
      bench.clock.advance(1)
      turns[turns.length - 1]!++
      handled++
    }),
  ])
  await worker.start()
  const isOver = (): boolean => handled === 20
  while (!isOver()) {
    await new Promise((resolve) => setImmediate(resolve))
    turns.push(0)
  }
  equal(Math.max(...turns), 2)
})
