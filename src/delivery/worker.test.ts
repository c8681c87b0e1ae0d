import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { Workbench } from '../../test/delivery/workbench.ts'
import type { Change } from '../core/engine.ts'
import { stressLifecycle } from '../runtime/lifecycle-stress.ts'
import type { Binding, Ended } from './binding.ts'
import { bury } from './outcome.ts'

const binding = (run: Binding['run'], more: Partial<Binding> = {}): Binding => ({
  queue: 'inbox',
  concurrency: 10,
  run,
  ...more,
})
const put = (key: string, ifVersion?: string | null): Change => ({
  do: 'put',
  key,
  value: new Uint8Array(1),
  ...(ifVersion === undefined ? {} : { ifVersion }),
})

test('what this worker does not know is given back uncounted, and buried when nobody has known it for long', async () => {
  const bench = await Workbench.create()
  const ends: Ended[] = []
  await using worker = bench.worker([
    binding(() => ok(false), {
      recognises: () => 'unknown',
      ending: (_, ended, run) => (equal(run, null), ends.push(ended), []),
    }),
  ])
  await worker.start()
  const id = await bench.send('inbox', { notes: { v: '3' } })
  await bench.advance(14 * 60_000)
  const waiting = (await bench.find('inbox', id))!
  deepEqual([waiting.state, waiting.failed], ['delayed', 0])
  ok(waiting.released >= 10 && waiting.released < 30, `released ${waiting.released} times`)
  await bench.advance(2 * 60_000)
  const dead = (await bench.find('inbox', id))!
  deepEqual([dead.state, dead.reason], ['dead', 'unknown-contract'])
  equal(ends.length, 1)
})

test('a cancel reaches the running handler by a hint, or without one when its lease is extended', async () => {
  for (const hints of [true, false]) {
    const bench = await Workbench.create()
    bench.hints = hints
    let seen: unknown
    await using worker = bench.worker([
      binding(
        (run) =>
          new Promise((_, reject) =>
            run.signal.addEventListener(
              'abort',
              () => ((seen = run.signal.reason), reject(run.signal.reason as Error)),
            ),
          ),
        {
          ending: (stored, ended) => [put(`operation/${stored.id}/${ended.status}`)],
        },
      ),
    ])
    const id = await bench.send('inbox')
    await worker.start()
    await bench.settle()
    await bench.commit({ do: 'cancel', messages: [{ queue: 'inbox', id }] })
    await bench.settle()
    equal(seen !== undefined, hints)
    await bench.advance(10_000)
    equal((seen as { code: string }).code, 'operation-cancelled')
    ok((await bench.engine.get([`operation/${id}/cancelled`]))[0])
    deepEqual(
      bench.events.ended.map(({ outcome }) => outcome),
      ['cancel'],
    )
  }
})

test('middleware wraps the run of its queue', async () => {
  const bench = await Workbench.create()
  const seen: string[] = []
  const worker = bench.worker([
    binding(async () => 5, {
      middleware: [
        (next) => async (run) => {
          const outcome = await next(run)
          seen.push(`${run.id === run.delivery.stored.id} ${outcome.kind}`)
          return outcome
        },
      ],
    }),
  ])
  await bench.send('inbox')
  deepEqual(await worker.drain(), { handled: 1 })
  deepEqual(seen, ['true done'])
})

test('middleware that does not wait for its handler goes by its own outcome', async () => {
  const bench = await Workbench.create()
  const { promise, resolve } = Promise.withResolvers<void>()
  let concluded = 0
  const worker = bench.worker([
    binding(
      (run) => {
        run.conclusion = { returned: () => concluded++, threw: () => concluded++ }
        return promise
      },
      {
        middleware: [
          (next) => async (run) => {
            void next(run)
            return bury('out of patience')
          },
        ],
      },
    ),
  ])
  const id = await bench.send('inbox')
  deepEqual(await worker.drain(), { handled: 1 })
  equal((await bench.find('inbox', id))!.state, 'dead')
  equal(concluded, 0)
  resolve()
  await bench.settle()
  equal(concluded, 1)
})

test('the delays of a run: until the engine had it, until it started, the handler', async () => {
  const bench = await Workbench.create()
  const { promise, resolve } = Promise.withResolvers<void>()
  await using worker = bench.worker([binding(() => promise)])
  const id = await bench.send('inbox')
  await bench.advance(40)
  await worker.start()
  await bench.advance(70)
  resolve()
  await bench.settle()
  deepEqual(
    bench.events.started.map(({ receiveMs }) => receiveMs),
    [40],
  )
  deepEqual(
    bench.events.ended.map((event) => [event.id, event.sendMs, event.receiveMs, event.processMs, event.settleMs]),
    [[id, 0, 40, 70, 0]],
  )
})

test('drain runs what is ready and what comes of it, and leaves what is delayed', async () => {
  const bench = await Workbench.create()
  const message = () => ({
    id: bench.ids.uuid(),
    event: { id: 'e', source: 's', type: 't' },
    body: new Uint8Array(0),
    priority: 4,
  })
  const worker = bench.worker([
    binding((run) => run.hold({ do: 'send', queue: 'second', message: message() })),
    binding((run) => run.hold({ do: 'send', queue: 'second', message: { ...message(), delay: { afterMs: 60_000 } } }), {
      queue: 'second',
      concurrency: 1,
    }),
  ])
  for (let sent = 0; sent < 25; sent++) await bench.send('inbox')
  deepEqual(await worker.drain(), { handled: 50 })
  deepEqual(await worker.drain(), { handled: 0 })
  equal(worker.state, 'stopped')
  await worker.start()
  const drained = worker.drain()
  await bench.send('inbox')
  deepEqual(await drained, { handled: 2 })
  equal(worker.state, 'running')
  await worker.stop()
})

test('drain finds what handlers send without hints', async () => {
  const bench = await Workbench.create()
  bench.hints = false
  const queues = ['first', 'second', 'third', 'fourth']
  const worker = bench.worker(
    queues.map((queue, at) =>
      binding(
        (run) => {
          const next = queues[at + 1]
          if (next !== undefined) run.hold({ do: 'send', queue: next, message: run.delivery.stored.message })
        },
        { queue, leaseMs: 10_000 * (1 + (at % 2)) },
      ),
    ),
  )
  await bench.send('first')
  deepEqual(await worker.drain(), { handled: 4 })
})

test('drain goes on no longer than its budget', async () => {
  const bench = await Workbench.create()
  const worker = bench.worker([binding(() => new Promise(() => {}))])
  const id = await bench.send('inbox')
  const drained = worker.drain({ budget: '10s' })
  await bench.advance(10_000)
  deepEqual(await drained, { handled: 0 })
  const stored = (await bench.find('inbox', id))!
  deepEqual([stored.state, stored.failed, stored.released], ['ready', 0, 1])
})

test('options that are wrong are refused where the worker is made', async () => {
  const bench = await Workbench.create()
  throws(() => bench.worker([binding(() => {}, { concurrency: 0 })]), {
    code: 'invalid-option',
    message: /concurrency of queue 'inbox' is 0: it must be a whole number of at least 1/,
  })
  throws(() => bench.worker([binding(() => {}, { leaseMs: 10 })]), { code: 'invalid-option', message: /leaseMs/ })
  throws(() => bench.worker([binding(() => {}), binding(() => {})]), {
    code: 'duplicate-handler',
    message: /'inbox' has two handlers/,
  })
  throws(() => bench.worker([binding(() => {}, { queue: 'no good' })]), { code: 'invalid-name' })
})

test('starts and stops in every order', async () => {
  const bench = await Workbench.create()
  let handled = 0
  const worker = bench.worker([binding(async () => void handled++)])
  await stressLifecycle(worker, 20, async () => {
    await bench.send('inbox')
    await bench.settle(6)
  })
  await worker.drain()
  equal(handled, 40)
  equal(worker.inFlight, 0)
})
