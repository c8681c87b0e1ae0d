/** *bounded*, of what is kept of messages that have died or ended: how many, how long, and which of them go. */
import { deepEqual, equal } from 'node:assert/strict'
import { DEFAULT_QUEUE } from '../../core/settings.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'

const law = 'bounded'
const keep = DEFAULT_QUEUE.keep

const shownAs = async (ctx: Context, state: 'dead' | 'cancelled'): Promise<string[]> =>
  (await ctx.browse('a', state)).map(({ id }) => id)
const cancel = (ctx: Context, id: string | undefined) =>
  ctx.commit({ do: 'cancel', messages: [{ queue: 'a', id: id! }] })
const sendAgain = async (ctx: Context, id: string) => {
  const [result] = await ctx.commit({ do: 'send', queue: 'a', message: ctx.message({ id }) })
  return result
}

export const kept: readonly Case[] = [
  {
    law,
    name: 'the dead letters that go first are those that died first, whenever they were sent',
    async run(ctx) {
      await ctx.configure('a', { keep: { ...keep, deadCount: 2 } })
      const ids = await ctx.sendMany('a', 4)
      for (const { token } of (await ctx.lease('a')).toReversed()) {
        await ctx.bury(token)
        await ctx.advance(1)
      }
      deepEqual(await shownAs(ctx, 'dead'), ids.slice(0, 2))
      equal((await ctx.depth('a')).ended.discarded, 2)
    },
  },
  {
    law,
    name: 'bounds that are lowered are kept by what is there already',
    async run(ctx) {
      const ids = await ctx.sendMany('a', 6)
      for (const { token } of await ctx.lease('a', 3)) {
        await ctx.bury(token)
        await ctx.advance(1)
      }
      for (const id of ids.slice(3)) {
        await cancel(ctx, id)
        await ctx.advance(1)
      }
      await ctx.configure('a', { keep: { ...keep, deadCount: 1, endedCount: 3 } })
      deepEqual([await shownAs(ctx, 'dead'), await shownAs(ctx, 'cancelled')], [[ids[2]], [ids[5]]])
      equal((await ctx.browse('a', 'discarded')).length, 2, 'the two discarded are the newest that have ended')
      await ctx.configure('a', { keep: { ...keep, deadMs: 0, endedMs: 0 } })
      await ctx.advance(1)
      deepEqual([await shownAs(ctx, 'dead'), await shownAs(ctx, 'cancelled')], [[], []])
      const { cancelled, discarded } = (await ctx.depth('a')).ended
      deepEqual([cancelled, discarded], [3, 3])
    },
  },
  {
    law,
    name: 'the id of a message that has ended is taken as long as it is kept, and then free',
    async run(ctx) {
      await ctx.configure('a', { keep: { ...keep, endedMs: 1_000 } })
      const id = await ctx.send('a')
      await cancel(ctx, id)
      deepEqual(await sendAgain(ctx, id), { id, duplicate: true })
      await ctx.advance(999)
      deepEqual(await sendAgain(ctx, id), { id, duplicate: true })
      await ctx.advance(1)
      deepEqual(await sendAgain(ctx, id), { id, duplicate: false })
      await ctx.configure('a', { keep: { ...keep, endedMs: 0 } })
      await cancel(ctx, id)
      deepEqual(await sendAgain(ctx, id), { id, duplicate: false })
      deepEqual(await ctx.leasedIds('a'), [id])
    },
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `a dead letter that grows too old while the engine is away is discarded and reported once by ${how}`,
    needs: how === 'close' ? ['os'] : how === 'kill' ? ['os', how] : ['disk', how],
    async run(ctx) {
      await ctx.configure('a', { keep: { ...keep, deadMs: 1_000 } })
      const id = await ctx.send('a', { report: 'reports' })
      await ctx.bury((await ctx.leaseOne('a')).token)
      await ctx.reopen(how, 999)
      deepEqual(await shownAs(ctx, 'dead'), [id])
      await ctx.reopen(how, 1_000)
      deepEqual(await shownAs(ctx, 'dead'), [])
      await ctx.reopen(how)
      deepEqual(
        (await ctx.reports('reports')).map((report) => [report.id, report.state, report.reason]),
        [[id, 'discarded', 'broken']],
      )
      equal((await ctx.depth('a')).ended.discarded, 1)
    },
  })),
]
