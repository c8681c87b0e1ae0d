// Topics in code: publish, subscribe, what a handler gets, versions, filters, order, replay, administration.

import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { handle, open, silentLog, subscribe, systemEvents, task, topic, type Event } from 'posthorn'
import { testPost } from 'posthorn/testing'
import { z } from 'zod'

const Order = z.object({ id: z.string(), total: z.number() })
const Payment = z.object({ order: z.string(), amount: z.coerce.number<string | number>() })
const orders = topic('orders', { 'order.created': Order, 'order.paid': Payment, 'refund.made': Payment })
const order = { id: 'o1', total: 3 }

test('each name gets every event that it wants, parsed, with its attributes', async () => {
  const got: [string, Event][] = []
  const note = (name: string) => (event: Event) => void got.push([name, event])
  await using t = await testPost([
    subscribe(orders, 'all', '**', note('all')),
    subscribe(orders, 'paid', 'order.paid', note('paid')),
    subscribe(orders, 'some', ['order.*', 'refund.**'], note('some'), {
      filters: [{ any: [{ prefix: { subject: 'a' } }, { exact: { region: 'eu' } }] }],
    }),
  ])
  const receipt = await t.post.publish(orders, 'order.paid', { order: 'o1', amount: '7' }, { subject: 'abc', key: 'k' })
  deepEqual([receipt.matched, receipt.duplicate, receipt.durability], [3, false, 'memory'])
  equal((await t.post.publish(orders, 'order.created', order)).matched, 1)
  equal((await t.post.publish(orders, 'order.created', order, { attributes: { region: 'eu' } })).matched, 2)
  deepEqual(await t.drain(), { handled: 6 })
  deepEqual(
    got
      .filter(([, { type }]) => type === 'order.paid')
      .map(([name]) => name)
      .sort(),
    ['all', 'paid', 'some'],
  )
  const paid = got.find(([name]) => name === 'paid')![1]
  deepEqual(paid, {
    id: receipt.id,
    source: 'posthorn:',
    type: 'order.paid',
    subject: 'abc',
    time: '2026-01-01T00:00:00.000Z',
    key: 'k',
    data: { order: 'o1', amount: 7 },
  })
  deepEqual(
    t.published(orders).map(({ type, data }) => [type, data]),
    [
      ['order.paid', { order: 'o1', amount: '7' }],
      ['order.created', order],
      ['order.created', order],
    ],
  )
})

test('what is published in a commit or by a handler takes place with it, all or nothing', async () => {
  const got: string[] = []
  const run = task('run', { input: z.object({ fail: z.boolean() }), retry: { attempts: 1 } })
  await using t = await testPost([
    subscribe(orders, 'all', '**', (event, ctx) => {
      got.push(event.type)
      equal(ctx.message.event['causationid'], event.type === 'refund.made' ? caused : undefined)
    }),
    handle(run, ({ fail }, ctx) => {
      const { id } = ctx.publish(orders, 'refund.made', { order: 'o1', amount: 1 })
      match(id, /^[0-9a-f-]{36}$/)
      if (fail) throw new Error('no')
    }),
  ])
  await t.post.commit((fx) => {
    fx.publish(orders, 'order.created', order)
    fx.publish(orders, 'order.paid', { order: 'o1', amount: 1 })
  })
  await rejects(
    t.post.commit((fx) => {
      fx.publish(orders, 'order.created', order)
      fx.put('k', 1, { ifVersion: 'x' })
    }),
    { code: 'conflict' },
  )
  await t.post.send(run, { fail: true })
  const { id: caused } = await t.post.send(run, { fail: false })
  await t.drain()
  deepEqual(got.sort(), ['order.created', 'order.paid', 'refund.made'])
  const performed = await t.perform(run, { fail: false })
  deepEqual(
    performed.effects.map((effect) => effect.do === 'publish' && [effect.topic, effect.type, effect.data]),
    [['orders', 'refund.made', { order: 'o1', amount: 1 }]],
  )
})

test('a handler of events is run alone, as one of a task is', async () => {
  await using t = await testPost([
    subscribe(orders, 'billing', 'order.**', (event, ctx) => {
      ctx.publish(orders, 'refund.made', { order: event.key ?? '', amount: ctx.attempt })
      return event.type === 'order.paid' && event.data.amount > 100 ? ctx.bury('too much') : undefined
    }),
  ])
  const done = await t.performEvent(orders, 'billing', 'order.created', order, { key: 'k', attempt: 3 })
  equal(done.outcome, 'done')
  deepEqual(
    done.effects.map((effect) => effect.do === 'publish' && [effect.type, effect.data]),
    [['refund.made', { order: 'k', amount: 3 }]],
  )
  const buried = await t.performEvent(orders, 'billing', 'order.paid', { order: 'o', amount: '101' })
  deepEqual(buried, { outcome: 'bury', code: 'buried', reason: 'too much', effects: [] })
  await rejects(t.performEvent(orders, 'nobody', 'order.created', order), {
    code: 'invalid-option',
    message: /'nobody'/,
  })
  equal(t.published(orders).length, 0)
})

test('retries, timeouts and dead letters are those of any queue, and of one name alone', async () => {
  let runs = 0
  await using t = await testPost([
    subscribe(orders, 'bad', '**', () => (runs++, Promise.reject(new Error('no'))), {
      retry: { attempts: 2, backoff: { base: '1s', jitter: 'none' } },
    }),
    subscribe(orders, 'good', '**', () => {}),
  ])
  await t.post.publish(orders, 'order.created', order)
  await t.drain()
  t.clock.advance('2s')
  await t.drain()
  equal(runs, 2)
  const bad = (await t.post.topic(orders).subscription('bad'))!
  deepEqual([bad.dead, bad.lag, bad.queue], [1, 0, 'topic:orders:bad'])
  deepEqual(await t.post.queue(bad.queue).redrive(), { matched: 1, moved: 1 })
  equal((await t.post.topic('orders').subscription('good'))!.dead, 0)
})

test('an event is checked before it is published, and what a type is not known as is told', async () => {
  await using t = await testPost()
  await rejects(t.post.publish(orders, 'order.created', { id: 'x' } as never), {
    code: 'invalid-input',
    message: /total/,
  })
  await rejects(t.post.publish(orders, 'order.creatd' as never, order as never), {
    code: 'unknown-event',
    message: /topic 'orders' has no event type "order.creatd": there are 'order.created'/,
  })
  await rejects(t.post.publish({ kind: 'topic', name: 'x' } as never, 'a' as never, 1 as never), {
    code: 'invalid-option',
  })
  await rejects(t.post.publish(orders, 'order.created', order, { attributes: { Region: 'eu' } }), {
    code: 'invalid-option',
    message: /attributes/,
  })
  await rejects(t.post.publish(orders, 'order.created', order, { dealy: '1s' } as never), {
    message: /did you mean 'delay'/,
  })
  throws(() => topic('a b', { x: Order }), { code: 'invalid-name' })
  throws(() => topic('t', {}), { code: 'invalid-option' })
  throws(() => topic('t', { 'a b': Order }), { code: 'invalid-option', message: /event type/ })
  throws(() => topic('t', { x: Order }, { versions: { y: { version: 2 } } } as never), { code: 'invalid-option' })
  throws(() => topic('t', { x: Order }, { retain: { for: '7' as never } }), { code: 'duration-without-unit' })
  throws(() => subscribe(orders, 'a b', '**', () => {}), { code: 'invalid-name' })
  throws(() => subscribe(orders, 'a', 'order.' as never, () => {}), { code: 'invalid-option', message: /pattern/ })
  throws(() => subscribe(orders, 'a', [], () => {}), { code: 'invalid-option' })
  throws(() => subscribe(orders, 'a', '**', () => {}, { filters: [{ exact: {} }] }), { code: 'invalid-option' })
  throws(() => subscribe(orders, 'a', '**', () => {}, { from: new Date() as never }), { code: 'invalid-option' })
  throws(() => subscribe(orders, 'a', '**', () => {}, { order: 'any' as never }), { code: 'invalid-option' })
})

test('events of an older version are lifted, those of a newer one or an unknown type are left to others', async () => {
  const v1 = topic('people', { 'person.seen': z.object({ name: z.string() }) })
  const v2 = topic(
    'people',
    { 'person.seen': z.object({ first: z.string() }), 'person.left': z.object({}) },
    { versions: { 'person.seen': { version: 2, upcast: { 1: (old: { name: string }) => ({ first: old.name }) } } } },
  )
  const got: unknown[] = []
  await using t = await testPost([subscribe(v2, 'new', '**', ({ data }) => void got.push(data))])
  await t.post.topic('people').subscribe('old', { types: ['**'] })
  await t.post.publish(v1, 'person.seen', { name: 'mara' })
  await t.post.publish(v2, 'person.seen', { first: 'noa' })
  await t.drain()
  deepEqual(got.slice(), [{ first: 'mara' }, { first: 'noa' }])
  const worker = await t.post.work([subscribe(v1, 'old', '**', ({ data }) => void got.push(data))])
  deepEqual(await worker.drain(), { handled: 1 })
  deepEqual(got[2], { name: 'mara' })
  equal((await t.post.queue('topic:people:old').depth())!.delayed, 1, 'the newer one is given back, uncounted')
})

test('a key of the topic keeps order per key, strict over all, none not at all', async () => {
  const keyed = topic('keyed', { moved: z.object({ who: z.string(), n: z.number() }) }, { key: ({ data }) => data.who })
  await using t = await testPost([
    subscribe(keyed, 'key', '**', () => {}),
    subscribe(keyed, 'strict', '**', () => {}, { order: 'strict' }),
    subscribe(keyed, 'none', '**', () => {}, { order: 'none' }),
  ])
  for (const [who, n] of [
    ['a', 1],
    ['a', 2],
    ['b', 1],
  ] as const)
    await t.post.publish(keyed, 'moved', { who, n })
  const ready = async (name: string) => (await t.post.queue(`topic:keyed:${name}`).depth())!.ready
  deepEqual([await ready('key'), await ready('strict'), await ready('none')], [2, 1, 3])
  deepEqual(
    t.published(keyed).map(({ message }) => message.key),
    ['a', 'a', 'b'],
  )
})

test('a retained topic is read, and a new name begins at the beginning, a time or a position', async () => {
  const log = topic('log', { line: z.object({ n: z.number() }) }, { retain: { for: '1d', count: 100 } })
  const got: Record<string, number[]> = { all: [], late: [], after: [], now: [] }
  const note =
    (name: string) =>
    ({ data }: Event<'line', { n: number }>) =>
      void got[name]!.push(data.n)
  await using t = await testPost()
  for (let n = 1; n <= 3; n++) await t.post.publish(log, 'line', { n })
  deepEqual(await t.post.topic(log).retention(), { ms: 86_400_000, count: 100 })
  const page = await t.post.topic(log).read({ limit: 2 })
  equal(page.items.length, 2)
  ok(page.next)
  const rest = await t.post.topic(log).read({ from: { position: page.next } })
  deepEqual(
    rest.items.map(({ event }) => event.type),
    ['line'],
  )
  t.clock.advance('1m')
  const since = t.clock.wallMs()
  await t.post.publish(log, 'line', { n: 4 })
  const worker = await t.post.work([
    subscribe(log, 'all', '**', note('all'), { from: 'beginning', order: 'strict' }),
    subscribe(log, 'late', '**', note('late'), { from: { at: new Date(since) } }),
    subscribe(log, 'after', '**', note('after'), { from: { position: page.next }, order: 'strict' }),
    subscribe(log, 'now', '**', note('now')),
  ])
  await t.post.publish(log, 'line', { n: 5 })
  await worker.drain()
  await worker.stop()
  deepEqual(got, { all: [1, 2, 3, 4, 5], late: [4, 5], after: [3, 4, 5], now: [5] })
  t.clock.advance('2d')
  deepEqual((await t.post.topic(log).read()).items, [])
  await t.post.topic(log).retain(null)
  await rejects(t.post.topic(log).read(), { code: 'unsupported' })
  await rejects(t.post.work([subscribe(orders, 'x', '**', () => {}, { from: 'beginning' })]), { code: 'unsupported' })
})

test('what a topic keeps is in place before the first event that is published, by whomever', async () => {
  const kept = (name: string) => topic(name, { line: z.number() }, { retain: { count: 10 } })
  const [one, two, three] = [kept('one'), kept('two'), kept('three')]
  await using t = await testPost([handle(task('run'), (_, ctx) => void ctx.publish(three, 'line', 3))])
  await t.post.publish(one, 'line', 1)
  await t.post.commit((fx) => void fx.publish(two, 'line', 2))
  await t.post.send(task('run'))
  await t.drain()
  for (const each of [one, two, three]) equal((await t.post.topic(each).read()).items.length, 1, each.name)
})

test('a full subscription is suspended and shown with its gap; its topic and the others go on', async () => {
  await using t = await testPost([
    subscribe(orders, 'slow', '**', () => {}, { queue: { limit: { messages: 2 } } }),
    subscribe(orders, 'fast', '**', () => {}),
  ])
  for (let n = 0; n < 5; n++) await t.post.publish(orders, 'order.created', order)
  const { items } = await t.post.topic(orders).subscriptions()
  deepEqual(
    items.map(({ name, status, lag }) => [name, status, lag]),
    [
      ['fast', 'live', 5],
      ['slow', 'suspended', 2],
    ],
  )
  equal(items[1]!.gaps[0]!.count, 3)
  t.clock.advance('2d')
  equal((await t.post.topic(orders).subscription('fast'))!.idle, true, 'nobody has taken its events for a day')
  deepEqual(await t.drain(), { handled: 7 })
  await t.post.publish(orders, 'order.created', order)
  equal((await t.post.topic(orders).subscription('slow'))!.status, 'live')
  equal((await t.post.topic(orders).subscription('fast'))!.idle, false)
})

test('operators hear of a suspension and of its end, as typed events', async () => {
  const told: unknown[] = []
  await using t = await testPost([
    subscribe(systemEvents, 'ops', 'posthorn.subscription.*', ({ type, data }) => {
      told.push([type, data.topic, data.name, data.messages])
    }),
    subscribe(orders, 'slow', '**', () => {}, { queue: { limit: { messages: 1 } } }),
  ])
  for (let n = 0; n < 2; n++) await t.post.publish(orders, 'order.created', order)
  await t.drain()
  await t.drain()
  deepEqual(told, [
    ['posthorn.subscription.suspended', 'orders', 'slow', 1],
    ['posthorn.subscription.resumed', 'orders', 'slow', 0],
  ])
  equal(t.post.topic(systemEvents).name, 'system:events')
})

test('a name is ended by hand, with its backlog only by force', async () => {
  await using t = await testPost()
  const control = t.post.topic(orders)
  await control.subscribe('a', { types: ['order.*'], filters: [{ exact: { source: '/x' } }], order: 'none' })
  await t.post.publish(orders, 'order.created', order, { source: '/x' })
  await rejects(control.unsubscribe('a'), { code: 'subscription-backlog', message: /still has 1 event/ })
  equal(await control.unsubscribe('a', { force: true }), true)
  equal(await control.unsubscribe('a'), false)
  equal(await control.subscription('a'), null)
  equal((await t.post.publish(orders, 'order.created', order, { source: '/x' })).matched, 0)
  for (const name of ['c', 'b']) await control.subscribe(name)
  const first = await control.subscriptions({ limit: 1 })
  const second = await control.subscriptions({ after: first.next })
  deepEqual(
    [...first.items, ...second.items].map(({ name }) => name),
    ['b', 'c'],
  )
  await rejects(control.subscriptions({ limit: 0 }), { code: 'invalid-option' })
})

test('a deployment that changes nothing writes nothing; one that changes something is followed and told', async () => {
  const told: string[] = []
  const log = { ...silentLog, info: (message: string) => void told.push(message) }
  const post = await open('memory:', { log })
  const version = async () => (await post.topic(orders).subscription('a'))!.version
  const start = async (...types: ('order.*' | '**')[]) =>
    (await post.work([subscribe(orders, 'a', types, () => {})])).stop()
  await start('order.*')
  const first = await version()
  await start('order.*')
  equal(await version(), first)
  deepEqual(told, [])
  await start('order.*', '**')
  ok((await version()) !== first)
  match(told.join(), /subscription 'a' of topic 'orders' wants was changed/)
  await rejects(post.work([subscribe(orders, 'a', '**', () => {}), subscribe(orders, 'a', '**', () => {})]), {
    code: 'duplicate-handler',
  })
  await post.close()
})

test('patterns mean at run time what they mean as types (test/types/inference.ts)', async () => {
  await using t = await testPost()
  const types = ['a', 'a.b', 'a.b.c', 'b.c']
  const all = topic('all', Object.fromEntries(types.map((type) => [type, z.null()])))
  const table = {
    '*': ['a'],
    '**': types,
    'a.**': ['a', 'a.b', 'a.b.c'],
    '**.c': ['a.b.c', 'b.c'],
    '*.*': ['a.b', 'b.c'],
    'a.**.c': ['a.b.c'],
    '**.b.**': ['a.b', 'a.b.c', 'b.c'],
  }
  const names = Object.keys(table)
  for (const [at, pattern] of names.entries()) await t.post.topic(all).subscribe(`s${at}`, { types: [pattern] })
  for (const type of types) await t.post.publish(all, type, null)
  for (const [at, wanted] of Object.values(table).entries()) {
    const { items } = await t.post.queue(`topic:all:s${at}`).browse({ state: 'ready' })
    deepEqual(
      items.map(({ message }) => message.event.type),
      wanted,
      names[at],
    )
  }
})

test('on disk: names, backlogs and what is kept outlive the process, and who begins late gets each event once', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-topic-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const log = topic('log', { line: z.number() }, { retain: { count: 10_000 } })
  const got: Record<string, number[]> = {}
  const reader = (name: string) =>
    subscribe(log, name, '**', ({ data }) => void (got[name] ??= []).push(data), { from: 'beginning', order: 'strict' })
  const expected = (to: number) => Array.from({ length: to }, (_, n) => n)
  {
    await using post = await open(`file:${folder}`, { log: silentLog })
    await using worker = await post.work([reader('early')])
    for (let n = 0; n < 300; n++) await post.publish(log, 'line', n)
    await worker.drain()
    await post.topic(log).subscribe('waiting', { order: 'strict' })
    for (let n = 300; n < 400; n++) await post.publish(log, 'line', n)
  }
  await using post = await open(`file:${folder}`, { log: silentLog })
  equal((await post.topic('log').subscription('waiting'))!.lag, 100)
  const publishing = (async () => {
    for (let n = 400; n < 900; n++) await post.publish(log, 'line', n)
  })()
  await using worker = await post.work([reader('early'), reader('late')])
  await publishing
  await worker.drain()
  deepEqual(got['early'], expected(900))
  deepEqual(got['late'], expected(900), 'neither a gap nor a double where it went over from what is kept to what comes')
  equal((await post.topic('log').subscription('waiting'))!.lag, 600)
})
