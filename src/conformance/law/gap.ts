/** *routed*, of what a suspended subscription missed: its gaps say when that was and how much. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { fromJsonBytes } from '../../core/json.ts'
import { DEFAULT_SUBSCRIPTION_QUEUE, type StoredSubscription } from '../../core/settings.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'

const law = 'routed'
const queue = 'topic:t:s'

const limit = (ctx: Context, messages: number) =>
  ctx.configure(queue, { ...DEFAULT_SUBSCRIPTION_QUEUE, limit: { messages, bytes: null } })

async function subscription(ctx: Context): Promise<Pick<StoredSubscription, 'status' | 'gaps'>> {
  const [record] = await ctx.engine.get(['subscription/t/s'])
  ok(record, 'the subscription is a record')
  const { status, gaps } = fromJsonBytes(record.value) as StoredSubscription
  return { status, gaps }
}

/** Publishes after a while; engine time, at which that was. */
async function publishLater(ctx: Context, type = 'wanted'): Promise<number> {
  await ctx.advance(10)
  await ctx.publish('t', { type })
  return (await ctx.find('clock', await ctx.send('clock')))!.sentAt
}

export const gap: readonly Case[] = [
  {
    law,
    name: 'a gap says from when to when it was and how many were missed, of those that the subscription wants',
    needs: ['exact-limits'],
    async run(ctx) {
      await ctx.bind('t', 's', { types: ['wanted'] })
      await limit(ctx, 1)
      await publishLater(ctx)
      await publishLater(ctx, 'other')
      deepEqual(await subscription(ctx), { status: 'live', gaps: [] })
      const from = await publishLater(ctx)
      await publishLater(ctx, 'other')
      const to = await publishLater(ctx)
      deepEqual(await subscription(ctx), { status: 'suspended', gaps: [{ from, to, count: 2 }] })
      await ctx.ack((await ctx.leaseOne(queue)).token)
      await publishLater(ctx)
      const later = await publishLater(ctx)
      deepEqual((await subscription(ctx)).gaps, [
        { from, to, count: 2 },
        { from: later, to: later, count: 1 },
      ])
    },
  },
  {
    law,
    name: 'what a topic forgets as it keeps no more is a gap of those who were still owed it, and what comes then is of that gap',
    needs: ['retained', 'exact-limits'],
    async run(ctx) {
      await ctx.commit({ do: 'retain', topic: 't', retention: { ms: null, count: 100 } })
      await ctx.bind('t', 's')
      await limit(ctx, 1)
      await publishLater(ctx)
      const from = await publishLater(ctx)
      await publishLater(ctx)
      deepEqual(await subscription(ctx), { status: 'suspended', gaps: [] })
      await ctx.commit({ do: 'retain', topic: 't', retention: null })
      const to = await publishLater(ctx)
      deepEqual(await subscription(ctx), { status: 'suspended', gaps: [{ from, to, count: 3 }] })
      await ctx.ack((await ctx.leaseOne(queue)).token)
      deepEqual(await subscription(ctx), { status: 'live', gaps: [{ from, to, count: 3 }] })
      deepEqual(await ctx.lease(queue), [])
    },
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `a gap is there after ${how}, and goes on`,
    needs: [
      'exact-limits',
      ...(how === 'close' ? ['os' as const] : how === 'kill' ? ['os' as const, how] : ['disk' as const, how]),
    ],
    async run(ctx) {
      await ctx.bind('t', 's')
      await limit(ctx, 1)
      await publishLater(ctx)
      const from = await publishLater(ctx)
      await ctx.reopen(how)
      const to = await publishLater(ctx)
      await ctx.reopen(how)
      deepEqual(await subscription(ctx), { status: 'suspended', gaps: [{ from, to, count: 2 }] })
      equal((await ctx.depth(queue)).ready, 1)
    },
  })),
]
