/** *visible*: what a resolved commit wrote, every later read or lease of any process sees. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Engine } from '../../core/engine.ts'
import { fromJsonBytes } from '../../core/json.ts'
import { DEFAULT_QUEUE } from '../../core/settings.ts'
import type { Case } from '../case.ts'
import { allPages } from '../look.ts'

const law = 'visible'
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

export const visible: readonly Case[] = [
  {
    law,
    name: 'a message is as it was sent in find, browse, depth and lease',
    async run(ctx) {
      const delayed = ctx.message({ delay: { afterMs: 1_000 }, group: 'g', key: 'k' })
      const full = ctx.message({
        priority: 9,
        cost: 2.5,
        deadline: 1_000,
        replyTo: 'answers',
        report: 'reports',
        notes: { v: '1' },
        expires: { afterMs: 60_000 },
      })
      const body = Uint8Array.from({ length: 256 }, (_, at) => at)
      const message = {
        ...full,
        body,
        event: {
          ...full.event,
          subject: 'ü',
          time: '2026-01-01T00:00:00Z',
          datacontenttype: 'application/octet-stream',
          traceparent: 'x',
          number: 5,
          flag: true,
        },
      }
      await ctx.commit({ do: 'send', queue: 'a', message }, { do: 'send', queue: 'a', message: delayed })
      const [found, later] = await ctx.engine.find([message, delayed].map(({ id }) => ({ queue: 'a', id })))
      deepEqual([{ ...found?.message.event }, found?.state, found?.message.priority], [message.event, 'ready', 9])
      deepEqual(Uint8Array.from(found!.message.body), body)
      deepEqual(
        [
          found!.message.cost,
          found!.message.deadline,
          found!.message.replyTo,
          found!.message.report,
          { ...found!.message.notes },
        ],
        [2.5, 1_000, 'answers', 'reports', { v: '1' }],
      )
      deepEqual([later?.state, later?.message.key, later?.message.group], ['delayed', 'k', 'g'])
      equal(later!.readyAt, later!.sentAt + 1_000)
      const { ready, delayed: waiting, oldestReadyAt } = await ctx.depth('a')
      deepEqual([ready, waiting, oldestReadyAt], [1, 1, found!.readyAt])
      deepEqual(await ctx.browse('a', 'ready'), [found])
      const { stored, token, leaseUntil } = await ctx.leaseOne('a', { leaseMs: 5_000 })
      deepEqual(stored.message, found!.message)
      equal(leaseUntil, stored.leaseUntil)
      equal(leaseUntil, found!.sentAt + 5_000)
      deepEqual(await ctx.find('a', message.id), stored)
      await ctx.ack(token)
      deepEqual(await ctx.find('a', message.id), null)
    },
  },
  {
    law,
    name: 'what was confirmed at any level is handed out at once',
    async run(ctx) {
      for (const durability of ctx.engine.capabilities.durability.filter((level) => level !== 'joined')) {
        const message = ctx.message()
        await ctx.tryCommit({ durability, changes: [{ do: 'send', queue: 'a', message }] })
        deepEqual(await ctx.leasedIds('a'), [message.id], durability)
      }
    },
  },
  {
    law,
    name: 'what is not there is null, left out or empty',
    async run(ctx) {
      const id = await ctx.send('a')
      deepEqual(
        await ctx.engine.find([
          { queue: 'b', id },
          { queue: 'a', id: ctx.message().id },
        ]),
        [null, null],
      )
      deepEqual(await ctx.engine.depth(['b']), [])
      deepEqual(await ctx.engine.get(['none']), [null])
      deepEqual(await ctx.engine.browse({ queue: 'b', state: 'ready', after: null, limit: 10 }), {
        items: [],
        next: null,
      })
      deepEqual(await ctx.lease('b'), [])
    },
  },
  {
    law,
    name: 'browse shows each message of a state once, in order of arrival, page by page',
    async run(ctx) {
      const ids = await ctx.sendMany('a', 25)
      for (const limit of [1, 7, 25, 100]) {
        const items = await allPages((after) => ctx.engine.browse({ queue: 'a', state: 'ready', after, limit }))
        deepEqual(
          items.map(({ id }) => id),
          ids,
          `pages of ${limit}`,
        )
      }
    },
  },
  {
    law,
    name: 'browse goes on where it was when messages end and arrive meanwhile',
    async run(ctx) {
      const ids = await ctx.sendMany('a', 10)
      const first = await ctx.engine.browse({ queue: 'a', state: 'ready', after: null, limit: 4 })
      await ctx.commit({ do: 'discard', messages: [ids[1]!, ids[3]!, ids[5]!].map((id) => ({ queue: 'a', id })) })
      const [late] = await ctx.sendMany('a', 1)
      const rest = await allPages((after) =>
        ctx.engine.browse({ queue: 'a', state: 'ready', after: after ?? first.next, limit: 4 }),
      )
      deepEqual(
        [...first.items, ...rest].map(({ id }) => id),
        [...ids.filter((id) => id !== ids[5]), late],
      )
    },
  },
  {
    law,
    name: 'browse matches type, key, group, failure and time, all at once',
    async run(ctx) {
      const a = await ctx.send('a', { type: 'x', key: 'k', group: 'g' })
      await ctx.advance(1_000)
      const b = await ctx.send('a', { type: 'x', key: 'k2' })
      const c = await ctx.send('a', { type: 'y', group: 'g' })
      const deliveries = await ctx.lease('a')
      for (const { token, stored } of deliveries) await ctx.bury(token, stored.id === c ? 'other' : 'broken')
      const since = (await ctx.find('a', b))!.sentAt
      const matches = async (match: object) =>
        (await allPages((after) => ctx.engine.browse({ queue: 'a', state: 'dead', after, limit: 2, match }))).map(
          ({ id }) => id,
        )
      deepEqual(await matches({ type: 'x' }), [a, b])
      deepEqual(await matches({ group: 'g' }), [a, c])
      deepEqual(await matches({ key: 'k' }), [a])
      deepEqual(await matches({ error: 'broken' }), [a, b])
      deepEqual(await matches({ since }), [b, c])
      deepEqual(await matches({ before: since }), [a])
      deepEqual(await matches({ type: 'x', since, error: 'broken' }), [b])
      deepEqual(await matches({ type: 'x', group: 'g', error: 'other' }), [])
    },
  },
  {
    law,
    name: 'records are listed in bytewise order, page by page, and found by key and by alias',
    async run(ctx) {
      const keys = ['b/1', 'a', 'b/A', 'b/a', 'b/~', 'b/!', 'b', 'c', 'b/10', 'b/2']
      await ctx.commit(...keys.map((key) => ({ do: 'put', key, value: bytes(key) }) as const))
      const expected = keys.filter((key) => key.startsWith('b/')).sort()
      for (const limit of [1, 3, 100]) {
        const items = await allPages((after) => ctx.engine.list({ prefix: 'b/', after, limit }))
        deepEqual(
          items.map(({ key }) => key),
          expected,
          `pages of ${limit}`,
        )
      }
      // A page may also begin behind a text of one's own: of a record, or of none.
      for (const after of ['b/1', 'b/0', 'b/Z', 'b/~', 'a', 'c']) {
        const { items } = await ctx.engine.list({ prefix: 'b/', after, limit: 100 })
        deepEqual(
          items.map(({ key }) => key),
          expected.filter((key) => key > after),
          `behind ${after}`,
        )
      }
      // A text may be a key and an alias of others, whose keys are before and behind it.
      for (const [key, ...aliases] of [['d/5'], ['a/9', 'd/5'], ['x/9', 'd/5', 'd/6'], ['d/7']] as const)
        await ctx.commit({ do: 'put', key, value: bytes(key), aliases })
      const texts = async (after: string | null, limit: number): Promise<readonly string[]> =>
        (await allPages((next) => ctx.engine.list({ prefix: 'd/', after: next ?? after, limit }))).map(({ key }) => key)
      for (const limit of [1, 2, 100]) {
        deepEqual(await texts(null, limit), ['d/5', 'a/9', 'x/9', 'x/9', 'd/7'], `pages of ${limit}`)
        deepEqual(await texts('d/5', limit), ['a/9', 'x/9', 'x/9', 'd/7'], `behind a key, by ${limit}`)
        deepEqual(await texts('d/6', limit), ['x/9', 'd/7'], `behind an alias, by ${limit}`)
      }
      await ctx.commit({ do: 'put', key: 'user', value: bytes('1'), aliases: ['mail/x', 'mail/y'] })
      const [record] = await ctx.engine.get(['user'])
      deepEqual(await ctx.engine.get(['mail/x', 'mail/y', 'mail/z']), [record, record, null])
      deepEqual((await ctx.engine.list({ prefix: 'mail/', after: null, limit: 10 })).items, [record, record])
      await ctx.commit({ do: 'put', key: 'user', value: bytes('2'), aliases: ['mail/y'] })
      deepEqual(
        (await ctx.engine.get(['mail/x', 'mail/y'])).map((each) => each?.key),
        [undefined, 'user'],
      )
      await ctx.commit({ do: 'remove', key: 'user' })
      deepEqual(await ctx.engine.get(['user', 'mail/y']), [null, null])
    },
  },
  {
    law,
    name: 'a record is there until its time on the wall and not after',
    async run(ctx) {
      await ctx.commit({
        do: 'put',
        key: 'k',
        value: bytes('x'),
        expiresAt: ctx.clock.wallMs() + 1_000,
        aliases: ['alias'],
      })
      await ctx.advance(999)
      ok((await ctx.engine.get(['k']))[0])
      await ctx.advance(1)
      deepEqual(await ctx.engine.get(['k', 'alias']), [null, null])
      deepEqual((await ctx.engine.list({ prefix: '', after: null, limit: 10 })).items, [])
    },
  },
  {
    law,
    name: 'settings and subscriptions are read as records, and written by their own changes alone',
    async run(ctx) {
      const settings = { ...DEFAULT_QUEUE, paused: true }
      await ctx.configure('a', { paused: true })
      await ctx.bind('t', 's', { types: ['x.*'], filters: [{ exact: { subject: 'y' } }], order: 'key' })
      const [queue, subscription] = await ctx.engine.get(['queue/a', 'subscription/t/s'])
      deepEqual(fromJsonBytes(queue!.value), settings)
      deepEqual(fromJsonBytes(subscription!.value), {
        topic: 't',
        name: 's',
        types: ['x.*'],
        filters: [{ exact: { subject: 'y' } }],
        from: 'now',
        order: 'key',
        status: 'live',
        gaps: [],
      })
      for (const key of ['queue/a', 'subscription/t/s', 'topic/t', 'queue/b']) {
        equal((await ctx.refusal({ do: 'put', key, value: bytes('x') })).code, 'invalid')
        equal((await ctx.refusal({ do: 'remove', key })).code, 'invalid')
      }
      await ctx.commit({ do: 'unbind', topic: 't', name: 's' })
      deepEqual(await ctx.engine.get(['subscription/t/s']), [null])
    },
  },
  {
    law,
    name: 'a paused queue takes messages and hands none out until it goes on',
    async run(ctx) {
      await ctx.configure('a', { paused: true })
      const id = await ctx.send('a')
      deepEqual(await ctx.lease('a'), [])
      equal((await ctx.depth('a')).paused, true)
      await ctx.configure('a')
      deepEqual(await ctx.leasedIds('a'), [id])
    },
  },
  {
    law,
    name: 'retained events are read from the beginning, from a time, from a position and from now',
    needs: ['retained'],
    async run(ctx) {
      await ctx.commit({ do: 'retain', topic: 't', retention: { ms: null, count: 100 } })
      const first = await ctx.publish('t')
      await ctx.advance(1_000)
      const at = (await ctx.find('clock', await ctx.send('clock')))!.sentAt
      const rest = [await ctx.publish('t'), await ctx.publish('t')]
      const read = async (from: Parameters<Engine['read']>[0]['from']) =>
        (await ctx.engine.read({ topic: 't', from, limit: 100 })).items
      const all = await read('beginning')
      deepEqual(
        all.map(({ message }) => message.id),
        [first, ...rest].map(({ id }) => id),
      )
      deepEqual(await read({ at }), all.slice(1))
      deepEqual(await read({ position: all[0]!.position }), all.slice(1), 'a position stands for what comes after it')
      deepEqual(await read('now'), [])
    },
  },
  {
    law,
    name: 'what one process wrote another sees at once',
    needs: ['second'],
    async run(ctx) {
      const other = await ctx.second()
      for (let n = 0; n < 20; n++) {
        const message = ctx.message()
        await ctx.commit({ do: 'send', queue: 'a', message }, { do: 'put', key: 'last', value: bytes(message.id) })
        deepEqual((await other.get(['last']))[0]?.value, bytes(message.id))
        ok((await other.find([{ queue: 'a', id: message.id }]))[0])
        const { deliveries } = await other.lease({
          id: `${n}`,
          worker: 'kit',
          holder: 'client',
          leaseMs: 60_000,
          wants: [{ queue: 'a', max: 1 }],
        })
        equal(deliveries[0]?.stored.id, message.id)
      }
    },
  },
]
