/** *not-after*: a message is never handed out at its expiry or later; it ends as expired. */
import { deepEqual, equal } from 'node:assert/strict'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'

const law = 'not-after'

async function isExpired(ctx: Context, id: string): Promise<void> {
  deepEqual(await ctx.lease('a'), [])
  equal(await ctx.stateOf('a', id), 'expired')
  equal((await ctx.depth('a')).ended.expired, 1)
}

export const notAfter: readonly Case[] = [
  {
    law,
    name: 'a message is handed out until the millisecond before its expiry',
    async run(ctx) {
      const id = await ctx.send('a', { expires: { afterMs: 1_000 } })
      await ctx.advance(999)
      deepEqual(await ctx.leasedIds('a'), [id])
    },
  },
  {
    law,
    name: 'a message is not handed out at its expiry, also when nobody has looked since',
    async run(ctx) {
      const id = await ctx.send('a', { expires: { afterMs: 1_000 } })
      await ctx.advance(1_000)
      await isExpired(ctx, id)
    },
  },
  {
    law,
    name: 'a message that expires at a time on the wall',
    async run(ctx) {
      const id = await ctx.send('a', { expires: { at: ctx.clock.wallMs() + 1_000 } })
      await ctx.advance(1_000)
      await isExpired(ctx, id)
    },
  },
  {
    law,
    name: 'a message whose expiry has passed when it is sent',
    async run(ctx) {
      await isExpired(ctx, await ctx.send('a', { expires: { at: ctx.clock.wallMs() - 1 } }))
    },
  },
  {
    law,
    name: 'a delayed message whose expiry comes first, or together',
    async run(ctx) {
      const first = await ctx.send('a', { delay: { afterMs: 2_000 }, expires: { afterMs: 1_000 } })
      await ctx.advance(1_000)
      await isExpired(ctx, first)
      await ctx.advance(1_000)
      await isExpired(ctx, first)
      const together = await ctx.send('a', { delay: { afterMs: 1_000 }, expires: { afterMs: 1_000 } })
      await ctx.advance(1_000)
      deepEqual(await ctx.lease('a'), [])
      equal(await ctx.stateOf('a', together), 'expired')
    },
  },
  {
    law,
    name: 'a message held behind its key expires in its place',
    async run(ctx) {
      const first = await ctx.send('a', { key: 'k' })
      const second = await ctx.send('a', { key: 'k', expires: { afterMs: 1_000 } })
      const third = await ctx.send('a', { key: 'k' })
      const { token, stored } = await ctx.leaseOne('a')
      equal(stored.id, first)
      await ctx.advance(1_000)
      equal(await ctx.stateOf('a', second), 'expired')
      await ctx.ack(token)
      deepEqual(await ctx.leasedIds('a'), [third])
    },
  },
  {
    law,
    name: 'however many expire at once, none of them is handed out',
    async run(ctx) {
      await ctx.sendMany('a', 3_000, { expires: { at: ctx.clock.wallMs() + 1_000 } })
      const stays = await ctx.send('a')
      ctx.clock.stepWall(1_000)
      deepEqual(await ctx.leasedIds('a'), [stays])
    },
  },
  {
    law,
    name: 'who holds it at its expiry may finish',
    async run(ctx) {
      await ctx.send('a', { expires: { afterMs: 1_000 } })
      const { token } = await ctx.leaseOne('a', { leaseMs: 5_000 })
      await ctx.advance(2_000)
      deepEqual(await ctx.engine.extend([token], 5_000), ['kept'])
      await ctx.ack(token)
      equal((await ctx.depth('a')).ended.acked, 1)
    },
  },
  {
    law,
    name: 'a message given back, retried or lapsed after its expiry ends as expired',
    async run(ctx) {
      const ids = await ctx.sendMany('a', 3, { expires: { afterMs: 1_000 }, report: 'reports' })
      const [retried, released] = await ctx.lease('a', 3, { leaseMs: 5_000 })
      await ctx.advance(1_000)
      await ctx.retry(retried!.token)
      await ctx.release(released!.token, { afterMs: 1_000 })
      await ctx.advance(4_000)
      deepEqual(await ctx.lease('a'), [])
      for (const id of ids) equal(await ctx.stateOf('a', id), 'expired')
      const reports = await ctx.reports('reports')
      deepEqual(reports.map(({ id, state }) => [id, state]).sort(), ids.map((id) => [id, 'expired']).sort())
      equal((await ctx.depth('a')).ended.expired, 3)
    },
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `a message that expires while the engine is away by ${how}`,
    needs: how === 'close' ? ['os'] : how === 'kill' ? ['os', 'kill'] : ['disk', 'power-cut'],
    async run(ctx) {
      const id = await ctx.send('a', { expires: { afterMs: 1_000 } })
      await ctx.reopen(how, 1_000)
      await isExpired(ctx, id)
    },
  })),
]
