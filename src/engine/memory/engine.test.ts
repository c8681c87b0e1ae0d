// The engine around the ledger: hints, repeated requests, pages, records, settings, time, and closing.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { Context } from '../../conformance/index.ts'
import { ManualClock } from '../../core/clock.ts'
import type { Commit, Hint, LeaseRequest } from '../../core/engine.ts'
import { fromJsonBytes } from '../../core/json.ts'
import type { Message } from '../../core/message.ts'
import { DEFAULT_QUEUE } from '../../core/settings.ts'
import { memorySubject } from '../../../test/conformance/memory-subject.ts'
import { createMemoryEngine } from './engine.ts'

async function open(): Promise<Context> {
  const context = new Context(await memorySubject.create(), { hints: 'deliver' })
  await context.open()
  return context
}

const value = (text: string): Uint8Array => new TextEncoder().encode(text)

test('watchers are told of queues, keys, topics and cancellations, once a turn, and no more after they are disposed', async () => {
  const ctx = await open()
  const hints: Hint[] = []
  const watching = ctx.engine.watch({ queues: ['q'], keys: ['k'], topics: ['t'] }, (hint) => hints.push(hint))
  const told = async (): Promise<Hint[]> => {
    await ctx.turn()
    return hints.splice(0)
  }
  await ctx.sendMany('q', 5)
  deepEqual(await told(), [{ queue: 'q' }])
  const { token, stored } = await ctx.leaseOne('q')
  await ctx.commit({ do: 'cancel', messages: [{ queue: 'q', id: stored.id }] })
  deepEqual(await told(), [{ cancel: token }])
  deepEqual(await ctx.engine.extend([token], 1_000), ['cancel'])
  await ctx.commit({ do: 'put', key: 'k', value: value('x') }, { do: 'publish', topic: 't', message: ctx.message() })
  deepEqual(await told(), [{ key: 'k' }, { topic: 't' }])
  await ctx.send('q', { delay: { afterMs: 10 } })
  deepEqual(await told(), [])
  ctx.clock.advance(10)
  deepEqual(await told(), [{ queue: 'q' }])
  watching[Symbol.dispose]()
  await ctx.send('q')
  deepEqual(await told(), [])
})

test('a lease request repeated gives what still stands, under the same tokens', async () => {
  const ctx = await open()
  await ctx.sendMany('q', 3)
  const request: LeaseRequest = {
    id: 'r',
    worker: 'w',
    holder: 'client',
    leaseMs: 100,
    wants: [{ queue: 'q', max: 2 }],
  }
  const first = await ctx.engine.lease(request)
  deepEqual((await ctx.engine.lease(request)).deliveries, first.deliveries)
  await ctx.ack(first.deliveries[0]!.token)
  deepEqual((await ctx.engine.lease(request)).deliveries, first.deliveries.slice(1))
  await ctx.advance(100)
  equal((await ctx.engine.lease(request)).deliveries.length, 2)
})

test('pages of messages go on in order of arrival although what they ended with is gone, and one may be empty', async () => {
  const ctx = await open()
  const ids = await ctx.sendMany('q', 7_000)
  const { token } = (await ctx.lease('q', 1, {}))[0]!
  await ctx.bury(token, 'odd')
  const page = await ctx.engine.browse({ queue: 'q', state: 'ready', after: null, limit: 2 })
  deepEqual(
    page.items.map(({ id }) => id),
    ids.slice(1, 3),
  )
  await ctx.commit({ do: 'discard', messages: page.items })
  deepEqual(
    (await ctx.engine.browse({ queue: 'q', state: 'ready', after: page.next, limit: 2 })).items.map(({ id }) => id),
    ids.slice(3, 5),
  )
  const empty = await ctx.engine.browse({ queue: 'q', state: 'ready', after: null, limit: 10, match: { type: 'none' } })
  deepEqual(empty.items, [])
  ok(empty.next !== null)
  deepEqual(
    (await ctx.engine.browse({ queue: 'q', state: 'dead', after: null, limit: 10, match: { error: 'odd' } })).items.map(
      ({ id }) => id,
    ),
    [ids[0]],
  )
})

test('records list by key and alias in bytewise order, in pages, and expire by wall time', async () => {
  const ctx = await open()
  for (const key of ['b', 'a/2', 'B', 'a/1', 'a!'])
    await ctx.commit({ do: 'put', key, value: value(key), aliases: [`by/${key}`] })
  await ctx.commit({ do: 'put', key: 'a/3', value: value('a/3'), expiresAt: ctx.clock.wallMs() + 50 })
  const list = async (prefix: string, after: string | null, limit: number) => {
    const page = await ctx.engine.list({ prefix, after, limit })
    return [page.items.map(({ key }) => key), page.next] as const
  }
  const [first, next] = await list('a', null, 2)
  deepEqual(first, ['a!', 'a/1'])
  deepEqual(await list('a', next, 10), [['a/2', 'a/3'], null])
  deepEqual((await list('by/', null, 10))[0], ['B', 'a!', 'a/1', 'a/2', 'b'])
  deepEqual(
    (await ctx.engine.get(['by/b', 'by/c'])).map((record) => record?.key ?? null),
    ['b', null],
  )
  ctx.clock.stepWall(50)
  deepEqual((await list('a/', null, 10))[0], ['a/1', 'a/2'])
  await ctx.commit({ do: 'put', key: 'b', value: value('new') })
  deepEqual(await ctx.engine.get(['by/b']), [null])
})

test('settings are records with versions that only their own changes touch', async () => {
  const ctx = await open()
  await ctx.send('q')
  deepEqual(await ctx.engine.get(['queue/q']), [null])
  await ctx.configure('q', { maxLapses: 7 })
  const [record] = await ctx.engine.get(['queue/q'])
  deepEqual(fromJsonBytes(record!.value), { ...DEFAULT_QUEUE, maxLapses: 7 })
  const configure = { do: 'configure', queue: 'q', settings: DEFAULT_QUEUE } as const
  equal((await ctx.refusal({ ...configure, ifVersion: null })).code, 'conflict')
  await ctx.commit({ ...configure, ifVersion: record!.version })
  equal((await ctx.refusal({ ...configure, ifVersion: record!.version })).code, 'conflict')
  equal((await ctx.refusal({ do: 'put', key: 'queue/q', value: value('x') })).code, 'invalid')
  equal(
    (await ctx.refusal({ do: 'configure', queue: 'q', settings: { ...DEFAULT_QUEUE, pick: { by: 'deadline' } } })).code,
    'unsupported',
  )
})

test('a message taken over from elsewhere keeps its state, counts and history', async () => {
  const [from, to] = [await open(), await open()]
  await from.configure('q', { keep: { ...DEFAULT_QUEUE.keep, acked: true } })
  for (const attributes of [{}, { delay: { afterMs: 1_000 } }, {}, {}]) await from.send('q', attributes)
  const [first, second] = await from.lease('q', 2)
  await from.retry(first!.token, { afterMs: 0 }, 'flaky')
  await from.ack(second!.token)
  await from.bury((await from.leaseOne('q')).token, 'bad')
  await to.configure('q', { keep: { ...DEFAULT_QUEUE.keep, acked: true } })
  for (const state of ['ready', 'delayed', 'dead', 'acked'] as const) {
    for (const stored of await from.browse('q', state)) {
      await to.commit({ do: 'restore', message: stored })
      const copy = await to.find('q', stored.id)
      const { readyAt: _, ...rest } = stored
      const { readyAt: __, ...copied } = copy!
      deepEqual(copied, rest)
    }
  }
})

test('failures are bounded: ten, each of a kilobyte, cut between characters', async () => {
  const ctx = await open()
  await ctx.send('q')
  for (let count = 0; count < 12; count++) {
    const { token } = await ctx.leaseOne('q')
    await ctx.commit({
      do: 'retry',
      token,
      delay: { afterMs: 0 },
      error: { code: `c${count}`, message: 'é'.repeat(400), stack: '漢'.repeat(400) },
    })
  }
  const { failures, failed } = (await ctx.leaseOne('q')).stored
  deepEqual([failed, failures.length, failures[0]!.code], [12, 10, 'c2'])
  const { message, stack } = failures[9]!
  equal(message, 'é'.repeat(400))
  equal(stack, '漢'.repeat(74))
})

test('time decides by itself, at the exact moment, on one timer', async () => {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock })
  const message = {
    id: '00000000-0000-7000-8000-000000000001',
    event: { id: '1', source: '/', type: 'x' },
    body: new Uint8Array(),
    priority: 4,
    expires: { afterMs: 250 },
    report: 'ends',
  } as const
  await engine.commit([{ changes: [{ do: 'send', queue: 'q', message }] }])
  equal(clock.nextTimerInMs(), 250)
  clock.advance(250)
  const [depth] = await engine.depth(['ends'])
  equal(depth!.oldestReadyAt, clock.wallMs())
  await engine.close()
  equal(clock.nextTimerInMs(), null)
})

test('a closed engine answers nobody, and closing twice is closing once', async () => {
  const ctx = await open()
  const { engine } = ctx
  await Promise.all([engine.close(), engine.close()])
  for (const call of [
    () => engine.commit([]),
    () => engine.depth('all'),
    () => engine.get(['k']),
    () => engine.extend([], 1),
  ])
    await rejects(call, { code: 'closed' })
})

test('a question that makes no sense harms nobody but who asked it', async () => {
  const { engine } = await open()
  await rejects(engine.lease({} as unknown as LeaseRequest), { code: 'invalid' })
  await rejects(engine.find([null] as never))
  deepEqual(await engine.extend([undefined as never], 10), ['stale'])
  deepEqual(await engine.depth('all'), [])
})

test('commits of one call are decided as if each came alone, whichever is a plain send', async () => {
  const ctx = await open()
  await ctx.configure('q', { keep: { ...DEFAULT_QUEUE.keep, endedCount: 1 }, limit: { messages: 3, bytes: null } })
  const first = ctx.message()
  await ctx.commit({ do: 'send', queue: 'q', message: first })
  await ctx.commit({ do: 'discard', messages: [{ queue: 'q', id: first.id }] })
  const [second, third, fourth] = [ctx.message(), ctx.message(), ctx.message()]
  const send = (message: Message): Commit => ({ changes: [{ do: 'send', queue: 'q', message }] })
  const discard = (id: string): Commit => ({ changes: [{ do: 'discard', messages: [{ queue: 'q', id }] }] })
  const results = await ctx.engine.commit([
    send(first), // Kept, so it is a duplicate.
    send(second),
    send(second),
    discard(second.id), // Now one more has ended than is kept: the first is forgotten.
    send(first),
    send(third),
    send(fourth),
    send(ctx.message()), // The queue is full.
    send({ ...ctx.message(), priority: 10 }),
  ])
  deepEqual(
    results.map((result) => (result.status === 'refused' ? result.code : (result.results[0] as object))),
    [
      { id: first.id, duplicate: true },
      { id: second.id, duplicate: false },
      { id: second.id, duplicate: true },
      { count: 1 },
      { id: first.id, duplicate: false },
      { id: third.id, duplicate: false },
      { id: fourth.id, duplicate: false },
      'full',
      'invalid',
    ],
  )
  deepEqual(await ctx.leasedIds('q'), [first.id, third.id, fourth.id])
})
