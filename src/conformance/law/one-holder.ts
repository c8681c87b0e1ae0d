/** *one-holder*: a message never has two live tokens, and no token is ever used again. */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import type { Case } from '../case.ts'
import type { Leaving } from '../subject.ts'
import { takeAll } from './drain.ts'

const law = 'one-holder'

export const oneHolder: readonly Case[] = [
  {
    law,
    name: 'workers that lease at once get each message once',
    async run(ctx) {
      const ids = await ctx.sendMany('a', 200)
      const batches = await Promise.all(Array.from({ length: 20 }, () => ctx.lease('a', 10)))
      const deliveries = batches.flat()
      deepEqual(deliveries.map(({ stored }) => stored.id).sort(), ids.sort())
      equal(new Set(deliveries.map(({ token }) => token)).size, 200)
    },
  },
  {
    law,
    name: 'a leased message is handed out again when its lease ends, not before, and under another token',
    async run(ctx) {
      await ctx.send('a')
      const first = await ctx.leaseOne('a', { leaseMs: 1_000 })
      await ctx.advance(999)
      deepEqual(await ctx.lease('a'), [])
      await ctx.advance(1)
      const second = await ctx.leaseOne('a')
      equal(second.stored.id, first.stored.id)
      notEqual(second.token, first.token)
      equal((await ctx.refusal({ do: 'ack', token: first.token })).code, 'stale')
      await ctx.ack(second.token)
    },
  },
  {
    law,
    name: 'however many leases lapse at once, each message is handed out once more',
    async run(ctx) {
      const ids = await ctx.sendMany('a', 3_000)
      for (let left = ids.length; left > 0;) left -= (await ctx.lease('a', 1_000, { leaseMs: 1_000 })).length
      await ctx.advance(1_000)
      deepEqual((await takeAll(ctx, 'a')).sort(), ids.sort())
    },
  },
  {
    law,
    name: 'an extended lease lasts from the moment it was extended',
    async run(ctx) {
      await ctx.send('a')
      const { token } = await ctx.leaseOne('a', { leaseMs: 1_000 })
      await ctx.advance(900)
      deepEqual(await ctx.engine.extend([token], 1_000), ['kept'])
      await ctx.advance(999)
      deepEqual(await ctx.lease('a'), [])
      deepEqual(await ctx.engine.extend([token], 500), ['kept'])
      await ctx.advance(500)
      deepEqual(await ctx.engine.extend([token], 1_000), ['stale'])
      equal((await ctx.lease('a')).length, 1)
    },
  },
  {
    law,
    name: 'a lease request that is repeated gives the same deliveries and no further ones',
    async run(ctx) {
      await ctx.sendMany('a', 5)
      const request = {
        id: 'same',
        worker: 'kit',
        holder: 'client',
        leaseMs: 1_000,
        wants: [{ queue: 'a', max: 2 }],
      } as const
      const first = await ctx.engine.lease(request)
      const again = await Promise.all([ctx.engine.lease(request), ctx.engine.lease(request)])
      equal(first.deliveries.length, 2)
      for (const { deliveries } of again)
        deepEqual(
          deliveries.map(({ token }) => token),
          first.deliveries.map(({ token }) => token),
        )
      equal((await ctx.depth('a')).leased, 2)
    },
  },
  {
    law,
    name: 'one request for many queues gives at most so many of each',
    async run(ctx) {
      await ctx.sendMany('a', 5)
      await ctx.sendMany('b', 1)
      const wants = [
        { queue: 'a', max: 2 },
        { queue: 'b', max: 3 },
        { queue: 'unknown', max: 10 },
      ]
      const { deliveries } = await ctx.engine.lease({ id: 'x', worker: 'kit', holder: 'client', leaseMs: 1_000, wants })
      deepEqual(deliveries.map(({ stored }) => stored.queue).sort(), ['a', 'a', 'b'])
    },
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how: Leaving): Case => ({
    law,
    name: `no token is given twice over a restart by ${how}`,
    needs: how === 'close' ? [] : [how],
    async run(ctx) {
      const tokens: string[] = []
      for (let round = 0; round < 6; round++) {
        await ctx.sendMany('a', 3)
        for (const holder of ['client', 'process'] as const) {
          const deliveries = await ctx.lease('a', 2, { holder, leaseMs: 60_000, id: `${round} ${holder}` })
          tokens.push(...deliveries.map(({ token }) => token))
        }
        await ctx.reopen(how)
      }
      ok(tokens.length > 0)
      equal(new Set(tokens).size, tokens.length)
    },
  })),
  {
    law,
    name: 'two processes that lease at once share no message',
    needs: ['second'],
    async run(ctx) {
      const other = await ctx.second()
      const ids = await ctx.sendMany('a', 100)
      const lease = (id: string, engine = ctx.engine) =>
        engine.lease({ id, worker: id, holder: 'client', leaseMs: 60_000, wants: [{ queue: 'a', max: 10 }] })
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, n) => lease(`worker ${n}`, n % 2 === 0 ? ctx.engine : other)),
      )
      deepEqual(results.flatMap(({ deliveries }) => deliveries.map(({ stored }) => stored.id)).sort(), ids.sort())
    },
  },
]
