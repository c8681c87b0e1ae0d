/** *conserved*: every message ever confirmed is in exactly one state, counted after every change and every fault. */
import { deepEqual, equal } from 'node:assert/strict'
import { ENDED_STATES, WAITING_STATES, type State } from '../../core/message.ts'
import { DEFAULT_QUEUE } from '../../core/settings.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'

const law = 'conserved'
const keep = { acked: true, endedMs: 3_600_000, endedCount: 1_000, deadMs: null, deadCount: 1_000 }

/** Depth and browse agree, no message is in two states, and all together are as many as were taken in. */
async function countsAre(ctx: Context, queue: string, total: number): Promise<void> {
  const depth = await ctx.depth(queue)
  const living: readonly (keyof typeof depth & State)[] = ['arrived', 'ready', 'held', 'delayed', 'leased', 'dead']
  const counted =
    living.reduce((sum, state) => sum + depth[state], 0) +
    Object.values(depth.ended).reduce((sum, count) => sum + count, 0)
  equal(counted, total, `${queue} counts all of its messages: ${JSON.stringify(depth)}`)
  const seen: string[] = []
  for (const state of [...WAITING_STATES, 'leased', 'dead', ...ENDED_STATES] as const) {
    const shown = await ctx.browse(queue, state)
    const said =
      state in depth.ended ? depth.ended[state as keyof typeof depth.ended] : depth[state as (typeof living)[number]]
    equal(shown.length, said, `${queue} shows as many ${state} messages as it counts`)
    seen.push(...shown.map(({ id }) => id))
  }
  equal(new Set(seen).size, total, 'each message is in one state')
}

/** Something of everything; how many messages queue `a` has taken in. */
async function live(ctx: Context, between: (total: number) => Promise<void>): Promise<void> {
  let total = 0
  const act = async (count: number, action: Promise<unknown>): Promise<void> => {
    await action
    total += count
    await between(total)
  }
  await ctx.configure('a', { keep, maxLapses: 1 })
  await act(12, ctx.sendMany('a', 12))
  await act(6, ctx.sendMany('a', 6, { key: 'k' }))
  await act(2, ctx.sendMany('a', 2, { delay: { afterMs: 5_000 } }))
  await act(2, ctx.sendMany('a', 2, { expires: { afterMs: 4_000 }, delay: { afterMs: 60_000 } }))
  const [acked, retried, released, buried, dropped, ...others] = await ctx.lease('a', 9, { leaseMs: 3_000 })
  await act(0, ctx.ack(acked!.token))
  await act(0, ctx.retry(retried!.token, { afterMs: 1_000 }))
  await act(0, ctx.release(released!.token))
  await act(0, ctx.bury(buried!.token))
  await act(0, ctx.commit({ do: 'drop', token: dropped!.token, reason: 'not needed' }))
  await act(
    0,
    ctx.commit({ do: 'cancel', messages: others.slice(0, 1).map(({ stored }) => ({ queue: 'a', id: stored.id })) }),
  )
  for (let n = 0; n < 8; n++) {
    await ctx.advance(1_000)
    await between(total)
  }
  const waiting = (await ctx.browse('a', 'held')).map(({ id }) => ({ queue: 'a', id }))
  await act(
    0,
    ctx.commit({ do: 'cancel', messages: waiting.slice(0, 1) }, { do: 'discard', messages: waiting.slice(1, 2) }),
  )
  await act(0, ctx.commit({ do: 'redrive', messages: [{ queue: 'a', id: buried!.stored.id }] }))
  await act(
    1,
    ctx.commit({ do: 'send', queue: 'a', message: ctx.message({ id: '00000000-0000-7000-8000-000000000001' }) }),
  )
  await act(
    0,
    ctx.commit({ do: 'send', queue: 'a', message: ctx.message({ id: '00000000-0000-7000-8000-000000000001' }) }),
  )
  await act(0, ctx.configure('a', { keep, paused: true, limit: { messages: 1, bytes: null } }))
  await act(0, ctx.refusal({ do: 'send', queue: 'a', message: ctx.message() }))
}

export const conserved: readonly Case[] = [
  {
    law,
    name: 'messages are neither lost nor doubled by anything that can happen to them',
    run: (ctx) => live(ctx, (total) => countsAre(ctx, 'a', total)),
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `messages are neither lost nor doubled by ${how} after each step`,
    needs: how === 'close' ? ['os'] : how === 'kill' ? ['os', 'kill'] : ['disk', 'power-cut'],
    run: (ctx) =>
      live(ctx, async (total) => {
        await ctx.reopen(how)
        await countsAre(ctx, 'a', total)
      }),
  })),
  {
    law,
    name: 'what an unbound subscription had is discarded, but for what is handed out',
    async run(ctx) {
      await ctx.bind('t', 's')
      for (let n = 0; n < 4; n++) await ctx.publish('t', { report: 'reports' })
      const [buried, held] = await ctx.lease('topic:t:s', 2)
      await ctx.bury(buried!.token)
      await ctx.commit({ do: 'unbind', topic: 't', name: 's' })
      equal((await ctx.reports('reports')).length, 3)
      equal((await ctx.publish('t')).routed, 0)
      await ctx.ack(held!.token)
      deepEqual(await ctx.lease('topic:t:s'), [])
    },
  },
  {
    law,
    name: 'however many an unbound subscription had, each is discarded once',
    async run(ctx) {
      await ctx.bind('t', 's')
      await ctx.publishMany('t', 3_000, { report: 'reports' })
      await ctx.commit({ do: 'unbind', topic: 't', name: 's' })
      await ctx.advance(0)
      equal((await ctx.depth('reports')).ready, 3_000)
      deepEqual(await ctx.lease('topic:t:s'), [])
    },
  },
  {
    law,
    name: 'a message taken over from another engine keeps its state, counts and history, once',
    async run(ctx) {
      await ctx.configure('a', { keep })
      const failures = [{ code: 'flaky', message: 'it failed', at: 5, delayMs: 10 }]
      const base = {
        queue: 'a',
        sentAt: 5,
        readyAt: null,
        leaseUntil: null,
        endedAt: null,
        acquired: 2,
        failed: 1,
        released: 0,
        failures,
        cancelRequested: false,
        reason: null,
      }
      for (const state of ['ready', 'leased', 'dead', 'delayed'] as const) {
        const message = ctx.message()
        const ends =
          state === 'dead'
            ? { endedAt: 6, reason: 'flaky', failed: 2 }
            : state === 'delayed'
              ? { readyAt: ctx.clock.wallMs() + 60_000 }
              : {}
        const stored = { ...base, id: message.id, message, state, ...ends }
        for (let n = 0; n < 2; n++) await ctx.commit({ do: 'restore', message: stored })
        const found = await ctx.find('a', message.id)
        equal(found?.state, state === 'leased' ? 'ready' : state)
        deepEqual(
          [found?.acquired, found?.failed, found?.failures, found?.reason, found?.sentAt],
          [2, stored.failed, failures, stored.reason, 5],
        )
      }
      const { ready, dead, delayed } = await ctx.depth('a')
      deepEqual([ready, dead, delayed], [2, 1, 1])
      equal((await ctx.lease('a')).length, 2)
    },
  },
  {
    law,
    name: 'a queue that nobody uses is removed after its time, and comes back with defaults',
    async run(ctx) {
      await ctx.configure('a', { idleExpiryMs: 1_000 })
      await ctx.send('a')
      await ctx.advance(5_000)
      const { token } = await ctx.leaseOne('a')
      await ctx.ack(token)
      await ctx.advance(999)
      equal((await ctx.engine.depth('all')).length, 1)
      await ctx.advance(1)
      deepEqual(await ctx.engine.depth('all'), [])
      deepEqual(await ctx.engine.get(['queue/a']), [null])
      await ctx.send('a')
      await ctx.advance(5_000)
      equal((await ctx.depth('a')).ready, 1, `settings are ${JSON.stringify(DEFAULT_QUEUE.idleExpiryMs)} again`)
    },
  },
]
