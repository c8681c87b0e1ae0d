// Forwarding: what a source tells is durable before whoever sent it is told so, once, in order, on every engine.

import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { fileChanges, forward, mapped, on, source, timer } from '../../src/event/index.ts'
import { ManualClock } from '../../src/core/clock.ts'
import type { CommitResult } from '../../src/core/engine.ts'
import { isPosthornError, PosthornError } from '../../src/core/error.ts'
import { internalsOf, open, type Post } from '../../src/posthorn.ts'
import { testPost } from '../../src/testing/index.ts'
import { subscribe, topic } from '../../src/topic/index.ts'
import { onEngines } from '../engines.ts'
import { createTestLog, Gate, until } from './workbench.ts'

const { log } = createTestLog()
const Order = z.object({ id: z.string(), total: z.number() })
const shop = () => source('shop', { 'order.created': Order, 'order.paid': Order }, { log })
const orders = topic('orders', { 'order.created': Order, 'order.paid': Order }, { retain: { count: 10_000 } })
const isCode = (code: string) => (error: unknown) => isPosthornError(error) && error.code === code

async function eventsOf(post: Post) {
  const { items } = await post.topic(orders).read({ limit: 500 })
  return items.map(({ event, message }) => ({
    event,
    data: JSON.parse(new TextDecoder().decode(message.body)) as unknown,
  }))
}

onEngines('emitted, forwarded, durable when emit resolves, in order; an id is published once', async (url) => {
  const told = shop()
  await using post = await open(url, { log })
  await using _ = await post.work([forward(told, orders)])
  await told.emit('order.created', { id: 'a', total: 1 }, { id: 'e1', subject: 'vip/a' })
  deepEqual(
    (await eventsOf(post)).map(({ event: { id, source: from, type, subject }, data }) => ({
      id,
      from,
      type,
      subject,
      data,
    })),
    [{ id: 'e1', from: 'shop', type: 'order.created', subject: 'vip/a', data: { id: 'a', total: 1 } }],
  )
  await told.emit('order.created', { id: 'a', total: 1 }, { id: 'e1' })
  // Many at once keep their order.
  await Promise.all(
    Array.from({ length: 250 }, (_, n) => told.emit('order.paid', { id: 'a', total: n }, { id: `p${n}` })),
  )
  const published = await eventsOf(post)
  // Of two of one id in one commit the first is published. The two wait together, behind the commit of the one before them.
  await Promise.all([
    told.emit('order.paid', { id: 'b', total: 0 }),
    ...[1, 2].map((total) => told.emit('order.created', { id: 'b', total }, { id: 'e2' })),
  ])
  deepEqual(
    (await eventsOf(post)).slice(251).map(({ data }) => (data as { total: number }).total),
    [0, 1],
  )
  deepEqual(
    published.slice(1).map(({ data }) => (data as { total: number }).total),
    Array.from({ length: 250 }, (_, n) => n),
  )
})

/** Answers some calls of commit itself, as an engine in trouble does. */
function troubled(post: Post, answer: (call: number) => CommitResult | Error | null): { calls: number } {
  const state = { calls: 0 }
  const { engine } = internalsOf(post)
  const commit = engine.commit.bind(engine)
  engine.commit = async (commits) => {
    if (!commits.some(({ changes }) => changes.some((change) => change.do === 'publish'))) return commit(commits)
    const given = answer(++state.calls)
    if (given instanceof Error) throw given
    return given === null ? commit(commits) : commits.map(() => given)
  }
  return state
}

test('whoever emits is told that it is not durable, and nothing is tried in his place', async () => {
  const told = shop()
  await using post = await open('memory:', { log })
  await using _ = await post.work([forward(told, orders)])
  const trouble = troubled(post, (call) => (call === 1 ? new PosthornError('unknown', 'the answer was lost') : null))
  await rejects(told.emit('order.created', { id: 'a', total: 1 }, { id: 'e1' }), isCode('unknown'))
  equal(trouble.calls, 1)
  await told.emit('order.created', { id: 'a', total: 1 }, { id: 'e1' })
  equal((await eventsOf(post)).length, 1)
})

test('where nobody waits for an answer, what fails for a while is tried again, in order and once', async (context) => {
  const inbox = join(mkdtempSync(join(tmpdir(), 'posthorn-inbox-')))
  context.after(() => rmSync(inbox, { recursive: true }))
  const files = topic(
    'files',
    {
      'file.created': z.object({ path: z.string() }),
      'file.changed': z.object({ path: z.string() }),
      'file.removed': z.object({ path: z.string() }),
    },
    { retain: { count: 100 } },
  )
  const { log: kept, entries } = createTestLog()
  await using post = await open('memory:', { log: kept })
  const trouble = troubled(post, (call) =>
    call <= 2 ? { status: 'refused', code: 'disk-full', at: 0, detail: 'no room' } : null,
  )
  for (const name of ['a', 'b', 'c']) writeFileSync(join(inbox, name), name)
  const told = fileChanges('inbox', inbox, { log, existing: true, settle: '5ms' })
  await using _ = await post.work([forward(told, files, { types: 'file.*' })])
  const paths = async () => (await post.topic(files).read()).items.map(({ event }) => event.subject)
  await until(async () => trouble.calls > 2 && (await paths()).length === 3, 'all are published')
  deepEqual(await paths(), ['a', 'b', 'c'])
  equal(entries.filter(({ message }) => message.includes('trying again')).length, 1)
})

test('an event that can never be published is told and left out; the next one is published', async () => {
  const clock = new ManualClock()
  const ticks = timer('tick', { every: '10ms', clock, log })
  const seconds = topic(
    'seconds',
    { 'timer.ticked': z.object({ number: z.number().min(2) }) },
    { retain: { count: 10 } },
  )
  const errors: string[] = []
  await using post = await open('memory:', { log })
  await using _ = await post.work([
    forward(ticks, seconds, { onError: ({ code }, { data }) => errors.push(`${code} ${data.number}`) }),
  ])
  clock.advance(10)
  await until(() => errors.length === 1 && clock.nextTimerInMs() !== null, 'the first is told')
  clock.advance(10)
  await until(async () => (await post.topic(seconds).read()).items.length > 0, 'the second is published')
  deepEqual(errors, ['invalid-input 1'])
})

test('mapped makes thin events, other types, or none; of a mapped one again', async () => {
  const told = shop()
  const thin = topic('thin', { 'order.touched': z.object({ id: z.string() }) }, { retain: { count: 10 } })
  const touched = mapped(told, ({ type, data, id }) =>
    type === 'order.created' || data.total === 0
      ? null
      : { type: 'order.touched', data: { id: data.id }, key: data.id, subject: `of ${id}` },
  )
  const seen: unknown[] = []
  await using post = await open('memory:', { log })
  await using _ = await post.work([forward(touched, thin)])
  using __ = await on(touched, ({ type, data, key }) => seen.push([type, data.id, key]))
  using ___ = await on(
    mapped(touched, ({ data }) => ({ type: 'id', data: data.id.toUpperCase() })),
    ({ data }) => seen.push(data),
    { types: 'id' },
  )
  await told.emit('order.created', { id: 'a', total: 1 })
  await told.emit('order.paid', { id: 'b', total: 0 })
  await told.emit('order.paid', { id: 'c', total: 1 }, { id: 'e' })
  const { items } = await post.topic(thin).read()
  deepEqual(
    items.map(({ event, key, message }) => [
      event.id,
      event.type,
      event.subject,
      key,
      new TextDecoder().decode(message.body),
    ]),
    [['e', 'order.touched', 'of e', 'c', '{"id":"c"}']],
  )
  deepEqual(seen, [['order.touched', 'c', 'c'], 'C'])
  const wrong = mapped(told, () => ({ typ: 'order.touched' }) as never)
  await using ____ = await post.work([forward(wrong, thin as never)])
  await rejects(
    told.emit('order.paid', { id: 'c', total: 1 }),
    /the map of source 'shop' must give \{ type, data, key, subject \}/,
  )
})

test('what comes after an event that fails for a while waits for it: the order holds', async (context) => {
  const inbox = join(mkdtempSync(join(tmpdir(), 'posthorn-inbox-')))
  context.after(() => rmSync(inbox, { recursive: true }))
  const files = topic('files', { 'file.created': z.object({ path: z.string() }) }, { retain: { count: 100 } })
  await using post = await open('memory:', { log })
  const { engine } = internalsOf(post)
  const commit = engine.commit.bind(engine)
  let refusals = 0
  engine.commit = async (commits) => {
    const results = await Promise.all(
      commits.map(async (each): Promise<CommitResult> => {
        const at = each.changes.findIndex((change) => change.do === 'publish' && change.message.event.subject === 'a')
        if (at < 0 || ++refusals > 2) return (await commit([each]))[0]!
        return { status: 'refused', code: 'disk-full', at, detail: 'no room' }
      }),
    )
    return results
  }
  for (const name of ['a', 'b', 'c']) writeFileSync(join(inbox, name), name)
  const told = fileChanges('inbox', inbox, { log, existing: true, settle: '5ms' })
  await using _ = await post.work([forward(told, files, { types: 'file.created' })])
  const paths = async () => (await post.topic(files).read()).items.map(({ event }) => event.subject)
  await until(async () => (await paths()).length === 3, 'all are published')
  deepEqual(await paths(), ['a', 'b', 'c'])
})

test('two forwards of one source to one topic are told apart by name, and each publishes its own', async () => {
  const told = shop()
  const both = topic(
    'both',
    { 'order.created': Order, 'order.paid': Order, 'order.touched': z.object({ id: z.string() }) },
    { retain: { count: 10 } },
  )
  const touched = mapped(told, ({ data }) => ({ type: 'order.touched', data: { id: data.id } }))
  await using post = await open('memory:', { log })
  await rejects(
    post.work([forward(told, both), forward(touched, both)]),
    /there are two of forward\(shop, both\): give each a name of its own/,
  )
  await using _ = await post.work([forward(told, both), forward(touched, both, { name: 'thin' })])
  for (const _of of ['first', 'again']) await told.emit('order.created', { id: 'a', total: 1 }, { id: 'e1' })
  deepEqual((await post.topic(both).read()).items.map(({ event }) => event.type).toSorted(), [
    'order.created',
    'order.touched',
  ])
})

test('a source forwarded to two topics is durable in both, and listened to besides', async () => {
  const told = shop()
  const other = topic('other', { 'order.created': Order, 'order.paid': Order }, { retain: { count: 10 } })
  const seen: string[] = []
  await using post = await open('memory:', { log })
  await using worker = await post.work([forward(told, orders), forward(told, other)])
  using _ = await on(told, ({ data }) => seen.push(data.id))
  await told.emit('order.created', { id: 'a', total: 1 })
  equal((await post.topic(orders).read()).items.length, 1)
  equal((await post.topic(other).read()).items.length, 1)
  deepEqual(seen, ['a'])
  await worker.stop()
  await told.emit('order.created', { id: 'b', total: 1 })
  equal((await post.topic(orders).read()).items.length, 1)
})

test('a stop publishes what waits; drain waits for it as well', async () => {
  const told = shop()
  await using post = await open('memory:', { log })
  const worker = await post.work([forward(told, orders)])
  const { engine } = internalsOf(post)
  const commit = engine.commit.bind(engine)
  const gate = new Gate()
  let calls = 0
  engine.commit = async (commits) => {
    calls++
    await gate.pass()
    return commit(commits)
  }
  const emitting = Array.from({ length: 500 }, (_, n) => told.emit('order.created', { id: `${n}`, total: n }))
  await until(() => calls === 1, 'the first are on their way')
  const draining = worker.drain()
  const stopping = worker.stop()
  gate.open()
  await Promise.all([...emitting, draining, stopping])
  equal((await post.topic(orders).read({ limit: 500 })).items.length, 500)
})

test('a source that cannot begin keeps the worker from beginning, whole', async () => {
  const told = shop()
  let ended = 0
  await using post = await open('memory:', { log })
  await rejects(
    post.work(() => ({
      handlers: [
        forward(told, orders),
        forward(
          mapped(fileChanges('none', '/none/at/all', { log }), () => null),
          orders,
        ),
      ],
      stop: () => void ended++,
    })),
    /it must be a folder or a file that is there/,
  )
  equal(ended, 1)
  await told.emit('order.created', { id: 'a', total: 1 })
  equal(
    (
      await post
        .topic(orders)
        .read()
        .catch(() => ({ items: [] }))
    ).items.length,
    0,
  )
})

test('mistakes are told by name', async () => {
  const told = shop() as never
  throws(
    () => forward(orders as never, orders as never),
    /the first argument of forward\(\) is a topic: it must be a source/,
  )
  throws(() => forward(told, told), /the second argument of forward\(\)/)
  throws(() => forward(told, orders as never, { type: 1 } as never), /did you mean 'types'\?/)
  throws(() => forward(told, orders as never, { onError: 1 } as never), /onError is 1: it must be a function/)
  throws(() => mapped(told, 1 as never), /map is 1: it must be a function from an event to \{ type, data \}/)
  await using post = await open('memory:', { log })
  await rejects(post.work([told]), /source 'shop' stands beside handlers, and has nothing that a server could mount/)
  await rejects(post.work([{ kind: 'forward' }] as never), isCode('invalid-module'))
  const unknown = source('shop', { 'order.lost': Order }, { log })
  await using _ = await post.work([forward(unknown as never, orders as never)])
  await rejects(unknown.emit('order.lost', { id: 'a', total: 1 }), isCode('unknown-event'))
})

test('in users’ own tests what a source is told is published, and handled at the drain', async () => {
  const told = shop()
  const seen: string[] = []
  await using t = await testPost([
    forward(told, orders),
    subscribe(orders, 'all', '**', ({ data }) => void seen.push(data.id)),
  ])
  await told.emit('order.created', { id: 'a', total: 1 })
  deepEqual(
    t.published(orders).map(({ type, data }) => [type, data.id]),
    [['order.created', 'a']],
  )
  deepEqual(await t.drain(), { handled: 1 })
  deepEqual(seen, ['a'])
})
