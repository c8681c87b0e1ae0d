/** *confirmed-survives*: what a receipt calls durable at level L survives fault L (kill for `os`, power loss for `disk`). */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import type { Case, Need } from '../case.ts'
import type { Context } from '../context.ts'
import type { Leaving } from '../subject.ts'

const law = 'confirmed-survives'

const faults: readonly { readonly how: Leaving; readonly after: string; readonly needs: readonly Need[] }[] = [
  { how: 'close', after: 'a close', needs: ['os'] },
  { how: 'kill', after: 'a kill', needs: ['os', 'kill'] },
  { how: 'power-cut', after: 'a power cut', needs: ['disk', 'power-cut'] },
]

export const confirmedSurvives: readonly Case[] = [
  ...faults.flatMap(({ how, after, needs }): Case[] => [
    {
      law,
      name: `what was sent is there, whole and in order, after ${after}`,
      needs,
      run: (ctx) => sendsSurvive(ctx, how),
    },
    { law, name: `what was settled stays settled after ${after}`, needs, run: (ctx) => outcomesSurvive(ctx, how) },
    {
      law,
      name: `records, settings and subscriptions are there after ${after}`,
      needs,
      run: (ctx) => recordsSurvive(ctx, how),
    },
    {
      law,
      name: `retained events are there, in their positions, after ${after}`,
      needs: [...needs, 'retained'],
      run: (ctx) => retainedSurvive(ctx, how),
    },
    {
      law,
      name: `leases of clients stand, those of processes lapse, after ${after}`,
      needs,
      run: (ctx) => leasesSurvive(ctx, how),
    },
  ]),
  {
    law,
    name: 'what was handed out is not lost to a power cut',
    needs: ['disk', 'power-cut'],
    async run(ctx) {
      for (const turns of [0, 1, 2, 4, 8, 16]) {
        const message = ctx.message()
        const underWay = ctx.engine.commit([{ changes: [{ do: 'send', queue: 'a', message }] }]).catch(() => null)
        for (let turn = 0; turn < turns; turn++) await ctx.turn()
        const handedOut = (await ctx.leasedIds('a')).includes(message.id)
        await ctx.reopen('power-cut')
        if (handedOut) ok(await ctx.find('a', message.id), `handed out ${turns} turns after the send began, and lost`)
        void underWay
      }
    },
  },
  {
    law,
    name: 'a fault right after a recovery loses nothing',
    needs: ['disk', 'power-cut'],
    async run(ctx) {
      const first = await ctx.sendMany('a', 10)
      for (let round = 0; round < 5; round++) {
        await ctx.reopen('power-cut')
        await ctx.reopen('power-cut')
        deepEqual((await ctx.browse('a', 'ready')).length, first.length + round)
        await ctx.send('a')
      }
    },
  },
  {
    law,
    name: 'a receipt reaches at least what was asked for, and no more can be asked than is offered',
    async run(ctx) {
      const { durability: offered } = ctx.engine.capabilities
      for (const durability of offered.filter((level) => level !== 'joined')) {
        const result = await ctx.tryCommit({
          durability,
          changes: [{ do: 'send', queue: 'a', message: ctx.message() }],
        })
        ok(
          result.status === 'committed' && offered.indexOf(result.durability) >= offered.indexOf(durability),
          durability,
        )
      }
      const best = await ctx.tryCommit({ changes: [] })
      ok(best.status === 'committed')
      equal(best.durability, offered.at(-1))
      for (const durability of (['memory', 'os', 'disk', 'quorum'] as const).filter(
        (level) => !offered.includes(level),
      )) {
        const result = await ctx.tryCommit({
          durability,
          changes: [{ do: 'send', queue: 'b', message: ctx.message() }],
        })
        ok(result.status === 'refused' || offered.includes('disk'), `${durability} is refused, as it is not offered`)
        if (result.status === 'refused') equal(result.code, 'unsupported')
      }
    },
  },
]

async function sendsSurvive(ctx: Context, how: Leaving): Promise<void> {
  const message = ctx.message({
    key: 'k',
    group: 'g',
    priority: 7,
    notes: { v: '2' },
    replyTo: 'answers',
    report: 'reports',
    dedupe: 'once',
  })
  await ctx.commit({ do: 'send', queue: 'a', message })
  const ids = await ctx.sendMany('many', 300)
  const before = await ctx.find('a', message.id)
  await ctx.reopen(how)
  deepEqual(await ctx.find('a', message.id), before)
  deepEqual(
    (await ctx.browse('many', 'ready')).map(({ id }) => id),
    ids,
  )
  deepEqual(await ctx.leasedIds('many', 1000), ids)
}

async function outcomesSurvive(ctx: Context, how: Leaving): Promise<void> {
  await ctx.configure('a', { keep: { acked: true, endedMs: 3_600_000, endedCount: 100, deadMs: null, deadCount: 100 } })
  const ids = await ctx.sendMany('a', 6)
  const deliveries = await ctx.lease('a', 5)
  const [acked, retried, released, buried, dropped] = deliveries.map(({ token }) => token)
  await ctx.ack(acked!)
  await ctx.retry(retried!, { afterMs: 5_000 })
  await ctx.release(released!, { afterMs: 6_000 })
  await ctx.bury(buried!, 'no-such-account')
  await ctx.commit({ do: 'drop', token: dropped!, reason: 'not needed' })
  const before = await ctx.engine.find(ids.map((id) => ({ queue: 'a', id })))
  deepEqual(
    before.map((stored) => stored?.state),
    ['acked', 'delayed', 'delayed', 'dead', 'cancelled', 'ready'],
  )
  await ctx.reopen(how)
  deepEqual(await ctx.engine.find(ids.map((id) => ({ queue: 'a', id }))), before)
  deepEqual(await ctx.leasedIds('a'), [ids[5]])
}

async function recordsSurvive(ctx: Context, how: Leaving): Promise<void> {
  await ctx.commit({
    do: 'put',
    key: 'user/1',
    value: new Uint8Array([1, 2, 3]),
    aliases: ['mail/a@b'],
    expiresAt: ctx.clock.wallMs() + 60_000,
  })
  await ctx.commit(
    { do: 'put', key: 'user/2', value: new Uint8Array(0) },
    { do: 'put', key: 'user/3', value: new Uint8Array([0]) },
  )
  await ctx.commit({ do: 'remove', key: 'user/2' })
  await ctx.configure('a', { paused: true })
  await ctx.bind('t', 's', { types: ['x.*'] })
  const keys = ['user/1', 'mail/a@b', 'user/2', 'user/3', 'queue/a', 'subscription/t/s']
  const before = await ctx.engine.get(keys)
  deepEqual(
    before.map((record) => record === null),
    [false, false, true, false, false, false],
  )
  await ctx.reopen(how)
  deepEqual(await ctx.engine.get(keys), before)
  await ctx.send('a')
  deepEqual(await ctx.lease('a'), [], 'the queue is still paused')
  equal((await ctx.publish('t', { type: 'x.y' })).routed, 1)
  equal((await ctx.publish('t', { type: 'y.y' })).routed, 0)
}

async function retainedSurvive(ctx: Context, how: Leaving): Promise<void> {
  await ctx.commit({ do: 'retain', topic: 't', retention: { ms: null, count: 100 } })
  for (let n = 0; n < 5; n++) await ctx.publish('t', { text: `event ${n}` })
  const before = await ctx.engine.read({ topic: 't', from: 'beginning', limit: 100 })
  equal(before.items.length, 5)
  await ctx.reopen(how)
  deepEqual((await ctx.engine.read({ topic: 't', from: 'beginning', limit: 100 })).items, before.items)
}

async function leasesSurvive(ctx: Context, how: Leaving): Promise<void> {
  const [first, second] = await ctx.sendMany('a', 2)
  const stands = await ctx.leaseOne('a', { holder: 'client' })
  const lapses = await ctx.leaseOne('a', { holder: 'process' })
  deepEqual([stands.stored.id, lapses.stored.id], [first, second])
  await ctx.send('b')
  await ctx.reopen(how)
  const again = await ctx.leaseOne('a')
  equal(again.stored.id, second, 'the lease of the process that is gone has lapsed')
  notEqual(again.token, lapses.token)
  deepEqual([again.stored.acquired, again.stored.failed, again.stored.released], [2, 0, 0], 'a crash is no failure')
  deepEqual(await ctx.lease('a'), [], 'the lease of the client stands')
  await ctx.ack(stands.token)
  equal((await ctx.depth('a')).ended.acked, 1)
}
