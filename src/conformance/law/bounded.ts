/**
 * *bounded*: a queue beyond its limit refuses new messages with an error; nothing is dropped; queues, records, dead letters,
 * histories and dedupe entries all have limits. A commit that settles a message is never refused for a limit.
 */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Change } from '../../core/engine.ts'
import { NOTES_BYTES } from '../../core/message.ts'
import { DEFAULT_QUEUE } from '../../core/settings.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'

const law = 'bounded'
const limitOf = (messages: number | null, bytes: number | null = null) => ({ limit: { messages, bytes } })
const sendTo = (ctx: Context, queue: string): Change => ({ do: 'send', queue, message: ctx.message() })
const keep = DEFAULT_QUEUE.keep

export const bounded: readonly Case[] = [
  {
    law,
    name: 'a queue takes as many messages as its limit says and refuses the next',
    needs: ['exact-limits'],
    async run(ctx) {
      await ctx.configure('a', limitOf(3))
      const ids = await ctx.sendMany('a', 3)
      deepEqual(await ctx.refusal(sendTo(ctx, 'a')), { code: 'full', at: 0 })
      deepEqual(await ctx.refusal(sendTo(ctx, 'b'), sendTo(ctx, 'a')), { code: 'full', at: 1 })
      deepEqual(await ctx.leasedIds('a'), ids, 'nothing was dropped')
      deepEqual(await ctx.engine.depth(['b']), [])
    },
  },
  {
    law,
    name: 'what is leased, held or delayed counts; what is dead or has ended does not',
    needs: ['exact-limits'],
    async run(ctx) {
      await ctx.configure('a', limitOf(4))
      await ctx.send('a', { key: 'k' })
      await ctx.send('a', { key: 'k' })
      await ctx.send('a', { delay: { afterMs: 60_000 } })
      await ctx.send('a')
      const [first, second] = await ctx.lease('a')
      equal((await ctx.refusal(sendTo(ctx, 'a'))).code, 'full')
      await ctx.bury(first!.token)
      await ctx.ack(second!.token)
      await ctx.sendMany('a', 2)
      equal((await ctx.refusal(sendTo(ctx, 'a'))).code, 'full')
    },
  },
  {
    law,
    name: 'a limit in bytes is kept as well',
    needs: ['exact-limits'],
    async run(ctx) {
      await ctx.configure('a', limitOf(null, 10_000))
      let taken = 0
      for (; taken < 100; taken++) {
        const result = await ctx.tryCommit({
          changes: [{ do: 'send', queue: 'a', message: { ...ctx.message(), body: new Uint8Array(1_000) } }],
        })
        if (result.status === 'committed') continue
        equal(result.code, 'full')
        break
      }
      ok(taken >= 5 && taken <= 10, `${taken} bodies of 1,000 bytes were taken`)
      ok((await ctx.depth('a')).bytes <= 10_000)
      equal((await ctx.lease('a')).length, taken)
    },
  },
  {
    law,
    name: 'a commit that settles a message may send beyond the limit, so that two full queues can feed each other',
    async run(ctx) {
      for (const queue of ['a', 'b']) {
        await ctx.configure(queue, limitOf(2))
        await ctx.sendMany(queue, 2)
      }
      const fromA = await ctx.leaseOne('a')
      await ctx.commit(sendTo(ctx, 'b'), { do: 'ack', token: fromA.token })
      const fromB = await ctx.leaseOne('b')
      await ctx.commit(
        { do: 'retry', token: fromB.token, delay: { afterMs: 1_000 }, error: { code: 'x', message: '' } },
        sendTo(ctx, 'b'),
        sendTo(ctx, 'a'),
      )
      const { ready, delayed } = await ctx.depth('b')
      deepEqual([ready, delayed], [3, 1])
      equal((await ctx.refusal(sendTo(ctx, 'b'))).code, 'full')
    },
  },
  {
    law,
    name: 'outcomes, reports and redrives are taken by a full queue',
    async run(ctx) {
      await ctx.configure('a', limitOf(3))
      const ids = await ctx.sendMany('a', 3)
      const [retried, released, buried] = await ctx.lease('a')
      await ctx.bury(buried!.token)
      await ctx.send('a')
      await ctx.retry(retried!.token)
      await ctx.release(released!.token)
      deepEqual(await ctx.commit({ do: 'redrive', messages: [{ queue: 'a', id: ids[2]! }] }), [{ count: 1 }])
      equal((await ctx.depth('a')).ready, 4)
      equal((await ctx.refusal(sendTo(ctx, 'a'))).code, 'full')
    },
  },
  {
    law,
    name: 'an id that is freed in a commit counts as a new message in it',
    needs: ['exact-limits'],
    async run(ctx) {
      await ctx.configure('a', { ...limitOf(1), keep: { ...keep, endedMs: 0 } })
      const message = ctx.message()
      await ctx.commit({ do: 'send', queue: 'a', message })
      const discard: Change = { do: 'discard', messages: [{ queue: 'a', id: message.id }] }
      const again: Change = { do: 'send', queue: 'a', message }
      deepEqual(await ctx.refusal(discard, sendTo(ctx, 'a'), again), { code: 'full', at: 2 })
      deepEqual((await ctx.commit(discard, again)).at(-1), { id: message.id, duplicate: false })
      equal((await ctx.depth('a')).ready, 1)
    },
  },
  {
    law,
    name: 'a limit that is lowered drops nothing, one that is raised takes at once',
    needs: ['exact-limits'],
    async run(ctx) {
      await ctx.sendMany('a', 5)
      await ctx.configure('a', limitOf(2))
      equal((await ctx.refusal(sendTo(ctx, 'a'))).code, 'full')
      equal((await ctx.depth('a')).ready, 5)
      await ctx.configure('a', limitOf(6))
      await ctx.send('a')
    },
  },
  {
    law,
    name: 'dead letters are bounded, the oldest go first',
    async run(ctx) {
      await ctx.configure('a', { keep: { ...keep, deadCount: 3 } })
      const ids = await ctx.sendMany('a', 6)
      for (const { token } of await ctx.lease('a')) {
        await ctx.bury(token)
        await ctx.advance(1)
      }
      deepEqual(
        (await ctx.browse('a', 'dead')).map(({ id }) => id),
        ids.slice(3),
      )
      equal((await ctx.depth('a')).ended.discarded, 3)
    },
  },
  {
    law,
    name: 'ended messages are kept so many and so long as the queue says, and forgotten after',
    async run(ctx) {
      await ctx.configure('a', { keep: { ...keep, acked: true, endedCount: 3, endedMs: 1_000 } })
      const ids = await ctx.sendMany('a', 5)
      for (const { token } of await ctx.lease('a')) {
        await ctx.ack(token)
        await ctx.advance(1)
      }
      deepEqual(
        (await ctx.browse('a', 'acked')).map(({ id }) => id),
        ids.slice(2),
      )
      await ctx.advance(1_000)
      deepEqual(await ctx.browse('a', 'acked'), [])
      equal((await ctx.depth('a')).ended.acked, 5)
    },
  },
  {
    law,
    name: 'retained events are bounded in number and age, the oldest go first',
    needs: ['retained'],
    async run(ctx) {
      await ctx.commit({ do: 'retain', topic: 't', retention: { ms: 1_000, count: 3 } })
      const ids: string[] = []
      for (let n = 0; n < 5; n++) ids.push((await ctx.publish('t')).id)
      const kept = async () =>
        (await ctx.engine.read({ topic: 't', from: 'beginning', limit: 100 })).items.map(({ message }) => message.id)
      deepEqual(await kept(), ids.slice(2))
      await ctx.advance(999)
      equal((await kept()).length, 3)
      await ctx.advance(1)
      deepEqual(await kept(), [])
    },
  },
  {
    law,
    name: 'gaps of a suspended subscription are bounded',
    needs: ['exact-limits'],
    async run(ctx) {
      await ctx.bind('t', 's')
      await ctx.configure('topic:t:s', { ...limitOf(1), overflow: 'suspend' })
      for (let n = 0; n < 25; n++) {
        await ctx.publish('t')
        await ctx.advance(1)
        await ctx.publish('t')
        await ctx.ack((await ctx.leaseOne('topic:t:s')).token)
      }
      const [record] = await ctx.engine.get(['subscription/t/s'])
      const { gaps } = JSON.parse(new TextDecoder().decode(record!.value)) as {
        gaps: readonly { readonly count: number }[]
      }
      equal(gaps.length, 20)
      ok(gaps.every(({ count }) => count === 1))
    },
  },
  {
    law,
    name: 'what is too large or malformed is refused by name, and nothing of it is kept',
    async run(ctx) {
      const { maxBodyBytes } = ctx.engine.capabilities
      const wrong: readonly Change[] = [
        { do: 'send', queue: 'a', message: { ...ctx.message(), body: new Uint8Array(maxBodyBytes + 1) } },
        { do: 'send', queue: 'a', message: ctx.message({ notes: { v: 'x'.repeat(NOTES_BYTES) } }) },
        { do: 'send', queue: 'a', message: ctx.message({ id: 'not-a-uuid' }) },
        { do: 'send', queue: 'a', message: ctx.message({ priority: 10 }) },
        { do: 'send', queue: 'a', message: ctx.message({ key: '' }) },
        { do: 'send', queue: 'a', message: ctx.message({ dedupe: 'x'.repeat(1_025) }) },
        { do: 'send', queue: 'a', message: ctx.message({ delay: { afterMs: -1 } }) },
        { do: 'send', queue: 'a', message: ctx.message({ expires: { at: Number.NaN } }) },
        { do: 'send', queue: 'not a name', message: ctx.message() },
        { do: 'publish', topic: 'a:b', message: ctx.message() },
        { do: 'put', key: 'with space', value: new Uint8Array(0) },
        { do: 'put', key: 'x'.repeat(513), value: new Uint8Array(0) },
        { do: 'put', key: 'ok', value: new Uint8Array(0), aliases: ['not ok'] },
        { do: 'configure', queue: 'a', settings: { ...DEFAULT_QUEUE, maxLapses: -1 } },
        {
          do: 'bind',
          subscription: { topic: 't', name: 's', types: ['not a pattern'], filters: [], from: 'now', order: 'none' },
        },
      ]
      for (const change of wrong)
        deepEqual(
          await ctx.refusal(change),
          { code: 'invalid', at: 0 },
          JSON.stringify(change, (name, value: unknown) => (name === 'body' ? '…' : value)),
        )
      deepEqual(await ctx.engine.depth('all'), [])
      deepEqual((await ctx.engine.list({ prefix: '', after: null, limit: 10 })).items, [])
      const largest = { ...ctx.message(), body: new Uint8Array(maxBodyBytes) }
      await ctx.commit({ do: 'send', queue: 'a', message: largest })
      equal((await ctx.leaseOne('a')).stored.message.body.byteLength, maxBodyBytes)
    },
  },
  {
    law,
    name: 'a way of choosing that the engine does not have is refused by name',
    async run(ctx) {
      const { pick, fair } = ctx.engine.capabilities
      const settings = { ...DEFAULT_QUEUE, pick: { by: 'deadline' } } as const
      if (!pick.includes('deadline'))
        equal((await ctx.refusal({ do: 'configure', queue: 'a', settings })).code, 'unsupported')
      const fairly = { ...DEFAULT_QUEUE, pick: { by: 'priority', fair: { weights: {} } } } as const
      if (!fair) equal((await ctx.refusal({ do: 'configure', queue: 'a', settings: fairly })).code, 'unsupported')
      deepEqual(await ctx.engine.get(['queue/a']), [null])
    },
  },
]
