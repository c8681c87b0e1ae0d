/** *no-starvation*: the bound that the policy states holds while a competitor floods. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Case } from '../case.ts'

const law = 'no-starvation'

export const noStarvation: readonly Case[] = [
  {
    law,
    name: 'fifo hands out by place, whatever the priority',
    needs: ['fifo'],
    async run(ctx) {
      await ctx.configure('a', { pick: { by: 'fifo' } })
      const ids: string[] = []
      for (const priority of [0, 9, 4, 9, 0]) ids.push(await ctx.send('a', { priority }))
      deepEqual(await ctx.leasedIds('a'), ids)
    },
  },
  {
    law,
    name: 'priority hands out the highest first, and by place among equals',
    needs: ['priority'],
    async run(ctx) {
      const ids: string[] = []
      for (const priority of [0, 9, 4, 9, 4]) {
        ids.push(await ctx.send('a', { priority }))
        await ctx.advance(1)
      }
      deepEqual(
        await ctx.leasedIds('a'),
        [1, 3, 2, 4, 0].map((at) => ids[at]),
      )
    },
  },
  {
    law,
    name: 'a message that is ready again gets its place by when that was',
    async run(ctx) {
      const first = await ctx.send('a')
      const { token } = await ctx.leaseOne('a')
      await ctx.advance(1)
      const second = await ctx.send('a')
      await ctx.advance(1)
      await ctx.release(token)
      deepEqual(await ctx.leasedIds('a'), [second, first])
    },
  },
  {
    law,
    name: 'with aging, a priority is worth so much waiting and no more',
    needs: ['priority'],
    async run(ctx) {
      await ctx.configure('a', { pick: { by: 'priority', agingMs: 100 } })
      const low = await ctx.send('a', { priority: 0 })
      await ctx.advance(399)
      const sooner = await ctx.send('a', { priority: 4 })
      await ctx.advance(2)
      const later = await ctx.send('a', { priority: 4 })
      deepEqual(await ctx.leasedIds('a'), [sooner, low, later])
    },
  },
  {
    law,
    name: 'with aging, a message waits for those ahead of it by place and priority when it came, and for those in flight',
    needs: ['priority'],
    async run(ctx) {
      const agingMs = 20
      await ctx.configure('a', { pick: { by: 'priority', agingMs } })
      for (let n = 0; n < 20; n++) await ctx.send('a', { priority: n % 10 })
      const low = await ctx.send('a', { priority: 0 })
      const came = (await ctx.find('a', low))!.readyAt!
      const ahead = (await ctx.browse('a', 'ready')).filter(
        ({ id, readyAt, message }) => id !== low && readyAt! - message.priority * agingMs <= came,
      ).length
      const flood = 9 * agingMs
      let handedOut = 0
      for (let ms = 0; ; ms++) {
        await ctx.send('a', { priority: 9 })
        const { token, stored } = await ctx.leaseOne('a')
        await ctx.ack(token)
        if (stored.id === low) break
        handedOut++
        ok(
          handedOut <= ahead + flood,
          `${handedOut} were handed out before it, ${ahead} were ahead and ${flood} could overtake`,
        )
        await ctx.advance(1)
      }
    },
  },
  {
    law,
    name: 'messages that must wait do not keep back those that need not',
    async run(ctx) {
      await ctx.sendMany('a', 300, { key: 'hot' })
      await ctx.sendMany('a', 100, { delay: { afterMs: 60_000 } })
      const free = await ctx.send('a', { priority: 0 })
      const ids = await ctx.leasedIds('a', 2)
      equal(ids.length, 2)
      ok(ids.includes(free))
    },
  },
  {
    law,
    name: 'a queue that is flooded, full or paused does not keep back another in the same request',
    async run(ctx) {
      await ctx.sendMany('flooded', 200)
      await ctx.configure('paused', { paused: true })
      await ctx.send('paused')
      const id = await ctx.send('small')
      const wants = ['flooded', 'paused', 'small'].map((queue) => ({ queue, max: 5 }))
      const { deliveries } = await ctx.engine.lease({
        id: 'all',
        worker: 'kit',
        holder: 'client',
        leaseMs: 1_000,
        wants,
      })
      equal(deliveries.length, 6)
      ok(deliveries.some(({ stored }) => stored.id === id))
    },
  },
]
