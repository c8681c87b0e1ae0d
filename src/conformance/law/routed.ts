/** *routed*: after subscribing has resolved, every later publish reaches it; a publish reaches all matching subscriptions or none. */
import { deepEqual, equal } from 'node:assert/strict'
import { DEFAULT_SUBSCRIPTION_QUEUE } from '../../core/settings.ts'
import type { Case } from '../case.ts'
import { drain } from './drain.ts'

const law = 'routed'
const queue = 'topic:t:s'

export const routed: readonly Case[] = [
  {
    law,
    name: 'a publish reaches every subscription of its topic whose types and filters match, and says how many',
    async run(ctx) {
      await ctx.bind('t', 'all')
      await ctx.bind('t', 'created', { types: ['order.created'] })
      await ctx.bind('t', 'orders', { types: ['order.*'] })
      await ctx.bind('t', 'deep', { types: ['order.**', 'x'] })
      await ctx.bind('t', 'filtered', {
        filters: [{ prefix: { type: 'order.' } }, { not: { suffix: { type: 'paid' } } }],
      })
      await ctx.bind('u', 'other')
      const routes = async (type: string) => (await ctx.publish('t', { type })).routed
      deepEqual(
        [
          await routes('order.created'),
          await routes('order.paid'),
          await routes('order.paid.late'),
          await routes('order'),
          await routes('x'),
        ],
        [5, 3, 3, 2, 2],
      )
      const count = async (name: string) => (await ctx.depth(`topic:t:${name}`)).ready
      deepEqual(await Promise.all(['all', 'created', 'orders', 'deep', 'filtered'].map(count)), [5, 1, 2, 5, 2])
      equal((await ctx.depth('topic:u:other')).ready, 0)
    },
  },
  {
    law,
    name: 'a subscription may have colons in its name: it has the order that it was bound with, and goes on after it was suspended',
    async run(ctx) {
      const name = 'app:one:hook'
      const subscribed = `topic:t:${name}`
      await ctx.bind('t', name, { order: 'none' })
      await ctx.publish('t', { key: 'same' })
      await ctx.publish('t', { key: 'same' })
      const leased = await ctx.lease(subscribed)
      equal(leased.length, 2)
      await ctx.configure(subscribed, { ...DEFAULT_SUBSCRIPTION_QUEUE, limit: { messages: 2, bytes: null } })
      await ctx.publish('t')
      for (const { token } of leased) await ctx.ack(token)
      equal((await ctx.publish('t')).routed, 1)
    },
  },
  {
    law,
    name: 'a publish that reaches nobody is taken',
    async run(ctx) {
      deepEqual((await ctx.publish('nobody')).routed, 0)
    },
  },
  {
    law,
    name: 'a publish reaches what was bound before it in the same commit, and not what is bound after it',
    async run(ctx) {
      const bind = (name: string) =>
        ({
          do: 'bind',
          subscription: { topic: 't', name, types: [], filters: [], from: 'now', order: 'none' },
        }) as const
      const message = ctx.message()
      const results = await ctx.commit(bind('before'), { do: 'publish', topic: 't', message }, bind('after'))
      deepEqual(results[1], { id: message.id, duplicate: false, routed: 1 })
      deepEqual([await ctx.leasedIds('topic:t:before'), await ctx.leasedIds('topic:t:after')], [[message.id], []])
    },
  },
  {
    law,
    name: 'of a publish that is refused nothing reaches anybody',
    async run(ctx) {
      await ctx.bind('t', 's')
      await ctx.bind('t', 's2')
      await ctx.refusal({ do: 'publish', topic: 't', message: ctx.message() }, { do: 'ack', token: 'none' })
      deepEqual([await ctx.lease(queue), await ctx.lease('topic:t:s2')], [[], []])
    },
  },
  {
    law,
    name: 'a subscription that is bound again goes on where it was, with what it now wants',
    async run(ctx) {
      await ctx.bind('t', 's', { types: ['a'] })
      const first = await ctx.publish('t', { type: 'a' })
      await ctx.bind('t', 's', { types: ['b'] })
      equal((await ctx.publish('t', { type: 'a' })).routed, 0)
      const second = await ctx.publish('t', { type: 'b' })
      deepEqual(await drain(ctx, queue), [first.id, second.id])
    },
  },
  {
    law,
    name: 'order strict is one at a time over all, key is one at a time per key, none ignores keys',
    async run(ctx) {
      for (const order of ['none', 'key', 'strict'] as const) await ctx.bind('t', order, { order })
      const ids: string[] = []
      for (const key of ['k', 'k', 'l', undefined])
        ids.push((await ctx.publish('t', key === undefined ? {} : { key })).id)
      const [k1, , l1, plain] = ids
      deepEqual(await ctx.leasedIds('topic:t:none'), ids)
      deepEqual(await ctx.leasedIds('topic:t:key'), [k1, l1, plain])
      for (const id of ids) {
        const { stored, token } = await ctx.leaseOne('topic:t:strict')
        equal(stored.id, id)
        deepEqual(await ctx.lease('topic:t:strict'), [])
        await ctx.retry(token, { afterMs: 1_000 })
        deepEqual(await ctx.lease('topic:t:strict'), [], 'a retry holds back all')
        await ctx.advance(1_000)
        await ctx.ack((await ctx.leaseOne('topic:t:strict')).token)
      }
    },
  },
  {
    law,
    name: 'an unbound subscription gets nothing more, and begins anew when it is bound again',
    async run(ctx) {
      await ctx.bind('t', 's')
      await ctx.commit({ do: 'unbind', topic: 't', name: 's' })
      equal((await ctx.publish('t')).routed, 0)
      await ctx.commit({ do: 'unbind', topic: 't', name: 'never-bound' })
      await ctx.bind('t', 's')
      const { id } = await ctx.publish('t')
      deepEqual(await drain(ctx, queue), [id])
    },
  },
]
