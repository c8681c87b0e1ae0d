// Operations: waiting, reattaching, progress, telling, listing, erasing. The life of one call of a task.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { handle, open, task, type MessageOptions } from 'posthorn'
import { testPost } from 'posthorn/testing'
import { z } from 'zod'
import { ManualClock } from '../../src/core/clock.ts'
import { toResource } from '../../src/operation/index.ts'
import { createPost, internalsOf } from '../../src/posthorn.ts'

const echo = task('echo', { input: z.string(), output: z.string() })

test('the view of an operation follows its life', async () => {
  await using t = await testPost([handle(echo, (text) => text)])
  const operation = await t.post.send(echo, 'x', { delay: '1m' })
  const { id, task: name, status, done, attempts, createdAt } = (await operation.view())!
  deepEqual(
    { name, status, done, attempts, createdAt },
    { name: 'echo', status: 'accepted', done: false, attempts: 0, createdAt: new Date('2026-01-01T00:00:00Z') },
  )
  equal(id, operation.id)
  t.clock.advance('1m')
  await t.drain()
  const ended = (await operation.view())!
  deepEqual([ended.status, ended.done, ended.attempts, ended.output], ['succeeded', true, 1, 'x'])
  deepEqual([ended.startedAt, ended.endedAt], [new Date('2026-01-01T00:01:00Z'), new Date('2026-01-01T00:01:00Z')])
})

test('an operation is held again by its id, also when it has ended', async () => {
  await using t = await testPost([handle(echo, (text) => text)])
  const { id } = await t.post.send(echo, 'x')
  equal(await t.post.operation(echo, id).result(), 'x')
  equal(await t.post.operation(echo, id).result(), 'x')
  const nobody = t.post.operation(echo, '01890000-0000-7000-8000-000000000000')
  equal(await nobody.view(), undefined)
  await rejects(nobody.result(), { code: 'operation-not-found', message: /task 'echo' has no operation 01890000/ })
  await nobody.cancel()
  equal(await t.post.operation(task('other'), id).view(), undefined, 'an operation of another task')
})

test('a duplicate send is the first one’s operation', async () => {
  await using t = await testPost([handle(echo, (text) => text)])
  const first = await t.post.send(echo, 'x', { dedupe: 'd' })
  const second = await t.post.send(echo, 'y', { dedupe: 'd' })
  equal(second.id, first.id)
  deepEqual([first.receipt.duplicate, second.receipt.duplicate], [false, true])
  equal(await second.result(), 'x')
})

test('a wait that is over says so, and the operation goes on', async () => {
  const clock = new ManualClock()
  await using post = await open('memory:', { clock })
  const operation = await post.send(echo, 'x')
  const advance = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1_000)
      await turns()
    }
  }
  const message = new RegExp(`operation ${operation.id} of task 'echo' was still accepted after 10000 ms; it goes on`)
  await Promise.all([rejects(operation.result({ timeout: '10s' }), { code: 'wait-timed-out', message }), advance(10)])
  let over = false
  const byDefault = rejects(operation.ended(), { code: 'wait-timed-out' }).then(() => (over = true))
  await advance(29)
  equal(over, false)
  await advance(2)
  await byDefault
})

test('a signal ends the wait, and so does the closing of the post', async () => {
  const post = await open('memory:', { clock: new ManualClock() })
  const operation = await post.send(echo, 'x')
  const aborter = new AbortController()
  const aborted = operation.result({ signal: aborter.signal })
  const closed = operation.result()
  await turns()
  aborter.abort()
  await rejects(aborted, { code: 'aborted' })
  await rejects(operation.result({ signal: aborter.signal }), { code: 'aborted' })
  await Promise.all([rejects(closed, { code: 'closed' }), post.close()])
})

test('a wait finds the end by itself where every hint is lost', async () => {
  const clock = new ManualClock()
  const hinting = await open('memory:', { clock })
  const { engine } = internalsOf(hinting)
  const deaf = { ...bound(engine), watch: () => ({ [Symbol.dispose]() {} }) }
  const post = await createPost({ url: 'memory:', engine: deaf, options: { clock }, release: async () => {} })
  const operation = await post.send(echo, 'x')
  const waiting = operation.result()
  const worker = await hinting.work([handle(echo, (text) => text)])
  await worker.drain()
  for (let step = 0; step < 10; step++) {
    clock.advance(1_000)
    await turns()
  }
  equal(await waiting, 'x')
  await post.close()
  await hinting.close()
})

test('progress is seen while the handler runs, once a second, and not after', async () => {
  const report = Promise.withResolvers<(fraction: number, note?: string) => void>()
  const finish = Promise.withResolvers<string>()
  await using t = await testPost([handle(echo, (_, ctx) => (report.resolve(ctx.progress), finish.promise))])
  const operation = await t.post.send(echo, 'x')
  const drained = t.drain()
  const progress = await report.promise
  const seen = async () => (await turns(), (await operation.view())!.progress)
  equal(await seen(), undefined)
  progress(0.1, 'begun')
  deepEqual(await seen(), { fraction: 0.1, note: 'begun' })
  progress(0.2)
  progress(0.3)
  deepEqual(await seen(), { fraction: 0.1, note: 'begun' })
  t.clock.advance('1s')
  deepEqual(await seen(), { fraction: 0.3 })
  finish.resolve('x')
  await drained
  const { status, progress: last } = (await operation.view())!
  deepEqual([status, last], ['succeeded', undefined])
})

test('onSuccess and onFailure are durable messages of the ending commit', async () => {
  const told = task('told', { input: z.object({ id: z.string(), output: z.string() }), key: (end) => end.output })
  const sorry = task('sorry', {
    input: z.object({ id: z.string(), error: z.object({ code: z.string(), detail: z.string().optional() }) }),
  })
  const heard: unknown[] = []
  await using t = await testPost([
    handle(echo, (text, ctx) => (text === 'bad' ? ctx.bury('bad') : text.toUpperCase())),
    handle(told, (end) => void heard.push(end)),
    handle(sorry, (end) => void heard.push(end)),
  ])
  const good = await t.post.send(echo, 'good', { onSuccess: told, onFailure: sorry, group: 'g' })
  const bad = await t.post.send(echo, 'bad', { onSuccess: told, onFailure: sorry })
  const late = await t.post.send(echo, 'late', { onSuccess: told, onFailure: sorry, delay: '1h', expires: '1m' })
  const stopped = await t.post.send(echo, 'stopped', { onSuccess: told, onFailure: sorry, delay: '1h' })
  await stopped.cancel()
  t.clock.advance('2m')
  await t.drain()
  const codes = heard.map(
    (end) => (end as { error?: { code: string }; output?: string }).error?.code ?? (end as { output: string }).output,
  )
  deepEqual(codes.sort(), ['GOOD', 'buried', 'operation-cancelled', 'operation-expired'])
  deepEqual(new Set(heard.map((end) => (end as { id: string }).id)), new Set([good.id, bad.id, late.id, stopped.id]))
  const [message] = t.sent(told)
  equal(message!.message.key, 'GOOD', 'the contract’s own key')
  equal(message!.message.group, 'g', 'the tenant of the cause')
  equal(message!.message.event['causationid'], good.id)
})

test('onSuccess gets the parsed output, the record keeps the wire form', async () => {
  const measure = task('measure', { output: z.object({ width: z.coerce.number<string | number>() }) })
  const told = task('told', { input: z.object({ id: z.string(), output: z.object({ width: z.number() }) }) })
  await using t = await testPost([handle(measure, () => ({ width: '7' })), handle(told, () => {})])
  const operation = await t.post.send(measure, undefined, { onSuccess: told })
  deepEqual(await operation.result(), { width: 7 })
  await t.drain()
  deepEqual(
    t.sent(told).map(({ input }) => input.output),
    [{ width: 7 }],
  )
  deepEqual((await internalsOf(t.post).operations.get('measure', operation.id))!.output, { width: '7' })
})

test('a completion callback is a message of the ending commit, whoever ends the operation', async () => {
  await using t = await testPost([handle(echo, (text) => text)])
  const { composer, registry, engine } = internalsOf(t.post)
  await t.post.send(echo, 'x', { delay: '1d' })
  const url = 'https://app.example/hook'
  // As the server does for who says Posthorn-Callback.
  const send = async (input: string, options: MessageOptions): Promise<{ readonly id: string }> => {
    const { queue, message } = await composer.compose(registry.task('echo')!, input, options)
    await engine.commit([{ changes: [{ do: 'send', queue, message: { ...message, notes: { callback: url } } }] }])
    return message
  }
  const done = await send('x', {})
  const expired = await send('y', { delay: '1h', expires: '1m' })
  t.clock.advance('2m')
  await t.drain()
  const { items } = await engine.browse({ queue: 'system:callback', state: 'ready', after: null, limit: 10 })
  const seen = items.map(({ message }) => ({
    subject: message.event.subject,
    type: message.event.type,
    url: message.notes!['callback'],
    status: (JSON.parse(Buffer.from(message.body).toString()) as { status: string }).status,
  }))
  deepEqual(
    new Set(seen),
    new Set([
      { subject: done.id, type: 'posthorn.operation.ended', url, status: 'succeeded' },
      { subject: expired.id, type: 'posthorn.operation.ended', url, status: 'expired' },
    ]),
  )
})

test('operations are kept for seven days', async () => {
  await using t = await testPost([handle(echo, (text) => text)])
  const operation = await t.post.send(echo, 'x')
  await operation.result()
  t.clock.advance('6d')
  equal(await operation.result(), 'x')
  t.clock.advance('25h')
  equal(await operation.view(), undefined)
})

test('operations list by task, status and group, the living ones first', async () => {
  const other = task('other', { input: z.string(), output: z.string() })
  await using t = await testPost([
    handle(echo, (text, ctx) => (text === 'bad' ? ctx.bury('bad') : text)),
    handle(other, (text) => text),
  ])
  const send = async (contract: typeof echo, text: string, options: { delay?: '1h'; group?: string } = {}) =>
    (await t.post.send(contract, text, options)).id
  const ended = [await send(echo, 'a', { group: 'g' }), await send(echo, 'bad'), await send(other, 'b')]
  await t.drain()
  const waiting = [await send(echo, 'c', { delay: '1h' }), await send(other, 'd', { delay: '1h', group: 'g' })]
  const { operations } = internalsOf(t.post)
  const list = async (query: object, limit = 1) => {
    const ids: string[] = []
    let after: string | null = null
    let pages = 0
    do {
      const page = await operations.list({ ...query, after, limit })
      ok(page.items.length <= limit && pages++ < 50)
      ids.push(...page.items.map(({ id }) => id))
      after = page.next
    } while (after !== null)
    return ids
  }
  for (const limit of [1, 2, 100]) {
    deepEqual(await list({}, limit), [...waiting, ...ended])
    deepEqual(await list({ task: 'echo' }, limit), [
      waiting[0],
      ...ended.slice(0, 2).sort((a, b) => (a === ended[1] ? -1 : b === ended[1] ? 1 : 0)),
    ])
    deepEqual(await list({ task: 'echo', status: 'failed' }, limit), [ended[1]])
    deepEqual(await list({ status: 'succeeded' }, limit), [ended[0], ended[2]])
    deepEqual(await list({ status: 'accepted' }, limit), waiting)
    deepEqual(await list({ status: 'running' }, limit), [])
    deepEqual(await list({ group: 'g' }, limit), [waiting[1], ended[0]])
    deepEqual(await list({ task: 'nobody' }, limit), [])
  }
  await t.post.queue(echo).redrive()
  deepEqual(await list({ task: 'echo', status: 'failed' }), [], 'it lives again')
  deepEqual(new Set(await list({ status: 'accepted' })), new Set([...waiting, ended[1]]))
  await rejects(operations.list({ after: 'nonsense', limit: 1 }), { code: 'invalid' })
})

test('an operation is found without its task', async () => {
  await using t = await testPost([handle(echo, (text) => text)])
  const { operations } = internalsOf(t.post)
  const operation = await t.post.send(echo, 'x')
  equal((await operations.locate(operation.id))!.status, 'accepted')
  await t.drain()
  deepEqual(toResource((await operations.locate(operation.id))!), {
    id: operation.id,
    task: 'echo',
    status: 'succeeded',
    done: true,
    output: 'x',
    attempts: 1,
    createdAt: '2026-01-01T00:00:00.000Z',
    startedAt: '2026-01-01T00:00:00.000Z',
    endedAt: '2026-01-01T00:00:00.000Z',
    expiresAt: '2026-01-08T00:00:00.000Z',
  })
  equal(await operations.locate('nonsense'), null)
})

test('an ended operation can be erased, and does not come back', async () => {
  await using t = await testPost([handle(echo, (text, ctx) => (text === 'bad' ? ctx.bury('bad') : text))])
  const { operations } = internalsOf(t.post)
  const waiting = await t.post.send(echo, 'later', { delay: '1h' })
  const good = await t.post.send(echo, 'good')
  const dead = await t.post.send(echo, 'bad')
  await t.drain()
  await rejects(operations.erase('echo', waiting.id), { code: 'operation-not-ended' })
  for (const { id } of [good, dead]) {
    equal(await operations.erase('echo', id), true)
    await t.drain()
    equal(await operations.get('echo', id), null)
    equal(await operations.erase('echo', id), false)
    equal(await operations.isErased(id), true)
  }
  equal((await t.post.queue(echo).depth())!.dead, 0)
})

test('discarding a dead letter leaves its operation failed', async () => {
  await using t = await testPost([handle(echo, (_, ctx) => ctx.bury('bad'))])
  const operation = await t.post.send(echo, 'x')
  await t.drain()
  equal(await t.post.queue(echo).discard(operation.id), 1)
  await t.drain()
  const { status, error } = (await operation.view())!
  deepEqual([status, error!.code], ['failed', 'buried'])
})

function bound<T extends object>(engine: T): T {
  return new Proxy({} as T, {
    get: (_, name) => {
      const value = (engine as Record<PropertyKey, unknown>)[name]
      return typeof value === 'function' ? value.bind(engine) : value
    },
    ownKeys: () => allKeys(engine),
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
  })
}

function allKeys(of: object): string[] {
  const prototype = Object.getPrototypeOf(of) as object
  return [...new Set([...Object.keys(of), ...Object.getOwnPropertyNames(prototype)])].filter(
    (name) => name !== 'constructor',
  )
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
