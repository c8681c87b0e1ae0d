import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Workbench } from '../../test/delivery/workbench.ts'
import type { Gate } from '../runtime/capacity.ts'
import type { Binding } from './binding.ts'
import { retry } from './outcome.ts'

const binding = (queue: string, run: Binding['run'], more: Partial<Binding> = {}): Binding => ({
  queue,
  concurrency: 10,
  run,
  ...more,
})

test('a queue that is added is served from then on, and one that is removed is not', async () => {
  const bench = await Workbench.create()
  const ran: string[] = []
  await using worker = bench.worker([])
  await worker.start()
  await bench.send('late')
  worker.add(binding('late', (run) => void ran.push(run.delivery.stored.queue)))
  await bench.advance(0)
  equal(ran.length, 1)
  await bench.send('late')
  await bench.advance(0)
  equal(ran.length, 2)
  worker.remove('late')
  await bench.send('late')
  await bench.advance(5_000)
  equal(ran.length, 2)
  worker.add(binding('late', () => void ran.push('again')))
  await bench.advance(0)
  equal(ran.at(-1), 'again')
})

test('what a queue that was removed gives back is for the one that was added after it', async () => {
  const bench = await Workbench.create()
  const ran: string[] = []
  await using worker = bench.worker([])
  await worker.start()
  await bench.send('q')
  let end = (): void => {}
  const asked = new Promise<void>((resolve) => (end = resolve))
  worker.add(binding('q', async () => (ran.push('before'), await asked, retry({ afterMs: 50 }))))
  await bench.advance(0)
  worker.remove('q')
  worker.add(binding('q', () => void ran.push('after')))
  await bench.advance(0)
  end()
  await bench.advance(0)
  await bench.advance(2_000)
  deepEqual(ran, ['before', 'after'])
})

test('idle queues cost a bounded request a second, however many there are, and a lost hint is made good in turn', async () => {
  const bench = await Workbench.create()
  bench.hints = false
  const ran: string[] = []
  const queues = Array.from({ length: 1_500 }, (_, n) => `q${n}`)
  await using worker = bench.worker(queues.map((queue) => binding(queue, () => void ran.push(queue))))
  await worker.start()
  await bench.advance(10)
  bench.leases.length = 0
  await bench.send('q1499')
  for (let second = 0; second < 9; second++) await bench.advance(1_000)
  deepEqual(ran, ['q1499'])
  ok(bench.leases.length <= 12, `${bench.leases.length} requests`)
  ok(
    bench.leases.every(({ wants }) => wants.length <= 201),
    'each for a bounded number of queues',
  )
})

test('a gate that queues share bounds what is leased of them together, and opens with time', async () => {
  const bench = await Workbench.create()
  let room = 3
  let opensAtMs = Infinity
  const gate: Gate = {
    room: () => (bench.clock.monotonicMs() >= opensAtMs ? 100 : room),
    get opensAtMs() {
      return opensAtMs
    },
    took: () => void room--,
    gave: () => {},
  }
  let ran = 0
  await using worker = bench.worker(['a', 'b'].map((queue) => binding(queue, () => void ran++, { gate })))
  for (let n = 0; n < 5; n++) for (const queue of ['a', 'b']) await bench.send(queue)
  await worker.start()
  await bench.advance(0)
  equal(ran, 3)
  opensAtMs = bench.clock.monotonicMs() + 700
  worker.wake()
  await bench.advance(600)
  equal(ran, 3)
  await bench.advance(200)
  equal(ran, 10)
})

test('queues of one gate take turns, however much waits in one of them', async () => {
  const bench = await Workbench.create()
  let room = 1
  const gate: Gate = { room: () => room, opensAtMs: Infinity, took: () => void room--, gave: () => void room++ }
  const ran: string[] = []
  await using worker = bench.worker(
    ['a', 'b'].map((queue) => binding(queue, (run) => void ran.push(run.delivery.stored.queue), { gate })),
  )
  for (let n = 0; n < 10; n++) await bench.send('a')
  await bench.send('b')
  await worker.start()
  for (let turn = 0; turn < 20; turn++) await bench.advance(1)
  equal(ran.length, 11)
  ok(ran.indexOf('b') <= 2, ran.join(''))
})

test('what is noted is settled with any outcome, and left out where it is refused', async () => {
  const bench = await Workbench.create()
  const put = (key: string) => ({ do: 'put' as const, key, value: new Uint8Array(1) })
  await using worker = bench.worker([
    binding('notes', (run) => {
      run.note(put(run.attempt === 1 ? 'first' : 'x'.repeat(600)))
      return run.attempt === 1 ? retry({ afterMs: 10 }) : undefined
    }),
  ])
  await worker.start()
  const id = await bench.send('notes')
  await bench.advance(0)
  ok((await bench.engine.get(['first']))[0])
  await bench.advance(20)
  equal(await bench.find('notes', id), null)
  ok(bench.logged.some((line) => line.includes('could not be kept')))
})

test('what lapsed starts beside others where its handler is trusted', async () => {
  const bench = await Workbench.create()
  const started: string[] = []
  for (const queue of ['x', 'y']) await bench.send(queue)
  const wants = ['x', 'y'].map((queue) => ({ queue, max: 1 }))
  await bench.engine.lease({ id: 'one', worker: 'w', holder: 'process', leaseMs: 1_000, wants })
  await bench.advance(2_000)
  await using worker = bench.worker(
    ['x', 'y'].map((queue) =>
      binding(
        queue,
        (run) => (started.push(queue), new Promise((resolve) => run.signal.addEventListener('abort', resolve))),
        {
          suspects: false,
        },
      ),
    ),
  )
  await worker.start()
  await bench.advance(0)
  deepEqual(started.toSorted(), ['x', 'y'])
  await worker.stop({ grace: 0 })
})
