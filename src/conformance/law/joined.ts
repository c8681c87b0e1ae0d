/** Several laws where a commit is part of the user's own transaction: it counts from when that has committed, and never where it has not. */
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { isPosthornError, type ErrorCode } from '../../core/error.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'

const needs = ['join'] as const

const isCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    isPosthornError(error) && error.code === code

const send = (ctx: Context, queue: string, attributes: Parameters<Context['message']>[0] = {}) =>
  ({ do: 'send', queue, message: ctx.message(attributes) }) as const

export const joined: readonly Case[] = [
  {
    law: 'all-or-nothing',
    name: 'what is committed inside a transaction exists when that has committed, all of it and not before',
    needs,
    async run(ctx) {
      await ctx.bind('t', 's')
      await ctx.send('a')
      const { token, stored } = await ctx.leaseOne('a')
      const [sent, keyed] = [send(ctx, 'b'), send(ctx, 'b', { key: 'k', delay: { afterMs: 1_000 } })]
      const event = ctx.message()
      const { transaction, commit } = await ctx.transaction()
      const results = await transaction.commit({
        changes: [
          { do: 'ack', token },
          sent,
          keyed,
          { do: 'publish', topic: 't', message: event },
          { do: 'put', key: 'k', value: new Uint8Array([1]) },
        ],
      })
      deepEqual(
        results.map((result) => (result !== null && 'id' in result ? result.id : null)),
        [null, sent.message.id, keyed.message.id, event.id, null],
      )
      equal(await ctx.stateOf('b', sent.message.id), null)
      deepEqual(await ctx.engine.get(['k']), [null])
      equal(await transaction.state(), 'open')
      await commit()
      equal(await transaction.state(), 'committed')
      equal(await ctx.stateOf('b', sent.message.id), 'ready')
      equal(await ctx.stateOf('b', keyed.message.id), 'delayed')
      deepEqual((await ctx.engine.get(['k']))[0]?.value, new Uint8Array([1]))
      equal((await ctx.depth('a')).ended.acked, 1)
      equal(await ctx.stateOf('a', stored.id), null)
      deepEqual(await ctx.leasedIds('topic:t:s'), [event.id])
      await ctx.advance(1_000)
      deepEqual(await ctx.leasedIds('b'), [sent.message.id, keyed.message.id])
    },
  },
  {
    law: 'all-or-nothing',
    name: 'a rollback leaves nothing of what was committed inside the transaction',
    needs,
    async run(ctx) {
      await ctx.send('a')
      const { token, stored } = await ctx.leaseOne('a')
      const sent = send(ctx, 'b', { dedupe: 'once' })
      const { transaction, rollback } = await ctx.transaction()
      await transaction.commit({ changes: [{ do: 'ack', token }, sent] })
      await transaction.commit({ changes: [{ do: 'put', key: 'k', value: new Uint8Array([1]) }] })
      await rollback()
      equal(await transaction.state(), 'rolled-back')
      equal(await ctx.stateOf('a', stored.id), 'leased')
      deepEqual(await ctx.engine.get(['k']), [null])
      deepEqual(await ctx.lease('b'), [])
      const id = await ctx.send('b', { dedupe: 'once' })
      deepEqual(await ctx.leasedIds('b'), [id], 'nor is its dedupe text remembered')
      await ctx.ack(token)
    },
  },
  {
    law: 'all-or-nothing',
    name: 'a transaction with several commits is all or nothing over all of them, and in their order',
    needs,
    async run(ctx) {
      const changes = Array.from({ length: 20 }, () => send(ctx, 'a', { key: 'k' }))
      const { transaction, commit } = await ctx.transaction()
      for (const change of changes) await transaction.commit({ changes: [change] })
      await commit()
      for (const { message } of changes) {
        const { token, stored } = await ctx.leaseOne('a')
        equal(stored.id, message.id)
        await ctx.ack(token)
      }
    },
  },
  {
    law: 'stale-is-inert',
    name: 'an ack inside a transaction by a stale token is refused, and nothing of its commit is left where the transaction commits all the same',
    needs,
    async run(ctx) {
      const id = await ctx.send('a')
      const { token } = await ctx.leaseOne('a', { leaseMs: 1_000 })
      await ctx.advance(1_000)
      const again = await ctx.leaseOne('a')
      equal(again.stored.id, id)
      const { transaction, commit } = await ctx.transaction()
      const changes = [send(ctx, 'b'), { do: 'ack', token } as const]
      await rejects(transaction.commit({ changes }), isCode('stale'))
      await commit()
      deepEqual(await ctx.lease('b'), [])
      equal(await ctx.stateOf('a', id), 'leased')
      await ctx.ack(again.token)
    },
  },
  {
    law: 'stale-is-inert',
    name: 'a token is worth one settling: what a transaction has acked nobody else can settle',
    needs,
    async run(ctx) {
      const id = await ctx.send('a')
      const { token } = await ctx.leaseOne('a', { leaseMs: 1_000 })
      const { transaction, commit } = await ctx.transaction()
      await transaction.commit({ changes: [{ do: 'ack', token }] })
      await commit()
      await ctx.advance(5_000)
      equal((await ctx.refusal({ do: 'ack', token })).code, 'stale')
      deepEqual(await ctx.engine.extend([token], 1_000), ['stale'])
      deepEqual(await ctx.lease('a'), [], 'it does not lapse')
      equal(await ctx.stateOf('a', id), null)
      const second = await ctx.transaction()
      await rejects(second.transaction.commit({ changes: [{ do: 'ack', token }] }), isCode('stale'))
      await second.rollback()
    },
  },
  {
    law: 'dedupe',
    name: 'a send inside a transaction whose text is taken, there or before, changes nothing and answers the first id',
    needs,
    async run(ctx) {
      const first = await ctx.send('a', { dedupe: 'taken' })
      const { transaction, commit } = await ctx.transaction()
      const fresh = send(ctx, 'a', { dedupe: 'fresh' })
      const [one] = await transaction.commit({ changes: [send(ctx, 'a', { dedupe: 'taken' })] })
      const [two] = await transaction.commit({ changes: [fresh] })
      const [three] = await transaction.commit({ changes: [send(ctx, 'a', { dedupe: 'fresh' })] })
      await commit()
      deepEqual(
        [one, two, three].map((result) => (ok(result && 'duplicate' in result), [result.id, result.duplicate])),
        [
          [first, true],
          [fresh.message.id, false],
          [fresh.message.id, true],
        ],
      )
      deepEqual(await ctx.leasedIds('a'), [first, fresh.message.id])
      equal(await ctx.send('a', { dedupe: 'fresh' }), fresh.message.id)
    },
  },
  {
    law: 'bounded',
    name: 'a full queue refuses a send inside a transaction',
    needs,
    async run(ctx) {
      await ctx.configure('a', { limit: { messages: 2, bytes: null } })
      await ctx.send('a')
      const { transaction, commit } = await ctx.transaction()
      const changes = [send(ctx, 'a'), send(ctx, 'a')]
      await rejects(transaction.commit({ changes }), isCode('full'))
      await commit()
      equal((await ctx.depth('a')).ready, 1)
    },
  },
]
