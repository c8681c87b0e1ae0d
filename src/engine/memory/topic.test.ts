// Topics: routing, suspension with gaps, catching up, retention, and what becomes of a queue whose subscription ends.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Context } from '../../conformance/index.ts'
import { fromJsonBytes } from '../../core/json.ts'
import { DEFAULT_SUBSCRIPTION_QUEUE, type StoredSubscription } from '../../core/settings.ts'
import { memorySubject } from '../../../test/conformance/memory-subject.ts'

const QUEUE = 'topic:t:s'

async function open(): Promise<Context> {
  const context = new Context(await memorySubject.create(), { hints: 'deliver' })
  await context.open()
  return context
}

async function subscription(ctx: Context): Promise<StoredSubscription> {
  const [record] = await ctx.engine.get(['subscription/t/s'])
  ok(record)
  return fromJsonBytes(record.value) as StoredSubscription
}

const bound = (ctx: Context, messages: number): Promise<unknown> =>
  ctx.bind('t', 's').then(() =>
    ctx.commit({
      do: 'configure',
      queue: QUEUE,
      settings: { ...DEFAULT_SUBSCRIPTION_QUEUE, limit: { messages, bytes: null } },
    }),
  )

async function ackAll(ctx: Context): Promise<string[]> {
  const ids = []
  for (let deliveries = await ctx.lease(QUEUE); deliveries.length > 0; deliveries = await ctx.lease(QUEUE)) {
    for (const { stored, token } of deliveries) {
      ids.push(stored.id)
      await ctx.ack(token)
    }
  }
  return ids
}

test('an event is routed by exact type, by pattern and by filter, once to each who wants it', async () => {
  const ctx = await open()
  await ctx.bind('t', 'exact', { types: ['order.paid'] })
  await ctx.bind('t', 'pattern', { types: ['order.*', 'order.paid'] })
  await ctx.bind('t', 'filter', { filters: [{ exact: { source: '/elsewhere' } }] })
  equal((await ctx.publish('t', { type: 'order.paid' })).routed, 2)
  equal((await ctx.publish('t', { type: 'order.made' })).routed, 1)
  equal((await ctx.publish('t', { type: 'customer' })).routed, 0)
  equal((await ctx.publish('other', { type: 'order.paid' })).routed, 0)
})

test('a full subscription is suspended, what it misses is one gap, and it goes on below half its limit', async () => {
  const ctx = await open()
  await bound(ctx, 4)
  await ctx.bind('system:events', 'ops')
  for (let count = 0; count < 6; count++) await ctx.publish('t')
  await ctx.advance(5)
  await ctx.publish('t')
  const { status, gaps } = await subscription(ctx)
  deepEqual([status, gaps.map(({ from, to, count }) => [to - from, count])], ['suspended', [[5, 3]]])
  const deliveries = await ctx.lease(QUEUE)
  await ctx.ack(deliveries[0]!.token)
  await ctx.ack(deliveries[1]!.token)
  equal((await subscription(ctx)).status, 'suspended')
  await ctx.ack(deliveries[2]!.token)
  equal((await subscription(ctx)).status, 'live')
  equal((await ctx.publish('t')).routed, 1)
  const told = await ctx.lease('topic:system:events:ops')
  deepEqual(
    told.map(({ stored }) => stored.message.event.type),
    ['posthorn.subscription.suspended', 'posthorn.subscription.resumed'],
  )
})

test('on a kept topic a suspended subscription catches up without a gap and without a double', async () => {
  const ctx = await open()
  await ctx.commit({ do: 'retain', topic: 't', retention: { ms: null, count: 100 } })
  await bound(ctx, 4)
  const ids = []
  for (let count = 0; count < 20; count++) ids.push((await ctx.publish('t')).id)
  deepEqual(await ackAll(ctx), ids)
  const { status, gaps } = await subscription(ctx)
  deepEqual([status, gaps], ['live', []])
})

test('a subscription from the beginning gets thousands of kept events in bounded steps, and what is published meanwhile after them', async () => {
  const ctx = await open()
  await ctx.commit({ do: 'retain', topic: 't', retention: { ms: null, count: 10_000 } })
  const ids: string[] = []
  for (let count = 0; count < 3_300; count++) ids.push((await ctx.publish('t')).id)
  await ctx.bind('t', 's', { from: 'beginning', order: 'strict' })
  equal((await subscription(ctx)).status, 'catching-up')
  ids.push((await ctx.publish('t')).id)
  while ((await subscription(ctx)).status !== 'live') await ctx.advance(0)
  equal((await ctx.depth(QUEUE)).held, 3_300)
  ids.push((await ctx.publish('t')).id)
  deepEqual(await ackAll(ctx), ids)
})

test('a topic keeps as many and for as long as it says, and reading goes on from a position', async () => {
  const ctx = await open()
  await ctx.commit({ do: 'retain', topic: 't', retention: { ms: 100, count: 3 } })
  const ids = []
  for (let count = 0; count < 5; count++) ids.push((await ctx.publish('t')).id)
  const read = (from: 'beginning' | { position: string } | { at: number }, limit = 10) =>
    ctx.engine.read({ topic: 't', from, limit })
  const page = await read('beginning', 2)
  deepEqual(
    page.items.map(({ message }) => message.id),
    ids.slice(2, 4),
  )
  const rest = await read({ position: page.next! })
  deepEqual([rest.items.map(({ message }) => message.id), rest.next], [ids.slice(4), null])
  await ctx.advance(99)
  const last = await ctx.publish('t')
  await ctx.advance(1)
  deepEqual(
    (await read('beginning')).items.map(({ message }) => message.id),
    [last.id],
  )
  deepEqual((await read({ at: ctx.clock.wallMs() })).items, [])
})

test('one body is shared by all who get it, and a report tells of its message without being it', async () => {
  const ctx = await open()
  await ctx.bind('t', 'a')
  await ctx.bind('t', 'b')
  await ctx.publish('t', { report: 'ends', text: 'body' })
  const [one, other] = [await ctx.leaseOne('topic:t:a'), await ctx.leaseOne('topic:t:b')]
  equal(one.stored.message.body, other.stored.message.body)
  await ctx.release(one.token)
  await ctx.commit({
    do: 'cancel',
    messages: [
      { queue: 'topic:t:a', id: one.stored.id },
      { queue: 'topic:t:b', id: one.stored.id },
    ],
  })
  await ctx.release(other.token)
  const reports = await ctx.reports('ends')
  deepEqual(
    reports.map(({ queue, state, acquired, message }) => [
      queue,
      state,
      acquired,
      message.event.type,
      'body' in message,
    ]),
    [
      ['topic:t:a', 'cancelled', 1, 'kit.made', false],
      ['topic:t:b', 'cancelled', 1, 'kit.made', false],
    ],
  )
})

test('when a subscription ends, what waits is discarded, what is leased may finish, and its queue goes in time', async () => {
  const ctx = await open()
  await ctx.bind('t', 's')
  for (let count = 0; count < 3; count++) await ctx.publish('t', { report: 'ends' })
  const [first, second] = await ctx.lease(QUEUE, 2)
  await ctx.commit({ do: 'unbind', topic: 't', name: 's' })
  await ctx.ack(first!.token)
  await ctx.retry(second!.token)
  const { ended, leased, ready } = await ctx.depth(QUEUE)
  deepEqual([ended.acked, ended.discarded, leased, ready], [1, 2, 0, 0])
  equal((await ctx.reports('ends')).length, 2)
  await ctx.advance(3_600_000)
  deepEqual(
    (await ctx.engine.depth('all')).map(({ queue }) => queue),
    ['ends'],
  )
})
