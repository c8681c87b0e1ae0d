// Effects: held until the outcome, committed with it or not at all; the same set outside a handler.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, handle, open, queue, task, type Effects } from 'posthorn'
import { testPost } from 'posthorn/testing'
import { z } from 'zod'
import { ManualClock } from '../../src/core/clock.ts'

const parent = task('parent', { input: z.string(), retry: { attempts: 3 } })
const child = task('child', { input: z.string(), key: (text) => text })
const inbox = queue('inbox', { data: z.string() })

test('effects take place with the outcome, and none of those of a failed run', async () => {
  let runs = 0
  await using t = await testPost([
    handle(parent, async (text, ctx) => {
      const held = ctx.send(child, text, { delay: '1m' })
      match(held.id, /^[0-9a-f-]{36}$/)
      ctx.send(inbox, 'mail')
      ctx.put(`run/${++runs}`, { text })
      ctx.put('gone', 1)
      ctx.remove('gone')
      equal(t.sent(child).length, 0, 'held')
      equal(await ctx.get('run/1'), undefined, 'held')
      if (runs < 3) throw new Error('again')
    }),
  ])
  await t.post.send(parent, 'x')
  for (let run = 0; run < 3; run++) {
    await t.drain()
    t.clock.advance('1h')
  }
  equal(runs, 3)
  deepEqual(
    t.sent(child).map(({ input, message: { key, delay } }) => ({ input, key, delay })),
    [{ input: 'x', key: 'x', delay: { afterMs: 60_000 } }],
  )
  equal(t.sent(inbox).length, 1)
  deepEqual(
    (await t.post.records.list()).items.map(({ key, value }) => [key, value]),
    [['run/3', { text: 'x' }]],
  )
})

test('an id that was promised is the id of the operation', async () => {
  const ids: string[] = []
  await using t = await testPost([
    handle(parent, (text, ctx) => void ids.push(ctx.send(child, text).id)),
    handle(child, () => {}),
  ])
  await t.post.send(parent, 'x')
  await t.drain()
  equal((await t.post.operation(child, ids[0]!).view())!.status, 'succeeded')
})

test('a record that changed in between has the handler run again at once, uncounted', async () => {
  const count = task('count')
  const attempts: number[] = []
  await using t = await testPost([
    handle(count, async (_, ctx) => {
      attempts.push(ctx.attempt)
      const stored = await ctx.get('count')
      if (attempts.length === 1) await t.post.records.put('count', 10)
      ctx.put('count', Number(stored?.value ?? 0) + 1, { ifVersion: stored?.version ?? null })
    }),
  ])
  await t.post.send(count)
  deepEqual(await t.drain(), { handled: 1 })
  deepEqual(attempts, [1, 1])
  equal((await t.post.records.get('count'))!.value, 11)
})

test('what is wrong with an effect is told where it was written', async () => {
  const wrong: [RegExp, (fx: Effects) => unknown][] = [
    [/the input of task 'child' does not match its schema/, (fx) => fx.send(child, 7 as never)],
    [
      /what send was given is of type string: it must be made by task\(\) or queue\(\)/,
      (fx) => fx.send('child' as never, undefined),
    ],
    [
      /the record's key is 'operation\/x': what begins with 'operation\/' is Posthorn's own/,
      (fx) => fx.put('operation/x', 1),
    ],
    [/the record's key is "a b": it must be 1 to 512 printable ASCII characters/, (fx) => fx.put('a b', 1)],
    [/the value of record 'big' is not JSON/, (fx) => fx.put('big', 1n as never)],
    [/expires is an invalid Date/, (fx) => fx.put('k', 1, { expires: new Date(Number.NaN) })],
    [/Posthorn's own/, (fx) => fx.remove('queue/inbox')],
  ]
  await using t = await testPost()
  for (const [message, write] of wrong)
    await rejects(
      t.post.commit((fx) => void write(fx)),
      message,
    )
})

test('an effect after the run is over is an error, not a silent loss', async () => {
  const late = Promise.withResolvers<Effects>()
  await using t = await testPost([handle(parent, (_, ctx) => late.resolve(ctx))])
  await t.post.send(parent, 'x')
  await t.drain()
  const ctx = await late.promise
  try {
    ctx.send(child, 'x')
    ok(false)
  } catch (error) {
    match(String(error), /is over/)
  }
})

test('post.commit: all or nothing, and what the body returns', async () => {
  await using t = await testPost()
  const ids = await t.post.commit((fx) => [fx.send(child, 'a').id, fx.send(inbox, 'b').id])
  deepEqual(ids, [t.sent(child)[0]!.id, t.sent(inbox)[0]!.id])
  await t.post.records.put('k', 1)
  await rejects(
    t.post.commit((fx) => {
      fx.send(child, 'c')
      fx.put('k', 2, { ifVersion: null })
    }),
    { code: 'conflict' },
  )
  await rejects(
    t.post.commit(async (fx) => {
      fx.send(child, 'd')
      throw new Error('changed my mind')
    }),
    /changed my mind/,
  )
  equal(t.sent(child).length, 1)
  equal((await t.post.records.get('k'))!.value, 1)
  equal(await t.post.commit(() => 7), 7)
  let kept: Effects | undefined
  await t.post.commit((fx) => void (kept = fx))
  await rejects(async () => kept!.put('late', 1), /this commit is over/)
})

test('records expire', async () => {
  await using t = await testPost()
  await t.post.commit((fx) => {
    fx.put('soon', 1, { expires: '1m' })
    fx.put('then', 1, { expires: new Date('2026-01-01T00:02:00Z') })
  })
  t.clock.advance('61s')
  equal(await t.post.records.get('soon'), undefined)
  deepEqual((await t.post.records.get('then'))!.expiresAt, new Date('2026-01-01T00:02:00Z'))
  t.clock.advance('1m')
  equal(await t.post.records.get('then'), undefined)
})

test('post.send inside a handler works, and warns once', async () => {
  const warnings: string[] = []
  const log = createLog((level, message) => void (level === 'warn' && warnings.push(message)))
  const post = await open('memory:', { clock: new ManualClock(), log })
  const worker = await post.work([
    handle(parent, async (text) => {
      await Promise.resolve()
      await post.send(child, text)
    }),
  ])
  await post.send(parent, 'a')
  await post.send(parent, 'b')
  await worker.drain()
  equal((await post.queue(child).depth())!.ready, 2)
  deepEqual(warnings, [
    'post.send was called inside a handler: it takes place at once, also when the run fails and is tried again. Use ctx.send, which takes place with the outcome',
  ])
  await post.close()
})
