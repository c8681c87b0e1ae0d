/** *clock-safe*: stepping any process's wall clock by an hour fires no lease and no delay wrongly. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'

const law = 'clock-safe'
const HOUR_MS = 3_600_000

/** The same on a clock that is set an hour forward, and on one that is set back. */
const onBoth = (name: string, run: (ctx: Context, step: () => void) => Promise<void>): readonly Case[] =>
  [HOUR_MS, -HOUR_MS].map((ms) => ({
    law,
    name: `${name}, an hour ${ms > 0 ? 'forward' : 'back'}`,
    run: (ctx) => run(ctx, () => ctx.clock.stepWall(ms)),
  }))

export const clockSafe: readonly Case[] = [
  ...onBoth('a lease ends in its own time', async (ctx, step) => {
    await ctx.send('a')
    const { token } = await ctx.leaseOne('a', { leaseMs: 1_000 })
    step()
    deepEqual(await ctx.lease('a'), [])
    await ctx.advance(900)
    deepEqual(await ctx.engine.extend([token], 1_000), ['kept'])
    step()
    await ctx.advance(999)
    deepEqual(await ctx.lease('a'), [])
    await ctx.advance(1)
    equal((await ctx.lease('a')).length, 1)
  }),
  ...onBoth('a delay and a backoff end in their own time', async (ctx, step) => {
    const delayed = await ctx.send('a', { delay: { afterMs: 1_000 } })
    const failed = await ctx.send('b')
    await ctx.retry((await ctx.leaseOne('b')).token, { afterMs: 1_000 })
    step()
    deepEqual([await ctx.lease('a'), await ctx.lease('b')], [[], []])
    await ctx.advance(999)
    deepEqual([await ctx.lease('a'), await ctx.lease('b')], [[], []])
    await ctx.advance(1)
    deepEqual([await ctx.leasedIds('a'), await ctx.leasedIds('b')], [[delayed], [failed]])
  }),
  ...onBoth('an expiry after so long comes in its own time', async (ctx, step) => {
    const id = await ctx.send('a', { expires: { afterMs: 1_000 } })
    step()
    await ctx.advance(999)
    equal(await ctx.stateOf('a', id), 'ready')
    await ctx.advance(1)
    equal(await ctx.stateOf('a', id), 'expired')
  }),
  ...onBoth('a dedupe window ends in its own time', async (ctx, step) => {
    await ctx.configure('a', { dedupeWindowMs: 1_000 })
    const first = await ctx.send('a', { dedupe: 'x' })
    step()
    await ctx.advance(999)
    equal(await ctx.send('a', { dedupe: 'x' }), first)
    await ctx.advance(1)
    ok((await ctx.send('a', { dedupe: 'x' })) !== first)
  }),
  ...onBoth('places stay in their order', async (ctx, step) => {
    const ids = await ctx.sendMany('a', 2)
    step()
    await ctx.advance(1)
    ids.push(await ctx.send('a'))
    step()
    await ctx.advance(1)
    ids.push(await ctx.send('a'))
    deepEqual(await ctx.leasedIds('a'), ids)
  }),
  {
    law,
    name: 'a time on the wall follows the wall',
    async run(ctx) {
      const soon = await ctx.send('a', { delay: { at: ctx.clock.wallMs() + HOUR_MS } })
      const gone = await ctx.send('b', { expires: { at: ctx.clock.wallMs() + HOUR_MS } })
      ctx.clock.stepWall(HOUR_MS)
      const { stored, token } = await ctx.leaseOne('a')
      equal(stored.id, soon)
      await ctx.ack(token)
      equal(await ctx.stateOf('b', gone), 'expired')
      const late = await ctx.send('a', { delay: { at: ctx.clock.wallMs() + 1_000 } })
      ctx.clock.stepWall(-HOUR_MS)
      await ctx.advance(HOUR_MS)
      deepEqual(await ctx.lease('a'), [])
      await ctx.advance(1_000)
      equal(await ctx.stateOf('a', late), 'ready')
    },
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `the engine's time does not go back when the wall did before it opened after ${how}`,
    needs: how === 'close' ? ['os'] : how === 'kill' ? ['os', 'kill'] : ['disk', 'power-cut'],
    async run(ctx) {
      const first = await ctx.send('a', { delay: { afterMs: 1_000 } })
      const sentAt = (await ctx.find('a', first))!.sentAt
      await ctx.send('b')
      const lease = await ctx.leaseOne('b', { leaseMs: 1_000 })
      await ctx.send('c')
      ctx.clock.stepWall(-HOUR_MS)
      await ctx.reopen(how)
      deepEqual(await ctx.lease('a'), [])
      ok((await ctx.find('a', await ctx.send('a')))!.sentAt >= sentAt)
      equal((await ctx.lease('a')).length, 1)
      deepEqual(await ctx.engine.extend([lease.token], 1_000), ['kept'])
      await ctx.advance(1_000)
      equal((await ctx.lease('a')).length, 1, 'the delay ends in its own time')
      equal((await ctx.lease('b')).length, 1, 'and so does the lease')
    },
  })),
]
