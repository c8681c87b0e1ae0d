// What is handed out unasked, while its frame is not durable yet: when it is given, to whom, in which order, and what becomes of it otherwise.
import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { Disk, RecordedStore } from '../../../../test/conformance/recorded-subject.ts'
import { ManualClock } from '../../../core/clock.ts'
import type { Change, CommitResult, Delivery, Hint, RoomFor } from '../../../core/engine.ts'
import { createIds } from '../../../core/id.ts'
import type { Message } from '../../../core/message.ts'
import { DEFAULT_QUEUE, type QueueSettings } from '../../../core/settings.ts'
import { LedgerEngine } from '../engine.ts'
import { Snapshot } from '../snapshot/snapshot.ts'
import { LedgerState } from '../state/state.ts'

test('what a watcher has room for is handed out with its send, and given when it is durable and not before', async () => {
  const bench = create()
  const watcher = bench.watch(5)
  const sent = bench.send({})
  const { written } = await bench.untilWritten()
  equal(watcher.given.length, 0)
  await sent
  equal(watcher.given.length, 1)
  equal(bench.disk.synced >= written, true)
  const { token, stored } = watcher.given[0]!
  deepEqual([stored.state, stored.acquired, stored.queue], ['leased', 1, 'inbox'])
  equal((await bench.lease()).length, 0)
  deepEqual(watcher.hints, [])
  equal((await bench.commit({ do: 'ack', token }))[0]!.status, 'committed')
  await bench.engine.close()
})

test('what a watcher has no room for is found by a lease, after a hint', async () => {
  const bench = create()
  const watcher = bench.watch(1)
  await bench.send({}, {})
  deepEqual([watcher.given.length, watcher.hints.length], [1, 1])
  equal((await bench.lease()).length, 1)
  await bench.engine.close()
})

test('nothing is handed out past what is ready already, what has no room to wait in, or a watcher that leases', async () => {
  const bench = create()
  await bench.send({})
  const watcher = bench.watch(5)
  await bench.send({})
  equal((await bench.lease()).length, 2)
  await bench.configure({ paused: true })
  await bench.send({})
  await bench.configure({ paused: false })
  equal((await bench.lease()).length, 1)
  const leasing = bench.engine.watch({ queues: ['inbox'] }, () => {})
  await bench.send({})
  equal((await bench.lease()).length, 1)
  deepEqual(watcher.given, [])
  leasing[Symbol.dispose]()
  await bench.send({})
  equal(watcher.given.length, 1)
  await bench.engine.close()
})

test('what has expired already is not handed out, nor what must wait for its time', async () => {
  const bench = create()
  const watcher = bench.watch(5)
  await bench.send({ expires: { afterMs: 0 } }, { delay: { afterMs: 1_000 } })
  deepEqual(watcher.given, [])
  await bench.engine.close()
})

test('many that become ready at once are left to leases', async () => {
  const bench = create()
  const watcher = bench.watch(100)
  await bench.send(...Array.from({ length: 17 }, () => ({})))
  equal(watcher.given.length, 0)
  equal((await bench.lease()).length, 17)
  await bench.engine.close()
})

test('those of one commit come as a lease would pick them', async () => {
  const sends = [{ priority: 4 }, { priority: 9 }, { priority: 4 }, { priority: 0 }, { priority: 9 }]
  const picks: readonly [QueueSettings['pick'], number[]][] = [
    [{ by: 'priority' }, [9, 9, 4, 4, 0]],
    [{ by: 'priority', agingMs: 1_000 }, [9, 9, 4, 4, 0]],
    [{ by: 'fifo' }, [4, 9, 4, 0, 9]],
  ]
  for (const [pick, expected] of picks) {
    const bench = create()
    await bench.configure({ pick })
    const watcher = bench.watch(4)
    await bench.send(...sends)
    const rest = await bench.lease()
    deepEqual(
      [...watcher.given, ...rest].map(({ stored }) => stored.message.priority),
      expected,
    )
    equal(rest.length, 1)
    await bench.engine.close()
  }
})

test('the next of a key is handed out with the ack of the one before it', async () => {
  const bench = create()
  const watcher = bench.watch(5)
  await bench.send({ key: 'k' }, { key: 'k' })
  equal(watcher.given.length, 1)
  const acked = bench.commit({ do: 'ack', token: watcher.given[0]!.token })
  await bench.untilWritten()
  equal(watcher.given.length, 1)
  await acked
  equal(watcher.given.length, 2)
  await bench.engine.close()
})

test('watchers with room take turns', async () => {
  const bench = create()
  const watchers = [bench.watch(9), bench.watch(9), bench.watch(0)]
  for (let sends = 0; sends < 4; sends++) await bench.send({})
  deepEqual(
    watchers.map(({ given }) => given.length),
    [2, 2, 0],
  )
  await bench.engine.close()
})

test('a watcher that goes before it was given what is held for it leaves it where it was in line, uncounted', async () => {
  const bench = create()
  const watcher = bench.watch(1)
  const sent = bench.send({}, {})
  await bench.untilWritten()
  watcher[Symbol.dispose]()
  await sent
  deepEqual([watcher.given.length, watcher.fills], [0, 1])
  const deliveries = await bench.lease()
  deepEqual(
    deliveries.map(({ stored: { id, acquired, released, failed } }) => ({ id, acquired, released, failed })),
    [
      { id: bench.ids[0], acquired: 2, released: 1, failed: 0 },
      { id: bench.ids[1], acquired: 1, released: 0, failed: 0 },
    ],
  )
  deepEqual(watcher.given, [])
  await bench.engine.close()
})

test('an engine that closes keeps what it has handed out and not given as ready', async () => {
  const bench = create()
  const watcher = bench.watch(5)
  const sent = bench.send({})
  await bench.untilWritten()
  await bench.engine.close()
  await sent
  deepEqual([watcher.given.length, watcher.fills], [0, 1])
  const last = bench.disk.frames.at(-1)!.calls.map((call) => ('method' in call ? call.method : 'block'))
  deepEqual(last.slice(0, 2), ['released', 'readied'])
})

test('where the disk takes longer than the lease lasts, what lapsed is not given', async () => {
  const bench = create()
  const watcher = bench.watch(1)
  const sent = bench.send({})
  bench.clock.advance(2_000)
  await bench.engine.depth('all')
  await sent
  deepEqual([watcher.given.length, watcher.fills], [0, 1])
  equal((await bench.lease())[0]!.stored.acquired, 2)
  await bench.engine.close()
})

test('a cancel of what is held reaches who gets it', async () => {
  const bench = create()
  const watcher = bench.watch(1)
  const sent = bench.send({})
  await bench.commit({ do: 'cancel', messages: [{ queue: 'inbox', id: bench.ids[0]! }] })
  await sent
  const { token } = watcher.given[0]!
  deepEqual(watcher.hints, [{ cancel: token }])
  deepEqual(await bench.engine.extend([token], 1_000), ['cancel'])
  await bench.engine.close()
})

test('a store that fails leaves the places free', async () => {
  const bench = create()
  const watcher = bench.watch(1)
  const sent = bench.send({})
  bench.store.fail(new Error('the disk is gone'))
  await sent.catch(() => {})
  deepEqual([watcher.given.length, watcher.fills], [0, 1])
})

test('what is held while the disk takes longer than the lease lasts has not lapsed, and is there for the next', async () => {
  const bench = create()
  const watcher = bench.watch(1)
  const sent = bench.send({})
  await bench.untilWritten()
  bench.clock.advance(1_500)
  await bench.configure({})
  await sent
  deepEqual([watcher.given.length, watcher.fills], [0, 1])
  const [again] = await bench.lease()
  deepEqual([again!.stored.acquired, again!.stored.released, again!.stored.failed], [2, 1, 0])
  await bench.engine.close()
})

test('a watcher that fails when asked or given harms no other, and what it was asked for is found by a lease', async () => {
  const bench = create()
  const thrown: unknown[] = []
  process.setUncaughtExceptionCaptureCallback((error) => void thrown.push(error))
  try {
    const failing = bench.engine.watch(
      { queues: ['inbox'] },
      () => {},
      () => {
        throw new Error('no room')
      },
    )
    await bench.send({})
    equal((await bench.lease()).length, 1)
    await new Promise<void>((resolve) => setImmediate(resolve))
    deepEqual(thrown.map(String), ['Error: no room'])
    failing[Symbol.dispose]()
    equal((await bench.commit())[0]!.status, 'committed')
  } finally {
    process.setUncaughtExceptionCaptureCallback(null)
  }
  await bench.engine.close()
})

interface Watcher extends Disposable {
  readonly given: Delivery[]
  readonly hints: Hint[]
  fills: number
}

function create() {
  const clock = new ManualClock()
  const source = createIds(clock)
  const state = new LedgerState()
  const disk = new Disk()
  const store = new RecordedStore(disk, clock, false)
  store.snapshot = new Snapshot(state)
  store.snapshot.finish()
  const engine = new LedgerEngine({ state, store, clock, ids: source, openedAt: clock.wallMs() })
  const ids: string[] = []
  let requests = 0
  const message = (more: Partial<Message>): Message => {
    const id = source.uuid()
    ids.push(id)
    return { id, event: { id, source: '/', type: 'x' }, body: new Uint8Array(), priority: 4, ...more }
  }
  const commit = (...changes: Change[]): Promise<readonly CommitResult[]> => engine.commit([{ changes }])
  return {
    clock,
    disk,
    engine,
    ids,
    store,
    commit,
    send: (...messages: readonly Partial<Message>[]) =>
      commit(...messages.map((more) => ({ do: 'send', queue: 'inbox', message: message(more) }) as const)),
    configure: (settings: Partial<QueueSettings>) =>
      commit({ do: 'configure', queue: 'inbox', settings: { ...DEFAULT_QUEUE, ...settings } }),
    async lease(): Promise<readonly Delivery[]> {
      const wants = [{ queue: 'inbox', max: 100 }]
      const id = `r${requests++}`
      return (await engine.lease({ id, worker: 'w', holder: 'process', leaseMs: 1_000, wants })).deliveries
    },
    /** What is decided now has been written, and is not durable. */
    async untilWritten(): Promise<Disk> {
      while (disk.written === disk.synced) await new Promise<void>((resolve) => setImmediate(resolve))
      return disk
    },
    watch(places: number): Watcher {
      let free = places
      const roomFor: RoomFor = (_, most) => {
        const count = Math.min(free, most)
        if (count === 0) return null
        free -= count
        const filled = (deliveries: readonly Delivery[]): void => {
          watcher.fills++
          watcher.given.push(...deliveries)
        }
        return { count, leaseMs: 1_000, holder: 'process', filled }
      }
      const watch = engine.watch({ queues: ['inbox'] }, (hint) => watcher.hints.push(hint), roomFor)
      const watcher: Watcher = { given: [], hints: [], fills: 0, [Symbol.dispose]: () => watch[Symbol.dispose]() }
      return watcher
    },
  }
}
