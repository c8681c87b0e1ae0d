/**
 * *routed*, of what cannot be routed at once: a subscription over its limit is suspended by the same commit and its gap
 * recorded; on a topic that keeps events it catches up from there, as one does that begins in the past.
 */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { fromJsonBytes } from '../../core/json.ts'
import { EVENTS_TOPIC } from '../../core/name.ts'
import { DEFAULT_SUBSCRIPTION_QUEUE, type StoredSubscription } from '../../core/settings.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'
import { drain } from './drain.ts'

const law = 'routed'
const queue = 'topic:t:s'

const limit = (ctx: Context, messages: number) =>
  ctx.configure(queue, { ...DEFAULT_SUBSCRIPTION_QUEUE, limit: { messages, bytes: null } })
const retain = (ctx: Context, count = 1_000) => ctx.commit({ do: 'retain', topic: 't', retention: { ms: null, count } })

/** So many, of which the last may have to be fed yet. */
async function takeWhenFed(ctx: Context, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let round = 0; round < 10_000 && ids.length < count; round++) {
    const some = await ctx.leasedIds(queue, 1_000)
    ids.push(...some)
    if (some.length === 0) await ctx.advance(1)
  }
  return ids
}

async function subscription(ctx: Context): Promise<StoredSubscription> {
  const [record] = await ctx.engine.get(['subscription/t/s'])
  ok(record, 'the subscription is a record')
  return fromJsonBytes(record.value) as StoredSubscription
}

async function publishMany(ctx: Context, count: number): Promise<string[]> {
  const ids: string[] = []
  for (let n = 0; n < count; n++) ids.push((await ctx.publish('t', { text: `${n}` })).id)
  return ids
}

export const routedLater: readonly Case[] = [
  {
    law,
    name: 'a subscription over its limit is suspended, its gap counted, and no publisher or other subscription hindered',
    needs: ['exact-limits'],
    async run(ctx) {
      await ctx.bind('t', 's')
      await ctx.bind('t', 'other')
      await ctx.bind(EVENTS_TOPIC, 'watcher')
      await limit(ctx, 4)
      for (let n = 0; n < 4; n++) equal((await ctx.publish('t')).routed, 2)
      equal((await subscription(ctx)).status, 'live')
      await ctx.advance(10)
      for (let n = 0; n < 3; n++) equal((await ctx.publish('t')).routed, 1)
      const { status, gaps } = await subscription(ctx)
      equal(status, 'suspended')
      deepEqual(
        gaps.map(({ count }) => count),
        [3],
      )
      equal((await ctx.depth('topic:t:other')).ready, 7)
      const { stored } = await ctx.leaseOne(`topic:${EVENTS_TOPIC}:watcher`)
      equal(stored.message.event.type, 'posthorn.subscription.suspended')
    },
  },
  {
    law,
    name: 'a suspended subscription is live again below half its limit, and misses nothing from then on',
    needs: ['exact-limits'],
    async run(ctx) {
      await ctx.bind('t', 's')
      await ctx.bind(EVENTS_TOPIC, 'watcher')
      await limit(ctx, 4)
      await publishMany(ctx, 6)
      const deliveries = await ctx.lease(queue)
      for (const { token } of deliveries.slice(0, 2)) await ctx.ack(token)
      equal((await subscription(ctx)).status, 'suspended')
      await ctx.ack(deliveries[2]!.token)
      equal((await subscription(ctx)).status, 'live')
      equal((await ctx.publish('t')).routed, 1)
      await publishMany(ctx, 4)
      const { status, gaps } = await subscription(ctx)
      deepEqual([status, gaps.map(({ count }) => count)], ['suspended', [2, 2]])
      ok(gaps.every(({ from, to }) => from <= to))
      const types = (await ctx.lease(`topic:${EVENTS_TOPIC}:watcher`)).map(({ stored }) => stored.message.event.type)
      deepEqual(
        types,
        ['suspended', 'resumed', 'suspended'].map((each) => `posthorn.subscription.${each}`),
      )
    },
  },
  {
    law,
    name: 'a subscription from the beginning of a kept topic gets all of it in order, then what comes',
    needs: ['retained'],
    async run(ctx) {
      await retain(ctx)
      const before = await publishMany(ctx, 40)
      await ctx.bind('t', 's', { from: 'beginning', order: 'strict' })
      const after = await publishMany(ctx, 10)
      deepEqual(await drain(ctx, queue), [...before, ...after])
      equal((await subscription(ctx)).status, 'live')
    },
  },
  {
    law,
    name: 'however much a subscription begins with, it gets all of it in order, then what comes',
    needs: ['retained'],
    async run(ctx) {
      await retain(ctx, 10_000)
      const ids = await ctx.publishMany('t', 2_500)
      await ctx.bind('t', 's', { from: 'beginning', order: 'none' })
      ids.push(...(await publishMany(ctx, 10)))
      deepEqual(await takeWhenFed(ctx, ids.length), ids)
      equal((await subscription(ctx)).status, 'live')
    },
  },
  {
    law,
    name: 'a subscription can begin at a time or behind a position, and only where events are kept',
    needs: ['retained'],
    async run(ctx) {
      equal(
        (
          await ctx.refusal({
            do: 'bind',
            subscription: { topic: 't', name: 's', types: [], filters: [], from: 'beginning', order: 'none' },
          })
        ).code,
        'unsupported',
      )
      await retain(ctx)
      await publishMany(ctx, 3)
      await ctx.advance(1_000)
      const at = (await ctx.find('clock', await ctx.send('clock')))!.sentAt
      const later = await publishMany(ctx, 3)
      await ctx.bind('t', 's', { from: { at } })
      const { items } = await ctx.engine.read({ topic: 't', from: 'beginning', limit: 100 })
      await ctx.bind('t', 'behind', { from: { position: items[3]!.position } })
      await ctx.bind('t', 'now')
      deepEqual(
        [await drain(ctx, queue), await drain(ctx, 'topic:t:behind'), await drain(ctx, 'topic:t:now')],
        [later, later.slice(1), []],
      )
    },
  },
  {
    law,
    name: 'a suspended subscription of a kept topic catches up: all of it, in order, none twice, while publishers go on',
    needs: ['retained', 'exact-limits'],
    async run(ctx) {
      await retain(ctx)
      await ctx.bind('t', 's', { order: 'strict' })
      await limit(ctx, 4)
      const ids = await publishMany(ctx, 30)
      equal((await subscription(ctx)).status, 'suspended')
      const got: string[] = []
      for (let round = 0; round < 200 && got.length < ids.length; round++) {
        const [delivery] = await ctx.lease(queue, 1)
        if (delivery) got.push((await ctx.ack(delivery.token), delivery.stored.id))
        else await ctx.advance(10)
        if (round < 40 && round % 2 === 0) ids.push((await ctx.publish('t')).id)
      }
      deepEqual(got, ids)
      deepEqual(await drain(ctx, queue), [])
      const { status, gaps } = await subscription(ctx)
      deepEqual([status, gaps], ['live', []])
    },
  },
  {
    law,
    name: 'what a suspended subscription was owed and its topic keeps no longer is a gap',
    needs: ['retained', 'exact-limits'],
    async run(ctx) {
      for (const retention of [
        { ms: 1_000, count: 100 },
        { ms: null, count: 2 },
      ]) {
        await ctx.commit({ do: 'retain', topic: 't', retention })
        await ctx.bind('t', 's')
        await limit(ctx, 2)
        await publishMany(ctx, 4)
        await ctx.advance(1_000)
        const late = await publishMany(ctx, 2)
        const got = await drain(ctx, queue)
        equal((await subscription(ctx)).status, 'live')
        deepEqual(got.slice(2), late)
        deepEqual(
          (await subscription(ctx)).gaps.map(({ count }) => count),
          [2],
        )
        await ctx.commit({ do: 'unbind', topic: 't', name: 's' })
      }
    },
  },
  {
    law,
    name: 'who is bound again from the beginning gets all that is kept, also what was discarded when it was unbound',
    needs: ['retained'],
    async run(ctx) {
      await retain(ctx, 10_000)
      const sent = await ctx.publishMany('t', 1_500)
      const bound = { topic: 't', name: 's', types: [], filters: [], from: 'beginning', order: 'none' } as const
      await ctx.commit({ do: 'bind', subscription: bound })
      // Before more than a part of it can have been discarded.
      await ctx.commit({ do: 'unbind', topic: 't', name: 's' }, { do: 'bind', subscription: bound })
      deepEqual(await takeWhenFed(ctx, sent.length), sent)
    },
  },
  {
    law,
    name: 'a topic that keeps no more forgets what it had',
    needs: ['retained'],
    async run(ctx) {
      await retain(ctx)
      await publishMany(ctx, 3)
      await ctx.commit({ do: 'retain', topic: 't', retention: null })
      await ctx.engine.read({ topic: 't', from: 'beginning', limit: 10 }).then(
        () => ok(false, 'reading is unsupported'),
        (error: { readonly code?: string }) => equal(error.code, 'unsupported'),
      )
      await retain(ctx)
      deepEqual((await ctx.engine.read({ topic: 't', from: 'beginning', limit: 10 })).items, [])
    },
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `suspension and catching up go on over ${how}`,
    needs: [
      'retained',
      'exact-limits',
      ...(how === 'close'
        ? (['os'] as const)
        : how === 'kill'
          ? (['os', 'kill'] as const)
          : (['disk', 'power-cut'] as const)),
    ],
    async run(ctx) {
      await retain(ctx)
      await ctx.bind('t', 's', { order: 'strict' })
      await limit(ctx, 4)
      const ids = await publishMany(ctx, 12)
      const got: string[] = []
      for (let round = 0; round < 100 && got.length < ids.length; round++) {
        await ctx.reopen(how)
        const [delivery] = await ctx.lease(queue, 1)
        if (delivery) got.push((await ctx.ack(delivery.token), delivery.stored.id))
      }
      deepEqual(got, ids)
    },
  })),
]
