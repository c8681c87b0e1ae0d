/** *ended*: every message that ends without a handler is reported, if it asks for it, by the commit or moment that ends it. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Change, Delivery } from '../../core/engine.ts'
import { REPORT_TYPE, type Report } from '../../core/message.ts'
import { DEFAULT_QUEUE } from '../../core/settings.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'

const law = 'ended'
const keep = DEFAULT_QUEUE.keep

/** A message ends in the given way; there is one report, which says how. */
const isReported = (
  name: string,
  state: Report['state'],
  reason: string | null,
  end: (ctx: Context, id: string) => Promise<unknown>,
): Case => ({
  law,
  name,
  async run(ctx) {
    const id = await ctx.send('a', { report: 'reports', notes: { v: '3' }, key: 'k', text: 'secret' })
    await end(ctx, id)
    const stored = await ctx.find('a', id)
    const [report, ...others] = await ctx.reports('reports')
    deepEqual(others, [])
    deepEqual([report?.id, report?.queue, report?.state, report?.reason], [id, 'a', state, reason])
    ok(report && report.endedAt >= report.sentAt)
    deepEqual([report.message.id, report.message.notes, report.message.key], [id, { v: '3' }, 'k'])
    ok(!('body' in report.message) && !JSON.stringify(report).includes('secret'), 'without its body')
    if (stored) deepEqual([stored.state, stored.reason], [state, reason])
    await ctx.advance(3_600_000)
    deepEqual(await ctx.lease('reports'), [], 'told once')
  },
})

/** An outcome that its holder gave: nobody else is told. */
const isNotReported = (name: string, end: (ctx: Context, delivery: Delivery) => Promise<unknown>): Case => ({
  law,
  name,
  async run(ctx) {
    await ctx.send('a', { report: 'reports' })
    await end(ctx, await ctx.leaseOne('a'))
    deepEqual(await ctx.reports('reports'), [])
  },
})

const refOf = (id: string) => ({ queue: 'a', id })
const cancel = (ctx: Context, id: string) => ctx.commit({ do: 'cancel', messages: [refOf(id)] })

export const ended: readonly Case[] = [
  {
    law,
    name: 'a message that expired',
    async run(ctx) {
      const id = await ctx.send('a', { report: 'reports', expires: { afterMs: 1_000 } })
      await ctx.advance(999)
      deepEqual(await ctx.reports('reports'), [])
      await ctx.advance(1)
      deepEqual(
        (await ctx.reports('reports')).map((report) => [report.id, report.state, report.reason]),
        [[id, 'expired', null]],
      )
    },
  },
  isReported('a message cancelled while it waited', 'cancelled', null, cancel),
  isReported('a message discarded while it waited', 'discarded', null, (ctx, id) =>
    ctx.commit({ do: 'discard', messages: [refOf(id)] }),
  ),
  isReported('a message whose lease lapsed too often', 'dead', 'lapsed', async (ctx) => {
    await ctx.configure('a', { maxLapses: 0 })
    await ctx.leaseOne('a', { leaseMs: 1_000 })
    await ctx.advance(1_000)
  }),
  isReported('a message cancelled while it was leased, then retried', 'cancelled', null, async (ctx, id) => {
    const { token } = await ctx.leaseOne('a')
    await cancel(ctx, id)
    await ctx.retry(token, { afterMs: 1_000 })
  }),
  isReported('a message cancelled while it was leased, then given back', 'cancelled', null, async (ctx, id) => {
    const { token } = await ctx.leaseOne('a')
    await cancel(ctx, id)
    await ctx.release(token)
  }),
  isReported('a message cancelled while it was leased, then lapsed', 'cancelled', null, async (ctx, id) => {
    await ctx.leaseOne('a', { leaseMs: 1_000 })
    await cancel(ctx, id)
    await ctx.advance(1_000)
  }),
  isReported('a dead letter that is discarded', 'discarded', 'broken', async (ctx, id) => {
    await ctx.bury((await ctx.leaseOne('a')).token)
    await ctx.commit({ do: 'discard', messages: [refOf(id)] })
  }),
  isReported('a dead letter that is too old', 'discarded', 'broken', async (ctx) => {
    await ctx.configure('a', { keep: { ...keep, deadMs: 1_000 } })
    await ctx.bury((await ctx.leaseOne('a')).token)
    deepEqual(await ctx.lease('reports'), [])
    await ctx.advance(1_000)
  }),
  isReported('a dead letter for which there is no room', 'discarded', 'broken', async (ctx) => {
    await ctx.configure('a', { keep: { ...keep, deadCount: 1 } })
    await ctx.bury((await ctx.leaseOne('a')).token)
    await ctx.advance(1)
    await ctx.send('a')
    await ctx.bury((await ctx.leaseOne('a')).token)
  }),
  isNotReported('a message that was acked', (ctx, { token }) => ctx.ack(token)),
  isNotReported('a message that its holder buried', (ctx, { token }) => ctx.bury(token)),
  isNotReported('a message that its holder dropped', (ctx, { token }) =>
    ctx.commit({ do: 'drop', token, reason: 'not needed' }),
  ),
  isNotReported('a cancelled message that its holder finished all the same', async (ctx, { token, stored }) => {
    await cancel(ctx, stored.id)
    await ctx.ack(token)
    equal((await ctx.depth('a')).ended.acked, 1)
  }),
  {
    law,
    name: 'the holder of a cancelled message is told by extend, and it is never handed out again',
    async run(ctx) {
      const id = await ctx.send('a')
      const { token } = await ctx.leaseOne('a', { leaseMs: 1_000 })
      deepEqual(await cancel(ctx, id), [{ count: 1 }])
      equal((await ctx.find('a', id))?.cancelRequested, true)
      deepEqual(await ctx.engine.extend([token], 1_000), ['cancel'])
      deepEqual(await ctx.lease('a'), [])
      await ctx.advance(1_000)
      deepEqual(await ctx.lease('a'), [])
      equal(await ctx.stateOf('a', id), 'cancelled')
    },
  },
  {
    law,
    name: 'a message that was to be cancelled and was buried runs anew when it is redriven',
    async run(ctx) {
      const id = await ctx.send('a')
      const { token } = await ctx.leaseOne('a')
      await cancel(ctx, id)
      await ctx.bury(token)
      await ctx.commit({ do: 'redrive', messages: [refOf(id)] })
      const again = await ctx.leaseOne('a')
      equal(again.stored.cancelRequested, false)
      deepEqual(await ctx.engine.extend([again.token], 1_000), ['kept'])
      await ctx.retry(again.token)
      equal(await ctx.stateOf('a', id), 'ready')
    },
  },
  {
    law,
    name: 'cancel and discard end what waits, in every way of waiting, and leave alone what has ended',
    async run(ctx) {
      for (const verb of ['cancel', 'discard'] as const) {
        const ids = [
          await ctx.send('a'),
          await ctx.send('a', { delay: { afterMs: 1_000 } }),
          await ctx.send('a', { key: verb }),
          await ctx.send('a', { key: verb }),
        ]
        const change: Change = { do: verb, messages: ids.map(refOf) }
        deepEqual(await ctx.commit(change), [{ count: 4 }])
        deepEqual(await ctx.commit(change), [{ count: 0 }])
        for (const id of ids) equal(await ctx.stateOf('a', id), verb === 'cancel' ? 'cancelled' : 'discarded')
      }
      await ctx.advance(1_000)
      deepEqual(await ctx.lease('a'), [])
      const { cancelled, discarded } = (await ctx.depth('a')).ended
      deepEqual([cancelled, discarded], [4, 4])
    },
  },
  {
    law,
    name: 'a message that is leased is not discarded, a dead one is not cancelled',
    async run(ctx) {
      const [leased, dead] = await ctx.sendMany('a', 2)
      const [, second] = await ctx.lease('a')
      await ctx.bury(second!.token)
      deepEqual(
        await ctx.commit({ do: 'discard', messages: [refOf(leased!)] }, { do: 'cancel', messages: [refOf(dead!)] }),
        [{ count: 0 }, { count: 0 }],
      )
      deepEqual([await ctx.stateOf('a', leased!), await ctx.stateOf('a', dead!)], ['leased', 'dead'])
    },
  },
  {
    law,
    name: 'a report is a message of its own that names its type and is never itself reported on',
    async run(ctx) {
      const id = await ctx.send('a', { report: 'reports' })
      await cancel(ctx, id)
      const { stored, token } = await ctx.leaseOne('reports')
      deepEqual(
        [stored.message.event.type, stored.message.event.datacontenttype, stored.message.report],
        [REPORT_TYPE, 'application/json', undefined],
      )
      ok(stored.id !== id)
      await ctx.release(token)
      await ctx.commit({ do: 'discard', messages: [{ queue: 'reports', id: stored.id }] })
      equal((await ctx.depth('reports')).ended.discarded, 1)
      deepEqual(await ctx.lease('reports'), [])
    },
  },
  {
    law,
    name: 'a report comes also when nobody asks for anything, and also to a full queue',
    async run(ctx) {
      await ctx.configure('reports', { limit: { messages: 1, bytes: null } })
      for (let n = 0; n < 3; n++) await ctx.send('a', { report: 'reports', expires: { afterMs: 1_000 } })
      await ctx.advance(1_000)
      deepEqual(
        (await ctx.reports('reports')).map(({ state }) => state),
        ['expired', 'expired', 'expired'],
      )
    },
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `an ending and its report are there once after ${how}`,
    needs: how === 'close' ? ['os'] : how === 'kill' ? ['os', 'kill'] : ['disk', 'power-cut'],
    async run(ctx) {
      const cancelled = await ctx.send('a', { report: 'reports' })
      const expired = await ctx.send('a', { report: 'reports', expires: { afterMs: 1_000 } })
      await cancel(ctx, cancelled)
      await ctx.reopen(how)
      await ctx.reopen(how, 1_000)
      await ctx.reopen(how)
      const reports = await ctx.reports('reports')
      deepEqual(
        reports.map(({ id, state }) => [id, state]),
        [
          [cancelled, 'cancelled'],
          [expired, 'expired'],
        ],
      )
    },
  })),
]
