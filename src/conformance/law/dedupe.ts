/**
 * *dedupe*: per queue (publish: per topic), window from the first send, restarts included; a second send changes nothing and
 * returns the first id, also when the queue is full. Without a dedupe text an id is unique while its message is there.
 */
import { deepEqual, equal } from 'node:assert/strict'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'

const law = 'dedupe'
const WINDOW_MS = 10_000

/** Sends with the dedupe text; the id that is answered and whether it is another's. */
async function send(
  ctx: Context,
  dedupe: string,
  queue = 'a',
): Promise<{ readonly id: string; readonly duplicate: boolean; readonly own: string }> {
  const message = ctx.message({ dedupe })
  const [result] = await ctx.commit({ do: 'send', queue, message })
  return { ...(result as { id: string; duplicate: boolean }), own: message.id }
}

async function isDuplicate(ctx: Context, dedupe: string, of: string): Promise<void> {
  const { id, duplicate } = await send(ctx, dedupe)
  deepEqual({ id, duplicate }, { id: of, duplicate: true })
}

async function isNew(ctx: Context, dedupe: string, queue = 'a'): Promise<string> {
  const { id, duplicate, own } = await send(ctx, dedupe, queue)
  deepEqual({ id, duplicate }, { id: own, duplicate: false })
  return id
}

export const dedupe: readonly Case[] = [
  {
    law,
    name: 'a second send changes nothing and returns the first id',
    async run(ctx) {
      const first = await isNew(ctx, 'x')
      await isDuplicate(ctx, 'x', first)
      await isNew(ctx, 'y')
      await isNew(ctx, 'x', 'b')
      equal((await ctx.depth('a')).ready, 2)
    },
  },
  {
    law,
    name: 'the window is counted from the first send, and a duplicate does not lengthen it',
    async run(ctx) {
      await ctx.configure('a', { dedupeWindowMs: WINDOW_MS })
      const first = await isNew(ctx, 'x')
      await ctx.advance(WINDOW_MS / 2)
      await isDuplicate(ctx, 'x', first)
      await ctx.advance(WINDOW_MS / 2 - 1)
      await isDuplicate(ctx, 'x', first)
      await ctx.advance(1)
      const second = await isNew(ctx, 'x')
      await ctx.advance(WINDOW_MS - 1)
      await isDuplicate(ctx, 'x', second)
    },
  },
  {
    law,
    name: 'a message that has ended still has its duplicates',
    async run(ctx) {
      const first = await isNew(ctx, 'x')
      await ctx.ack((await ctx.leaseOne('a')).token)
      await isDuplicate(ctx, 'x', first)
      deepEqual(await ctx.lease('a'), [])
    },
  },
  {
    law,
    name: 'a duplicate is answered as one also when the queue is full',
    async run(ctx) {
      await ctx.configure('a', { limit: { messages: 1, bytes: null } })
      const first = await isNew(ctx, 'x')
      equal((await ctx.refusal({ do: 'send', queue: 'a', message: ctx.message() })).code, 'full')
      await isDuplicate(ctx, 'x', first)
      const [again] = await ctx.commit({ do: 'send', queue: 'a', message: ctx.message({ id: first }) })
      deepEqual(again, { id: first, duplicate: true })
    },
  },
  {
    law,
    name: 'what was sent and cancelled in the same commit has its duplicates, also when the queue is full',
    async run(ctx) {
      await ctx.configure('a', { limit: { messages: 1, bytes: null } })
      const message = ctx.message()
      const send = { do: 'send', queue: 'a', message } as const
      const cancel = { do: 'cancel', messages: [{ queue: 'a', id: message.id }] } as const
      const results = await ctx.commit(send, cancel, { do: 'send', queue: 'a', message: ctx.message() }, cancel, send)
      deepEqual(results.at(-1), { id: message.id, duplicate: true })
      equal((await ctx.depth('a')).ready, 1)
    },
  },
  {
    law,
    name: 'a send that was refused leaves no entry',
    async run(ctx) {
      await ctx.configure('a', { limit: { messages: 0, bytes: null } })
      equal((await ctx.refusal({ do: 'send', queue: 'a', message: ctx.message({ dedupe: 'x' }) })).code, 'full')
      await ctx.configure('a')
      await isNew(ctx, 'x')
    },
  },
  {
    law,
    name: 'two sends in one commit, and many at once, are one',
    async run(ctx) {
      const [first, second] = [ctx.message({ dedupe: 'x' }), ctx.message({ dedupe: 'x' })]
      deepEqual(
        await ctx.commit({ do: 'send', queue: 'a', message: first }, { do: 'send', queue: 'a', message: second }),
        [
          { id: first.id, duplicate: false },
          { id: first.id, duplicate: true },
        ],
      )
      const sends = await Promise.all(Array.from({ length: 10 }, () => send(ctx, 'y')))
      equal(sends.filter(({ duplicate }) => !duplicate).length, 1)
      equal(new Set(sends.map(({ id }) => id)).size, 1)
      equal((await ctx.depth('a')).ready, 2)
    },
  },
  {
    law,
    name: 'an id is unique in its queue while its message is there, and free again when it is gone',
    async run(ctx) {
      const message = ctx.message()
      const again = () => ctx.commit({ do: 'send', queue: 'a', message })
      deepEqual(await again(), [{ id: message.id, duplicate: false }])
      deepEqual(await again(), [{ id: message.id, duplicate: true }])
      const { token } = await ctx.leaseOne('a')
      deepEqual(await again(), [{ id: message.id, duplicate: true }])
      await ctx.ack(token)
      deepEqual(await again(), [{ id: message.id, duplicate: false }])
      deepEqual(await ctx.commit({ do: 'send', queue: 'b', message }), [{ id: message.id, duplicate: false }])
    },
  },
  {
    law,
    name: 'a publish is a duplicate per topic, whatever was routed',
    async run(ctx) {
      await ctx.bind('t', 's')
      const first = await ctx.publish('t', { dedupe: 'x' })
      const { id, duplicate } = await ctx.publish('t', { dedupe: 'x' })
      deepEqual([first.duplicate, first.routed, id, duplicate], [false, 1, first.id, true])
      equal((await ctx.publish('u', { dedupe: 'x' })).duplicate, false)
      equal((await ctx.lease('topic:t:s')).length, 1)
    },
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `the window goes on over ${how}`,
    needs: how === 'close' ? ['os'] : how === 'kill' ? ['os', 'kill'] : ['disk', 'power-cut'],
    async run(ctx) {
      await ctx.configure('a', { dedupeWindowMs: WINDOW_MS })
      const first = await isNew(ctx, 'x')
      await ctx.ack((await ctx.leaseOne('a')).token)
      await ctx.reopen(how, WINDOW_MS / 2)
      await isDuplicate(ctx, 'x', first)
      await ctx.reopen(how, WINDOW_MS / 2 - 1)
      await isDuplicate(ctx, 'x', first)
      await ctx.advance(1)
      await isNew(ctx, 'x')
    },
  })),
]
