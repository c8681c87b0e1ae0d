// posthorn/testing, as a user's own tests use it.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { handle, queue, task, type Middleware } from 'posthorn'
import { testPost } from 'posthorn/testing'
import { z } from 'zod'

const resize = task('resize', {
  input: z.object({ id: z.string(), size: z.coerce.number<string | number>() }),
  output: z.object({ url: z.string(), width: z.coerce.number<string | number>() }),
  errors: { too_big: z.object({ limit: z.number() }) },
})
const inbox = queue('inbox', { data: z.string() })
const handlers = [
  handle(resize, async ({ id, size }, ctx) => {
    if (size > 100) return ctx.fail('too_big', { limit: 100 })
    if (size === 0) throw new Error('empty')
    const seen = await ctx.get(`photo/${id}`)
    if (seen !== undefined) return ctx.cancel('seen')
    if (ctx.attempt > 1) return ctx.snooze('1m')
    if (size < 0) return ctx.bury('negative')
    ctx.send(inbox, `resized ${id}`, { delay: '5m', key: id })
    ctx.put(`photo/${id}`, { size }, { ifVersion: null })
    ctx.remove('old')
    ctx.progress(1)
    return { url: `https://x/${id}`, width: String(size) }
  }),
]

test('sent, drain and the clock: the whole life of a message, in no time', async () => {
  const mails: string[] = []
  await using t = await testPost([...handlers, handle(inbox, (mail) => void mails.push(mail))])
  const operation = await t.post.send(resize, { id: 'a', size: '7' })
  deepEqual(await t.drain(), { handled: 1 })
  deepEqual(await operation.result(), { url: 'https://x/a', width: 7 })
  deepEqual(
    t.sent(inbox).map(({ input, message }) => [input, message.key]),
    [['resized a', 'a']],
  )
  deepEqual(mails, [])
  t.clock.advance('5m')
  await t.drain()
  deepEqual(mails, ['resized a'])
  deepEqual(
    t.sent(resize).map(({ id, input }) => [id, input]),
    [[operation.id, { id: 'a', size: '7' }]],
  )
})

test('a result can be waited for without a drain; what nothing will end is told at once', async () => {
  await using t = await testPost(handlers)
  deepEqual(await (await t.post.send(resize, { id: 'a', size: 7 })).result(), { url: 'https://x/a', width: 7 })
  const later = await t.post.send(resize, { id: 'b', size: 7 }, { delay: '1h' })
  await rejects(later.result(), {
    code: 'wait-timed-out',
    message: /is accepted, and nothing that is ready in this test ends it/,
  })
  t.clock.advance('1h')
  const [result] = await Promise.all([later.result(), t.drain()])
  equal(result.width, 7)
})

test('perform runs one handler alone and shows the outcome with its effects', async () => {
  await using t = await testPost(handlers)
  const done = await t.perform(resize, { id: 'a', size: 7 })
  ok(done.outcome === 'done')
  deepEqual(done.output, { url: 'https://x/a', width: 7 })
  deepEqual(
    done.effects.map((effect) =>
      effect.do === 'send'
        ? [effect.queue, effect.input, effect.message.key]
        : effect.do === 'put'
          ? [effect.key, effect.value, effect.ifVersion]
          : effect.do === 'remove'
            ? [effect.key]
            : effect.do,
    ),
    [['inbox', 'resized a', 'a'], ['photo/a', { size: 7 }, null], ['old']],
  )
  equal(t.sent(inbox).length, 0, 'nothing took place')
  equal(await t.post.records.get('photo/a'), undefined)

  deepEqual(await t.perform(resize, { id: 'a', size: 101 }), {
    outcome: 'fail',
    code: 'too_big',
    data: { limit: 100 },
    effects: [],
  })
  deepEqual(await t.perform(resize, { id: 'a', size: -1 }), {
    outcome: 'bury',
    code: 'buried',
    reason: 'negative',
    effects: [],
  })
  deepEqual(await t.perform(resize, { id: 'a', size: 1 }, { attempt: 2 }), {
    outcome: 'snooze',
    afterMs: 60_000,
    effects: [],
  })
  const threw = await t.perform(resize, { id: 'a', size: 0 })
  ok(threw.outcome === 'retry')
  match(String(threw.error), /empty/)
  await t.post.records.put('photo/b', 1)
  deepEqual(await t.perform(resize, { id: 'b', size: 1 }), { outcome: 'cancel', reason: 'seen', effects: [] })
  await rejects(t.perform(resize, { id: 1 } as never), { code: 'invalid-input' })
  await rejects(t.perform(inbox, 'x'), { code: 'invalid-option', message: /no handler for queue 'inbox'/ })
})

test('perform runs middleware, and can abort', async () => {
  const seen: string[] = []
  const note: Middleware = (next) => async (run) => {
    seen.push(run.id)
    return next(run)
  }
  const waits = task('waits')
  await using t = await testPost([
    handle(
      waits,
      (_, ctx) => {
        ctx.signal.throwIfAborted()
      },
      { middleware: [note] },
    ),
  ])
  equal((await t.perform(waits)).outcome, 'done')
  const aborted = await t.perform(waits, undefined, { signal: AbortSignal.abort() })
  ok(aborted.outcome === 'retry')
  match(String(aborted.error), /the test aborted the run/)
  equal(seen.length, 2)
})

test('a module with dependencies is given its post and ended with the test', async () => {
  let ended = false
  {
    await using t = await testPost(({ signal }) => ({ handlers, stop: () => void (ended = signal.aborted) }), {
      now: new Date('2030-01-01'),
    })
    equal(t.clock.wallMs(), Date.UTC(2030, 0, 1))
  }
  equal(ended, true)
})

test('retries wait for the clock, the same each time', async () => {
  const attempts: number[] = []
  const shaky = task('shaky', { retry: { attempts: 3, backoff: { base: '10s', jitter: 'none' } } })
  await using t = await testPost([
    handle(shaky, (_, ctx) => {
      attempts.push(ctx.attempt)
      if (ctx.attempt < 3) throw new Error('shaky')
    }),
  ])
  const operation = await t.post.send(shaky)
  await t.drain()
  t.clock.advance('9s')
  await t.drain()
  deepEqual(attempts, [1])
  t.clock.advance('1s')
  await t.drain()
  t.clock.advance('20s')
  await t.drain()
  deepEqual(attempts, [1, 2, 3])
  equal((await operation.view())!.status, 'succeeded')
})

test('a handler may wait for another operation, and where that cannot end it is told instead of hanging', async () => {
  const child = task('child', { input: z.number(), output: z.number() })
  const parent = task('parent', { input: z.number(), output: z.number(), retry: { attempts: 1 } })
  await using t = await testPost(({ post }) => [
    handle(child, async (n) => n + 1),
    handle(parent, async (n) => {
      const options = n < 0 ? ({ delay: '1h' } as const) : {}
      return (await post.send(child, n, options)).result()
    }),
  ])
  equal(await (await t.post.send(parent, 1)).result(), 2)
  const two = [await t.post.send(parent, 2), await t.post.send(parent, 3)]
  await t.drain()
  deepEqual(await Promise.all(two.map((operation) => operation.result())), [3, 4])
  const late = await (await t.post.send(parent, -1)).ended()
  match(late.status === 'failed' ? late.error.message : '', /nothing that is ready in this test ends it/)
})
