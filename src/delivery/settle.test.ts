import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { Workbench } from '../../test/delivery/workbench.ts'
import type { Change } from '../core/engine.ts'
import { DEFAULT_QUEUE } from '../core/settings.ts'
import type { Binding, Ended, Run } from './binding.ts'
import { bury, cancel, fail, retry, snooze } from './outcome.ts'

const binding = (run: Binding['run'], more: Partial<Binding> = {}): Binding => ({
  queue: 'inbox',
  concurrency: 10,
  run,
  ...more,
})
const KEEPING = { ...DEFAULT_QUEUE, keep: { ...DEFAULT_QUEUE.keep, acked: true } }
const put = (key: string, ifVersion?: string | null): Change => ({
  do: 'put',
  key,
  value: new Uint8Array(1),
  ...(ifVersion === undefined ? {} : { ifVersion }),
})

test('how a run ends: what becomes of the message, the effects and the operation', async () => {
  const rows: readonly [
    name: string,
    handler: (run: Run) => unknown,
    state: string,
    reason: string | null,
    effects: boolean,
    ended: Ended['status'] | null,
    outcome: string,
  ][] = [
    ['done', () => 7, 'acked', null, true, 'succeeded', 'done'],
    ['done later', async () => 7, 'acked', null, true, 'succeeded', 'done'],
    ['fail', (run) => run.make(fail('too_big', { max: 3 })), 'acked', null, false, 'failed', 'fail'],
    ['fail thrown', (run) => Promise.reject(run.make(fail('too_big'))), 'acked', null, false, 'failed', 'fail'],
    [
      'throw',
      () => {
        throw new Error('broken')
      },
      'delayed',
      null,
      false,
      null,
      'retry',
    ],
    [
      'throw later',
      async () => {
        throw new Error('broken')
      },
      'delayed',
      null,
      false,
      null,
      'retry',
    ],
    ['retry', (run) => run.make(retry({ afterMs: 5 })), 'delayed', null, false, null, 'retry'],
    ['snooze', (run) => run.make(snooze(5)), 'delayed', null, false, null, 'snooze'],
    ['bury', (run) => run.make(bury('no use')), 'dead', 'buried', false, 'failed', 'bury'],
    ['cancel', (run) => run.make(cancel('no need')), 'cancelled', 'no need', false, 'cancelled', 'cancel'],
    ['invalid input', () => bury('age is missing', 'invalid-input'), 'dead', 'invalid-input', false, 'failed', 'bury'],
    ['forgotten', (run) => void run.make(fail('too_big')), 'delayed', null, false, null, 'retry'],
  ]
  for (const [name, handler, state, reason, effects, status, outcome] of rows) {
    const bench = await Workbench.create()
    const ends: Ended[] = []
    const worker = bench.worker([
      binding((run) => (run.hold(put('effect')), handler(run)), {
        ending: (stored, ended) => {
          ends.push(ended)
          return [put(`operation/${stored.id}`)]
        },
      }),
    ])
    await bench.commit({ do: 'configure', queue: 'inbox', settings: KEEPING })
    const id = await bench.send('inbox')
    deepEqual(await worker.drain(), { handled: 1 }, name)
    const stored = await bench.find('inbox', id)
    equal(stored!.state, state, name)
    equal(stored!.reason, reason, name)
    const [effect, record] = await bench.engine.get(['effect', `operation/${id}`])
    equal(effect !== null, effects, `${name}: effects`)
    equal(record !== null, status !== null, `${name}: record`)
    deepEqual(
      ends.map((ended) => ended.status),
      status === null ? [] : [status],
      name,
    )
    deepEqual(
      bench.events.ended.map((event) => event.outcome),
      [outcome],
      name,
    )
    equal(bench.commits.length, 1, `${name}: one commit`)
  }
})

test('a run that takes too long is over: its signal aborts, its late return is ignored', async () => {
  const bench = await Workbench.create()
  const { promise, resolve } = Promise.withResolvers<void>()
  const runs: Run[] = []
  await using worker = bench.worker([
    binding(
      async (run) => {
        runs.push(run)
        if (runs.length === 1) await promise
      },
      { timeoutMs: 5_000, ending: (stored) => [put(`operation/${stored.id}`)] },
    ),
  ])
  await worker.start()
  const id = await bench.send('inbox')
  await bench.advance(4_999)
  equal(runs[0]!.signal.aborted, false)
  await bench.advance(1)
  equal((runs[0]!.signal.reason as { code: string }).code, 'timed-out')
  throws(() => runs[0]!.hold(put('late')), { code: 'invalid' })
  deepEqual(
    (await bench.find('inbox', id))!.failures.map(({ code }) => code),
    ['timed-out'],
  )
  resolve()
  await bench.advance(600)
  equal(runs.length, 2)
  equal(runs[1]!.attempt, 2)
  deepEqual(
    bench.events.ended.map(({ outcome, code }) => [outcome, code]),
    [
      ['retry', 'timed-out'],
      ['done', null],
    ],
  )
})

test('attempts used up: dead with the reason of the last, and the operation fails in the same commit', async () => {
  const bench = await Workbench.create()
  const ends: Ended[] = []
  await using worker = bench.worker([
    binding(
      () => {
        throw new Error('broken')
      },
      {
        retry: { attempts: 3, backoff: { kind: 'fixed', baseMs: 100, capMs: 100, factor: 1, jitter: 'none' } },
        ending: (_, ended) => (ends.push(ended), [put('end')]),
      },
    ),
  ])
  await worker.start()
  const id = await bench.send('inbox')
  await bench.advance(1_000)
  const stored = (await bench.find('inbox', id))!
  deepEqual([stored.state, stored.reason, stored.failed, stored.acquired], ['dead', 'handler-failed', 3, 3])
  deepEqual(ends, [{ status: 'failed', state: 'dead', code: 'handler-failed', message: 'broken', data: undefined }])
  deepEqual(
    bench.commits.at(-1)!.changes.map((change) => change.do),
    ['bury', 'put'],
  )
})

test('a conflict runs the handler again at once, uncounted, ten times at most, and then is a retry', async () => {
  const bench = await Workbench.create()
  const attempts: number[] = []
  let conflicts = 3
  const worker = bench.worker([
    binding(async (run) => {
      attempts.push(run.attempt)
      equal(run.effects.length, 0)
      const [record] = await bench.engine.get(['counter'])
      if (conflicts-- > 0) await bench.commit(put('counter'))
      run.hold(put('counter', record?.version ?? null))
    }),
  ])
  const id = await bench.send('inbox')
  await worker.drain()
  deepEqual(attempts, [1, 1, 1, 1])
  deepEqual(
    bench.events.ended.map(({ outcome }) => outcome),
    ['done'],
  )
  conflicts = 100
  const second = await bench.send('inbox')
  await worker.drain()
  equal(attempts.length, 4 + 11)
  const stored = (await bench.find('inbox', second))!
  deepEqual([stored.state, stored.failed, stored.failures[0]!.code], ['delayed', 1, 'conflict'])
  equal((await bench.find('inbox', id))?.state ?? 'acked', 'acked')
})

test('effects that the engine refuses fail the run with its code; an end that it refuses is left out', async () => {
  const bench = await Workbench.create()
  const wrong: Change = {
    do: 'send',
    queue: 'other',
    message: {
      id: bench.ids.uuid(),
      event: { id: 'e', source: 's', type: 't' },
      body: new Uint8Array(0),
      priority: 12,
    },
  }
  const worker = bench.worker([
    binding((run) => run.hold(wrong)),
    binding(() => fail('no'), { queue: 'second', ending: () => [wrong] }),
  ])
  const first = await bench.send('inbox')
  const second = await bench.send('second')
  await worker.drain()
  const stored = (await bench.find('inbox', first))!
  deepEqual([stored.state, stored.failures[0]!.code], ['delayed', 'invalid'])
  equal((await bench.find('second', second))?.state ?? 'acked', 'acked')
  ok(bench.logged.some((line) => line.startsWith('error: the engine refused what ends the operation')))
  equal(bench.events.refused.length, 2)
})

const broken = () => {
  throw new Error('not JSON')
}

test('an end that cannot be made fails a done run, and is left out of any other end', async () => {
  const bench = await Workbench.create()
  const worker = bench.worker([
    binding(() => 1, { ending: broken }),
    binding(() => bury('x'), { queue: 'second', ending: broken }),
  ])
  const first = await bench.send('inbox')
  const second = await bench.send('second')
  await worker.drain()
  deepEqual(
    (await bench.find('inbox', first))!.failures.map(({ message }) => message),
    ['not JSON'],
  )
  equal((await bench.find('second', second))!.state, 'dead')
})

test('what ends in one turn is one call, and several where it brings much', async () => {
  for (const [valueBytes, most] of [
    [1, 1],
    [300_000, 3],
  ] as const) {
    const bench = await Workbench.create()
    let calls = 0
    bench.before = (call) => void (call === 'commit' && calls++)
    const worker = bench.worker([
      binding((run) => run.hold({ do: 'put', key: `of/${run.id}`, value: new Uint8Array(valueBytes) })),
    ])
    for (let sent = 0; sent < 10; sent++) await bench.send('inbox')
    deepEqual(await worker.drain(), { handled: 10 })
    equal(calls, most)
  }
})

test('what ends step by step in one turn of the event loop is one call, where the worker gathers by turns', async () => {
  for (const gather of ['step', 'turn'] as const) {
    const bench = await Workbench.create()
    let calls = 0
    const ends: (() => void)[] = []
    await using worker = bench.worker([binding(() => new Promise<void>((resolve) => ends.push(resolve)))], { gather })
    await worker.start()
    for (let n = 0; n < 3; n++) await bench.send('inbox')
    await bench.advance(0)
    equal(ends.length, 3)
    bench.before = (call) => void (calls += call === 'commit' ? 1 : 0)
    for (const end of ends) {
      end()
      // As answers come in from sockets: each in a step of its own.
      for (let step = 0; step < 20; step++) await Promise.resolve()
    }
    await bench.advance(0)
    equal(calls, gather === 'turn' ? 1 : 3)
    equal(bench.events.ended.length, 3)
  }
})
