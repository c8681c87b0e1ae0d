/** *not-before*: a message is never handed out before its time. */
import { deepEqual, equal } from 'node:assert/strict'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'
import { takeAll } from './drain.ts'

const law = 'not-before'

/** Nothing comes out until so many ms have passed; then the message does. */
async function comesAfter(ctx: Context, id: string, ms: number): Promise<void> {
  deepEqual(await ctx.lease('a'), [], 'not at once')
  await ctx.advance(ms - 1)
  deepEqual(await ctx.lease('a'), [], 'not a millisecond before')
  await ctx.advance(1)
  deepEqual(await ctx.leasedIds('a'), [id], 'at its time')
}

export const notBefore: readonly Case[] = [
  {
    law,
    name: 'a delayed message',
    run: async (ctx) => comesAfter(ctx, await ctx.send('a', { delay: { afterMs: 60_000 } }), 60_000),
  },
  {
    law,
    name: 'a message for a time on the wall',
    run: async (ctx) => comesAfter(ctx, await ctx.send('a', { delay: { at: ctx.clock.wallMs() + 60_000 } }), 60_000),
  },
  {
    law,
    name: 'a message for a time that has passed comes at once',
    async run(ctx) {
      const ids = [await ctx.send('a', { delay: { afterMs: 0 } }), await ctx.send('a', { delay: { at: 0 } })]
      deepEqual(await ctx.leasedIds('a'), ids)
    },
  },
  {
    law,
    name: 'a message that is retried or given back with a delay',
    async run(ctx) {
      const id = await ctx.send('a')
      await ctx.retry((await ctx.leaseOne('a')).token, { afterMs: 1_000 })
      await comesAfter(ctx, id, 1_000)
      await ctx.advance(30_000)
      await ctx.release((await ctx.leaseOne('a')).token, { afterMs: 2_000 })
      await comesAfter(ctx, id, 2_000)
      await ctx.advance(30_000)
      await ctx.retry((await ctx.leaseOne('a')).token, { at: ctx.clock.wallMs() + 3_000 })
      await comesAfter(ctx, id, 3_000)
    },
  },
  {
    law,
    name: 'a message of a delayed key that is due waits for it no longer than it must',
    async run(ctx) {
      const late = await ctx.send('a', { key: 'k', delay: { afterMs: 2_000 } })
      const early = await ctx.send('a', { key: 'k' })
      const first = await ctx.leaseOne('a')
      equal(first.stored.id, early)
      await ctx.ack(first.token)
      await comesAfter(ctx, late, 2_000)
    },
  },
  {
    law,
    name: 'many delays fall due in the order of their times',
    async run(ctx) {
      const delays = [50, 10, 40, 30, 20, 10]
      const ids: string[] = []
      for (const afterMs of delays) ids.push(await ctx.send('a', { delay: { afterMs } }))
      for (let n = 0; n < 5; n++) {
        await ctx.advance(10)
        const due = ids.filter((_, at) => delays[at] === (n + 1) * 10)
        deepEqual(await ctx.leasedIds('a'), due)
      }
    },
  },
  {
    law,
    name: 'however many fall due at once, all come, in the order of their sends',
    async run(ctx) {
      const ids = await ctx.sendMany('a', 3_000, { delay: { afterMs: 1_000 } })
      await ctx.advance(999)
      deepEqual(await ctx.lease('a'), [])
      await ctx.advance(1)
      deepEqual(await takeAll(ctx, 'a'), ids)
    },
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `a delay goes on over ${how}, and counts the time away`,
    needs: how === 'close' ? ['os'] : how === 'kill' ? ['os', 'kill'] : ['disk', 'power-cut'],
    async run(ctx) {
      const id = await ctx.send('a', { delay: { afterMs: 60_000 } })
      await ctx.advance(10_000)
      await ctx.send('b')
      await ctx.reopen(how, 20_000)
      await comesAfter(ctx, id, 30_000)
    },
  })),
  {
    law,
    name: 'the wait that a lease names is that until the next delay, lapse or nothing',
    async run(ctx) {
      const wait = async () =>
        (
          await ctx.engine.lease({
            id: `wait ${ctx.clock.monotonicMs()} ${Math.floor(n++)}`,
            worker: 'kit',
            holder: 'client',
            leaseMs: 5_000,
            wants: [{ queue: 'a', max: 1 }],
          })
        ).nextReadyInMs
      let n = 0
      equal(await wait(), null, 'an empty queue')
      await ctx.send('a', { delay: { afterMs: 60_000 } })
      equal(await wait(), 60_000)
      await ctx.advance(10_000)
      equal(await wait(), 50_000)
      await ctx.send('other', { delay: { afterMs: 1_000 } })
      equal(await wait(), 50_000, 'another queue does not matter')
      await ctx.send('a')
      equal(await wait(), 5_000, 'the lease that was given may lapse')
    },
  },
]
