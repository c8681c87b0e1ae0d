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

async function running(run: (run: Run) => unknown, more: Partial<Binding> = {}) {
  const bench = await Workbench.create()
  const worker = bench.worker([binding(run, more)])
  const id = await bench.send('inbox')
  await worker.start()
  await bench.settle()
  return { bench, worker, id }
}

test('what runs may end within the grace, and nothing new begins', async () => {
  const { promise, resolve: end } = Promise.withResolvers<void>()
  const { bench, worker } = await running(() => promise)
  const stopped = worker.stop({ grace: '20s' })
  const second = await bench.send('inbox')
  await bench.advance(19_000)
  end()
  await stopped
  deepEqual(
    bench.events.ended.map(({ outcome }) => outcome),
    ['done'],
  )
  equal((await bench.find('inbox', second))!.state, 'ready')
})

test('after the grace a run is told and given back, uncounted and at once', async () => {
  const runs: Run[] = []
  const { bench, worker, id } = await running((run) => (runs.push(run), new Promise(() => {})))
  const { signal } = runs[0]!
  const stopped = worker.stop()
  await bench.advance(24_999)
  equal(signal.aborted, false)
  await bench.advance(1)
  await stopped
  equal((signal.reason as { code: string }).code, 'aborted')
  const stored = (await bench.find('inbox', id))!
  deepEqual([stored.state, stored.failed, stored.released], ['ready', 0, 1])
})

test('a signal, or a second stop, ends the grace', async () => {
  for (const how of ['signal', 'aborted signal', 'second stop', 'both at once'] as const) {
    const { bench, worker, id } = await running(() => new Promise(() => {}))
    const controller = new AbortController()
    if (how === 'aborted signal') controller.abort()
    const stopped = worker.stop({ grace: '1h', signal: controller.signal })
    if (how === 'both at once') void worker.stop({ grace: 0 })
    await bench.settle()
    if (how === 'signal') controller.abort()
    if (how === 'second stop') void worker.stop({ grace: 0 })
    await stopped
    equal((await bench.find('inbox', id))!.state, 'ready', how)
  }
})

test('what was leased and not started is given back at once', async () => {
  const bench = await Workbench.create()
  let started = 0
  const worker = bench.worker([
    binding(() => {
      started++
      // A slice of time is over after each: the others wait for the next turn.
      bench.clock.stall(20)
    }),
  ])
  for (let sent = 0; sent < 5; sent++) await bench.send('inbox')
  void worker.start()
  await bench.until(() => started > 0)
  await worker.stop()
  ok(started < 5)
  const released = bench.events.ended.filter(({ outcome }) => outcome === 'released').length
  equal(released, 5 - started)
})

test('a lease that is answered during the stop is given back', async () => {
  const bench = await Workbench.create()
  const gate = Promise.withResolvers<void>()
  bench.before = (call) => (call === 'lease' ? gate.promise : undefined)
  const worker = bench.worker([binding(() => ok(false, 'it must not start'))])
  const id = await bench.send('inbox')
  await worker.start()
  await bench.settle()
  const stopped = worker.stop()
  await bench.settle()
  gate.resolve()
  await stopped
  const stored = (await bench.find('inbox', id))!
  deepEqual([stored.state, stored.released], ['ready', 1])
})

test('an engine that is away does not keep a worker from stopping', async () => {
  const { bench, worker } = await running(() => new Promise(() => {}))
  bench.fault = () => 'before'
  const stopped = worker.stop({ grace: '10s' })
  await bench.advance(15_000)
  await stopped
  ok(bench.logged.some((line) => line.includes('leases are left to lapse')))
})

test('at whatever moment it stops, every message is done or given back, and none is lost or counted', async () => {
  for (let turns = 0; turns < 40; turns++) {
    const bench = await Workbench.create()
    const worker = bench.worker([
      binding((run) => (run.attempt % 2 === 0 ? undefined : bench.settle(turns % 7)), { concurrency: 3 }),
    ])
    const ids: string[] = []
    for (let sent = 0; sent < 12; sent++) ids.push(await bench.send('inbox'))
    await worker.start()
    await bench.settle(turns)
    await worker.stop({ grace: turns % 3 === 0 ? 0 : '5s' })
    equal(worker.inFlight, 0)
    const left = (await bench.engine.find(ids.map((id) => ({ queue: 'inbox', id })))).filter(
      (stored) => stored !== null && stored.state !== 'acked',
    )
    for (const stored of left) deepEqual([stored!.state, stored!.failed], ['ready', 0])
    equal(left.length + bench.events.ended.filter(({ outcome }) => outcome === 'done').length, ids.length)
  }
})
