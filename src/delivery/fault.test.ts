import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Workbench } from '../../test/delivery/workbench.ts'
import type { Change } from '../core/engine.ts'
import type { Binding, Run } from './binding.ts'

const put = (key: string): Change => ({ do: 'put', key, value: new Uint8Array(1) })
const binding = (run: Binding['run'], more: Partial<Binding> = {}): Binding => ({
  queue: 'inbox',
  concurrency: 10,
  run,
  ...more,
})

test('a lost lease: the handler is told, its effects are dropped, it is reported once, and the place is free again', async () => {
  const bench = await Workbench.create()
  const runs: Run[] = []
  const ends: (() => void)[] = []
  await using worker = bench.worker([
    binding(
      (run) => {
        runs.push(run)
        run.hold(put(`effect/${runs.length}`))
        return new Promise<void>((resolve) => ends.push(resolve))
      },
      { concurrency: 1 },
    ),
  ])
  await bench.send('inbox')
  await worker.start()
  await bench.settle()
  bench.fault = (call) => (call === 'extend' ? 'before' : null)
  await bench.advance(30_000)
  equal((runs[0]!.signal.reason as { code: string }).code, 'stale')
  equal(runs.length, 1, 'no second run before the first has ended: there is one place')
  bench.fault = () => null
  ends[0]!()
  await bench.advance(1_000)
  equal(runs.length, 2)
  ends[1]!()
  await bench.settle()
  deepEqual(
    (await bench.engine.get(['effect/1', 'effect/2'])).map((record) => record !== null),
    [false, true],
  )
  deepEqual(
    bench.events.lost.map(({ why }) => why),
    ['away'],
  )
  deepEqual(
    bench.events.ended.map(({ outcome }) => outcome),
    ['done'],
  )
})

test('a lease that another took: the settling commit is refused whole and reported', async () => {
  const bench = await Workbench.create()
  const ends: (() => void)[] = []
  await using worker = bench.worker([
    binding((run) => (run.hold(put('effect')), new Promise<void>((resolve) => ends.push(resolve)))),
  ])
  await bench.send('inbox')
  await worker.start()
  await bench.settle()
  await bench.commit({ do: 'ack', token: bench.tokens[0]! })
  ends[0]!()
  await bench.settle()
  deepEqual(
    bench.events.lost.map(({ why }) => why),
    ['stale'],
  )
  deepEqual(await bench.engine.get(['effect']), [null])
  equal(worker.inFlight, 0)
})

test('a handler that blocked the event loop past its lease has no effect, and what waited behind it is not started', async () => {
  const bench = await Workbench.create()
  let runs = 0
  const worker = bench.worker([
    binding((run) => {
      run.hold(put(`effect/${++runs}`))
      // Time goes by and no timer fires: nothing else runs while a handler computes.
      if (runs === 1) bench.clock.stall(31_000)
    }),
  ])
  for (let sent = 0; sent < 3; sent++) await bench.send('inbox')
  await worker.tick()
  await bench.settle()
  deepEqual(
    bench.events.lost.map(({ why }) => why),
    ['blocked', 'blocked', 'blocked'],
  )
  equal(runs, 1)
  deepEqual(await bench.engine.get(['effect/1']), [null])
  equal((await worker.drain()).handled, 3)
  equal(bench.events.ended.length, 3)
})

test('a handler that computes for long lets the leases behind it be extended', async () => {
  const bench = await Workbench.create()
  const worker = bench.worker([binding(() => bench.clock.stall(11_000), { concurrency: 10 })])
  for (let sent = 0; sent < 6; sent++) await bench.send('inbox')
  const drained = worker.drain()
  await bench.settle(100)
  equal((await drained).handled, 6)
  equal(bench.events.lost.length, 0)
})

test('an engine that is away is reported, tried again, and work goes on when it is back', async () => {
  const bench = await Workbench.create()
  let handled = 0
  await using worker = bench.worker([binding(() => void handled++)])
  await worker.start()
  await bench.settle()
  bench.fault = () => 'before'
  await bench.send('inbox')
  await bench.advance(60_000)
  equal(handled, 0)
  equal(bench.events.away[0]!.doing, 'lease')
  ok(bench.events.away.length > 10 && bench.events.away.length < 60, `${bench.events.away.length} tries in a minute`)
  equal(bench.logged.filter((line) => line.startsWith('error: the engine does not answer')).length, 1)
  bench.fault = () => null
  await bench.advance(5_000)
  equal(handled, 1)
  equal(bench.events.back.length, 1)
  ok(bench.events.back[0]!.awayMs >= 60_000)
})

test('an engine that goes away before a run is settled gets its outcome when it is back', async () => {
  const bench = await Workbench.create()
  await using worker = bench.worker([
    binding((run) => {
      run.hold(put('effect'))
      bench.fault = () => 'before'
    }),
  ])
  const id = await bench.send('inbox')
  await worker.start()
  await bench.advance(8_000)
  equal((await bench.find('inbox', id))!.state, 'leased')
  bench.fault = () => null
  await bench.advance(6_000)
  deepEqual(
    bench.events.ended.map(({ outcome }) => outcome),
    ['done'],
  )
  ok((await bench.engine.get(['effect']))[0])
})

test('a settling commit whose answer was lost is repeated with its id, and is done once', async () => {
  const bench = await Workbench.create()
  bench.processes = 'many'
  let commits = 0
  await using worker = bench.worker([binding((run) => run.hold(put('effect')))])
  bench.fault = (call) => (call === 'commit' && commits++ < 2 ? 'after' : null)
  await bench.send('inbox')
  await worker.start()
  await bench.advance(2_000)
  equal(bench.commits.length, 3)
  equal(new Set(bench.commits.map(({ id }) => id)).size, 1)
  deepEqual(
    bench.events.ended.map(({ outcome }) => outcome),
    ['done'],
  )
  equal(bench.events.lost.length, 0)
})

test('in one process a lost answer is told as such, and nothing is done twice', async () => {
  const bench = await Workbench.create()
  let commits = 0
  await using worker = bench.worker([binding((run) => run.hold(put('effect')))])
  bench.fault = (call) => (call === 'commit' && commits++ === 0 ? 'after' : null)
  await bench.send('inbox')
  await worker.start()
  await bench.advance(2_000)
  deepEqual(
    bench.events.lost.map(({ why }) => why),
    ['unknown'],
  )
  deepEqual(bench.events.ended, [])
  equal(worker.inFlight, 0)
})

test('a lease request whose answer was lost is repeated, so that its messages start at once and not when they lapse', async () => {
  const bench = await Workbench.create()
  let leases = 0
  await using worker = bench.worker([binding(() => {})])
  bench.fault = (call) => (call === 'lease' && leases++ === 0 ? 'after' : null)
  const id = await bench.send('inbox')
  await worker.start()
  await bench.advance(1_000)
  equal(bench.leases[0]!.id, bench.leases[1]!.id)
  deepEqual(
    bench.events.ended.map((event) => [event.id, event.outcome]),
    [[id, 'done']],
  )
})
