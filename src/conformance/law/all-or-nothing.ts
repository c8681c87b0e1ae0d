/** *all-or-nothing*: of a Commit every change is visible or none, also after a crash in the middle. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Change, RefusalCode } from '../../core/engine.ts'
import { DEFAULT_QUEUE } from '../../core/settings.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'
import type { Leaving } from '../subject.ts'

const law = 'all-or-nothing'
const bytes = new Uint8Array([1])

/** A change that is refused for each reason. */
const refused: Readonly<Record<Exclude<RefusalCode, 'disk-full'>, (ctx: Context) => Change | Promise<Change>>> = {
  stale: () => ({ do: 'ack', token: 'never-given' }),
  conflict: async (ctx) => {
    await ctx.commit({ do: 'put', key: 'taken', value: bytes })
    return { do: 'put', key: 'taken', value: bytes, ifVersion: null }
  },
  full: async (ctx) => {
    await ctx.configure('small', { limit: { messages: 0, bytes: null } })
    return { do: 'send', queue: 'small', message: ctx.message() }
  },
  invalid: (ctx) => ({ do: 'send', queue: 'q', message: ctx.message({ priority: 12 }) }),
  unsupported: (ctx) => ({
    do: 'bind',
    subscription: {
      topic: 'keeps-nothing',
      name: 's',
      types: [],
      filters: [],
      from: 'beginning',
      order: ctx.engine ? 'none' : 'key',
    },
  }),
}

export const allOrNothing: readonly Case[] = [
  ...Object.entries(refused).map(([code, make]): Case => ({
    law,
    name: `a commit refused as ${code} leaves no trace`,
    needs: ['atomic'],
    async run(ctx) {
      const bad = await make(ctx)
      const [cancelled, dead] = await ctx.sendMany('before', 2)
      await ctx.bury((await ctx.lease('before', 2))[1]!.token)
      await ctx.bind('t', 'live')
      const before = await everything(ctx)
      const message = ctx.message({ dedupe: 'first', key: 'k' })
      const changes: readonly Change[] = [
        { do: 'send', queue: 'new', message },
        { do: 'publish', topic: 't', message: ctx.message() },
        { do: 'put', key: 'new', value: bytes, aliases: ['alias'] },
        { do: 'configure', queue: 'before', settings: { ...DEFAULT_QUEUE, paused: true } },
        { do: 'bind', subscription: { topic: 't', name: 's', types: [], filters: [], from: 'now', order: 'none' } },
        { do: 'unbind', topic: 't', name: 'live' },
        { do: 'cancel', messages: [{ queue: 'before', id: cancelled! }] },
        { do: 'redrive', messages: [{ queue: 'before', id: dead! }] },
      ]
      const settling: readonly Change[] =
        code === 'full'
          ? []
          : [{ do: 'ack', token: (await ctx.leaseOne('extra', { id: await ctx.send('extra') })).token }]
      const start = await everything(ctx)
      for (let at = 0; at <= changes.length; at += 4) {
        deepEqual(await ctx.refusal(...changes.slice(0, at), bad, ...changes.slice(at), ...settling), { code, at })
      }
      deepEqual(await everything(ctx), start)
      ok(before)
      const [result] = await ctx.commit({ do: 'send', queue: 'new', message })
      deepEqual(result, { id: message.id, duplicate: false }, 'neither the id nor the dedupe text is taken')
    },
  })),
  {
    law,
    name: 'commits of one call are independent of each other',
    async run(ctx) {
      const send = (): Change => ({ do: 'send', queue: 'a', message: ctx.message() })
      const results = await ctx.engine.commit([
        { changes: [send()] },
        { changes: [send(), { do: 'ack', token: 'none' }] },
        { changes: [send()] },
        { changes: [] },
      ])
      deepEqual(
        results.map(({ status }) => status),
        ['committed', 'refused', 'committed', 'committed'],
      )
      equal((await ctx.lease('a')).length, 2)
    },
  },
  {
    law,
    name: 'an ack and its effects are one',
    needs: ['atomic'],
    async run(ctx) {
      await ctx.send('a')
      const { token } = await ctx.leaseOne('a')
      const messages = [ctx.message(), ctx.message()]
      await ctx.commit(
        { do: 'send', queue: 'b', message: messages[0]! },
        { do: 'ack', token },
        { do: 'put', key: 'done', value: bytes },
        { do: 'send', queue: 'c', message: messages[1]! },
      )
      deepEqual([await ctx.leasedIds('b'), await ctx.leasedIds('c')], [[messages[0]!.id], [messages[1]!.id]])
      deepEqual((await ctx.engine.get(['done']))[0]?.value, bytes)
      equal((await ctx.depth('a')).ended.acked, 1)
    },
  },
  ...(['kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `after a ${how} in the middle of commits each is there whole or not at all`,
    needs: ['atomic', ...(how === 'kill' ? (['os', 'kill'] as const) : (['disk', 'power-cut'] as const))],
    run: (ctx) => crashInTheMiddle(ctx, how),
  })),
]

async function everything(ctx: Context): Promise<unknown> {
  const depth = await ctx.engine.depth('all')
  const records = await ctx.engine.list({ prefix: '', after: null, limit: 100 })
  return { depth: [...depth].sort((a, b) => (a.queue < b.queue ? -1 : 1)), records: records.items }
}

async function crashInTheMiddle(ctx: Context, how: Leaving): Promise<void> {
  let confirmed = 0
  for (let round = 0; round < 24; round++) {
    const effect = (n: number): Change => ({
      do: 'send',
      queue: 'effects',
      message: ctx.message({ key: `${round}/${n}` }),
    })
    await ctx.send('work')
    const { token } = await ctx.leaseOne('work', { leaseMs: 3_600_000 })
    await ctx.send('after')
    const answered: number[] = []
    const underWay = [0, 1, 2].map(async (n) => {
      const outcome: readonly Change[] = n === 1 ? [{ do: 'ack', token }] : []
      await ctx.engine.commit([
        { changes: [effect(n), { do: 'put', key: `done/${round}/${n}`, value: bytes }, ...outcome, effect(n)] },
      ])
      answered.push(n)
    })
    for (const each of underWay) each.catch(() => undefined)
    // Of the longest waits one lasts until something is answered, however far away the engine is.
    if (round % 8 === 7) await Promise.race(underWay)
    else for (let turn = 0; turn < round % 8; turn++) await ctx.turn()
    const inTime = [...answered]
    await ctx.reopen(how)
    const effects = await Promise.all((['ready', 'held'] as const).map((state) => ctx.browse('effects', state)))
    for (const n of [0, 1, 2]) {
      const [record] = await ctx.engine.get([`done/${round}/${n}`])
      const sent = effects.flat().filter(({ message }) => message.key === `${round}/${n}`).length
      equal(sent, record ? 2 : 0, `round ${round}: messages and record of commit ${n} are there together`)
      if (n === 1)
        equal(
          await ctx.engine.extend([token], 3_600_000).then(([kept]) => kept),
          record ? 'stale' : 'kept',
          'and so is its ack',
        )
      if (inTime.includes(n)) ok(record, `round ${round}: commit ${n} was confirmed`)
      confirmed += record ? 1 : 0
    }
    if (!(await ctx.engine.get([`done/${round}/1`]))[0]) await ctx.ack(token)
  }
  ok(confirmed > 0, 'some commits were in time')
}
