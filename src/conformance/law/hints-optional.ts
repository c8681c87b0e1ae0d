/**
 * *hints-optional*: everything works with all wake-up hints dropped. The kit shows it by running every case without them;
 * the cases here are of workers that sleep exactly as long as they are told.
 */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Delivery, Hint, RoomFor } from '../../core/engine.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'

const law = 'hints-optional'

/** A worker that hears nothing: it leases, handles, and sleeps until it is told that time alone may bring more. */
async function workDeaf(ctx: Context, handle: (id: string, token: string) => Promise<unknown>): Promise<void> {
  for (let round = 0; round < 500; round++) {
    const wants = [{ queue: 'a', max: 2 }]
    const { deliveries, nextReadyInMs } = await ctx.engine.lease({
      id: `deaf ${round}`,
      worker: 'deaf',
      holder: 'client',
      leaseMs: 1_000,
      wants,
    })
    for (const { stored, token } of deliveries) await handle(stored.id, token)
    if (deliveries.length > 0) continue
    if (nextReadyInMs === null) return
    await ctx.advance(Math.max(nextReadyInMs, 1))
  }
  ok(false, 'the worker comes to an end')
}

export const hintsOptional: readonly Case[] = [
  {
    law,
    name: 'a worker that only sleeps as long as it is told handles every delay, retry and lapse',
    async run(ctx) {
      const ids = [
        ...(await ctx.sendMany('a', 3)),
        await ctx.send('a', { delay: { afterMs: 10_000 } }),
        await ctx.send('a', { delay: { afterMs: 700 } }),
      ]
      for (const key of ['k', 'k', 'k']) ids.push(await ctx.send('a', { key }))
      const seen = new Map<string, number>()
      await workDeaf(ctx, async (id, token) => {
        const times = (seen.get(id) ?? 0) + 1
        seen.set(id, times)
        const place = ids.indexOf(id)
        if (times === 1 && place % 3 === 0) return ctx.retry(token, { afterMs: 300 })
        if (times === 1 && place % 3 === 1) return null
        return ctx.ack(token)
      })
      equal((await ctx.depth('a')).ended.acked, ids.length)
    },
  },
  {
    law,
    name: 'the holder of a cancelled message learns of it without a hint',
    async run(ctx) {
      const id = await ctx.send('a')
      const { token } = await ctx.leaseOne('a')
      await ctx.commit({ do: 'cancel', messages: [{ queue: 'a', id }] })
      deepEqual(await ctx.engine.extend([token], 1_000), ['cancel'])
    },
  },
  {
    law,
    name: 'a watcher may come, go, be told twice and throw nobody off',
    async run(ctx) {
      const hints: Hint[] = []
      const interest = { queues: ['a'], keys: ['k'], topics: ['t'] }
      const watches = [
        ctx.engine.watch(interest, (hint) => hints.push(hint)),
        ctx.engine.watch(interest, (hint) => hints.push(hint)),
      ]
      await ctx.send('a')
      await ctx.commit({ do: 'put', key: 'k', value: new Uint8Array(0) })
      await ctx.publish('t')
      for (const watch of watches) {
        watch[Symbol.dispose]()
        watch[Symbol.dispose]()
      }
      const heard = hints.length
      await ctx.send('a')
      await ctx.turn()
      equal(hints.length, heard, 'a watch that has ended is told nothing')
      for (const hint of hints) ok('queue' in hint || 'key' in hint || 'topic' in hint || 'cancel' in hint)
      equal((await ctx.lease('a')).length, 2)
    },
  },
  {
    law,
    name: 'whether or not an engine hands out unasked to a watcher with room, each message has one holder',
    async run(ctx) {
      const given: Delivery[] = []
      let free = 3
      const roomFor: RoomFor = (_, most) => {
        const count = Math.min(free, most)
        if (count === 0) return null
        free -= count
        return { count, leaseMs: 60_000, holder: 'process', filled: (deliveries) => void given.push(...deliveries) }
      }
      const watch = ctx.engine.watch({ queues: ['a'] }, () => {}, roomFor)
      const ids = [...(await ctx.sendMany('a', 2)), await ctx.send('a'), await ctx.send('a', { key: 'k' })]
      ids.push(await ctx.send('a', { key: 'k' }))
      // Content may have to be read.
      for (let turns = 0; turns < 5; turns++) await ctx.turn()
      const held = [...given, ...(await ctx.lease('a'))]
      deepEqual(
        held.map(({ stored }) => stored.id),
        ids.slice(0, 4),
      )
      for (const { stored } of held) deepEqual([stored.state, stored.acquired], ['leased', 1])
      for (const { token } of held) await ctx.ack(token)
      await ctx.turn()
      watch[Symbol.dispose]()
      for (const { token } of [...given.slice(3), ...(await ctx.lease('a'))]) await ctx.ack(token)
      equal((await ctx.depth('a')).ended.acked, 5)
      equal(given.length <= 3, true)
    },
  },
]
