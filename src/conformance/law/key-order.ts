/**
 * *key-order*: of one key in one queue, one at a time and in send order; a retry holds back its key only; priority acts on
 * the heads of keys. A delayed message gets in line when it is first due; once handed out it keeps its place until it ends.
 */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Delivery } from '../../core/engine.ts'
import { DEFAULT_QUEUE } from '../../core/settings.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'

const law = 'key-order'

const sendKeyed = async (ctx: Context, keys: string): Promise<string[]> => {
  const ids: string[] = []
  for (const key of keys) ids.push(await ctx.send('a', { key }))
  return ids
}

/** Ends the head of a key in the given way; the next of that key is then handed out, and only it. */
const headEnds = (name: string, end: (ctx: Context, head: Delivery) => Promise<unknown>): Case => ({
  law,
  name,
  async run(ctx) {
    const ids = await sendKeyed(ctx, 'kkk')
    const head = await ctx.leaseOne('a', { leaseMs: 10_000 })
    equal(head.stored.id, ids[0])
    deepEqual(await ctx.lease('a'), [], 'one at a time')
    equal(await ctx.stateOf('a', ids[1]!), 'held')
    await end(ctx, head)
    deepEqual(await ctx.leasedIds('a'), [ids[1]])
  },
})

/** The head of a key is put back in the given way and comes again before any other of its key. */
const headComesAgain = (name: string, putBack: (ctx: Context, head: Delivery) => Promise<unknown>): Case => ({
  law,
  name,
  async run(ctx) {
    const [first, second, other] = await sendKeyed(ctx, 'kkl')
    const head = await ctx.leaseOne('a', { leaseMs: 10_000 })
    equal(head.stored.id, first)
    await putBack(ctx, head)
    const ids = await ctx.leasedIds('a')
    ok(ids.includes(other!), 'another key is not held back')
    ok(!ids.includes(second!), 'the key is held back')
    if (!ids.includes(first!)) {
      await ctx.advance(5_000)
      deepEqual(await ctx.leasedIds('a'), [first])
    }
    deepEqual(await ctx.lease('a'), [])
  },
})

export const keyOrder: readonly Case[] = [
  {
    law,
    name: 'messages of a key come one at a time in the order of their sends, keys beside each other',
    async run(ctx) {
      const ids = await sendKeyed(ctx, 'klklkm')
      const plain = await ctx.send('a')
      const seen: string[] = []
      for (let round = 0; round < 4; round++) {
        const deliveries = await ctx.lease('a')
        const keys = deliveries.map(({ stored }) => stored.message.key ?? stored.id)
        equal(new Set(keys).size, keys.length, 'no key twice at once')
        seen.push(...deliveries.map(({ stored }) => stored.id))
        for (const { token } of deliveries) await ctx.ack(token)
      }
      const ofKey = (key: string) => ids.filter((_, at) => 'klklkm'[at] === key)
      for (const key of 'klm')
        deepEqual(
          seen.filter((id) => ofKey(key).includes(id)),
          ofKey(key),
        )
      ok(seen.includes(plain))
    },
  },
  headEnds('an ack lets the next of its key go', (ctx, { token }) => ctx.ack(token)),
  headEnds('a dead letter lets the next of its key go', (ctx, { token }) => ctx.bury(token)),
  headEnds('a dropped message lets the next of its key go', (ctx, { token }) =>
    ctx.commit({ do: 'drop', token, reason: 'not needed' }),
  ),
  headComesAgain('a retry keeps its place', (ctx, { token }) => ctx.retry(token)),
  headComesAgain('a retry with a delay keeps its place and holds back its key only', (ctx, { token }) =>
    ctx.retry(token, { afterMs: 5_000 }),
  ),
  headComesAgain('a message given back keeps its place', (ctx, { token }) => ctx.release(token)),
  headComesAgain('a message given back with a delay keeps its place and holds back its key only', (ctx, { token }) =>
    ctx.release(token, { afterMs: 5_000 }),
  ),
  headComesAgain('a message whose lease lapsed keeps its place', async (ctx) => await ctx.advance(10_000)),
  {
    law,
    name: 'a head that is cancelled, discarded or expires while it waits lets the next go',
    async run(ctx) {
      for (const verb of ['cancel', 'discard'] as const) {
        const [first, second] = await sendKeyed(ctx, 'kk')
        await ctx.commit({ do: verb, messages: [{ queue: 'a', id: first! }] })
        const head = await ctx.leaseOne('a')
        equal(head.stored.id, second, verb)
        await ctx.ack(head.token)
      }
      await ctx.send('a', { key: 'k', expires: { afterMs: 1_000 } })
      const next = await ctx.send('a', { key: 'k' })
      await ctx.advance(1_000)
      deepEqual(await ctx.leasedIds('a'), [next])
    },
  },
  {
    law,
    name: 'a message cancelled or discarded from the middle of its line leaves the others in order',
    async run(ctx) {
      const ids = await sendKeyed(ctx, 'kkkkk')
      await ctx.commit(
        { do: 'cancel', messages: [{ queue: 'a', id: ids[1]! }] },
        { do: 'discard', messages: [{ queue: 'a', id: ids[3]! }] },
      )
      for (const id of [ids[0], ids[2], ids[4]]) {
        const { stored, token } = await ctx.leaseOne('a')
        equal(stored.id, id)
        await ctx.ack(token)
      }
    },
  },
  {
    law,
    name: 'a delayed message gets in line when it is due',
    async run(ctx) {
      const late = await ctx.send('a', { key: 'k', delay: { afterMs: 1_000 } })
      const [first, second] = await sendKeyed(ctx, 'kk')
      await ctx.advance(1_000)
      equal(await ctx.stateOf('a', late), 'held')
      const last = await ctx.send('a', { key: 'k' })
      for (const id of [first, second, late, last]) {
        const { stored, token } = await ctx.leaseOne('a')
        equal(stored.id, id)
        await ctx.ack(token)
      }
    },
  },
  {
    law,
    name: 'a redriven message gets in line at the tail',
    async run(ctx) {
      const [dead, second, third] = await sendKeyed(ctx, 'kkk')
      await ctx.bury((await ctx.leaseOne('a')).token)
      await ctx.commit({ do: 'redrive', messages: [{ queue: 'a', id: dead! }] })
      for (const id of [second, third, dead]) {
        const { stored, token } = await ctx.leaseOne('a')
        equal(stored.id, id)
        await ctx.ack(token)
      }
    },
  },
  {
    law,
    name: 'priority acts on the heads of keys',
    needs: ['priority'],
    async run(ctx) {
      const low = await ctx.send('a', { key: 'k', priority: 1 })
      const high = await ctx.send('a', { key: 'k', priority: 9 })
      const middle = await ctx.send('a', { key: 'l', priority: 5 })
      deepEqual(await ctx.leasedIds('a'), [middle, low])
      equal(await ctx.stateOf('a', high), 'held')
    },
  },
  {
    law,
    name: 'the next of a key does not start before the end of the one before is confirmed',
    needs: ['disk', 'power-cut'],
    async run(ctx) {
      for (const turns of [0, 1, 2, 4, 8, 16]) {
        const [first, second] = await sendKeyed(ctx, 'kk')
        const { token } = await ctx.leaseOne('a', { leaseMs: 600_000 })
        void ctx.engine.commit([{ changes: [{ do: 'ack', token }] }]).catch(() => null)
        for (let turn = 0; turn < turns; turn++) await ctx.turn()
        const started = (await ctx.leasedIds('a')).includes(second!)
        await ctx.reopen('power-cut')
        const isBack = (await ctx.find('a', first!)) !== null
        ok(!(started && isBack), `${turns} turns after the ack began the next one ran, and the first is back`)
        await ctx.commit({ do: 'discard', messages: [first!, second!].map((id) => ({ queue: 'a', id })) })
        await ctx.advance(600_000)
        await ctx.commit({ do: 'discard', messages: [first!, second!].map((id) => ({ queue: 'a', id })) })
      }
    },
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `the line of a key is the same after ${how}`,
    needs: how === 'close' ? ['os'] : how === 'kill' ? ['os', 'kill'] : ['disk', 'power-cut'],
    async run(ctx) {
      const ids = await sendKeyed(ctx, 'kkkk')
      await ctx.retry((await ctx.leaseOne('a')).token, { afterMs: 5_000 })
      await ctx.reopen(how)
      deepEqual(await ctx.lease('a'), [], 'the retry still holds back its key')
      await ctx.advance(5_000)
      for (const id of ids) {
        const { stored, token } = await ctx.leaseOne('a')
        equal(stored.id, id)
        await ctx.ack(token)
        await ctx.reopen(how)
      }
    },
  })),
  {
    law,
    name: 'many workers with many keys keep each key in order, whatever the outcomes',
    run: (ctx) => manyWorkers(ctx),
  },
]

async function manyWorkers(ctx: Context): Promise<void> {
  await ctx.configure('a', { ...DEFAULT_QUEUE, maxLapses: 1_000 })
  const ids = await sendKeyed(ctx, 'abcdefgh'.repeat(12))
  const keyOf = new Map(ids.map((id, at) => [id, 'abcdefgh'[at % 8]!]))
  const ended: string[] = []
  let chance = 1
  const die = (sides: number) => (chance = (chance * 48_271) % 2_147_483_647) % sides
  for (let round = 0; ended.length < ids.length; round++) {
    ok(round < 2_000, 'all messages end at last')
    const batches = await Promise.all([1, 2, 3].map(() => ctx.lease('a', 2, { leaseMs: 50 })))
    const deliveries = batches.flat()
    const keys = (await ctx.browse('a', 'leased')).map(({ message }) => message.key)
    equal(new Set(keys).size, keys.length, 'no key is held twice')
    for (const { token, stored } of deliveries) {
      const outcome = die(5)
      if (outcome === 0) await ctx.retry(token, { afterMs: die(30) })
      else if (outcome === 1) await ctx.release(token)
      else if (outcome >= 3) ended.push((await ctx.ack(token), stored.id))
    }
    await ctx.advance(10)
  }
  for (const key of 'abcdefgh') {
    deepEqual(
      ended.filter((id) => keyOf.get(id) === key),
      ids.filter((id) => keyOf.get(id) === key),
      `key ${key}`,
    )
  }
}
