// Options that are misspelt or of a wrong form, as JavaScript lets them through: each is told, none is passed over.

import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { handle, queue, task, type Middleware } from 'posthorn'
import { testPost } from 'posthorn/testing'
import { z } from 'zod'

const inbox = queue('inbox', { data: z.string() })
const refused = { code: 'invalid-option' }

test('a purge or redrive whose options are wrong moves nothing', async () => {
  await using t = await testPost()
  const box = t.post.queue(inbox)
  for (const text of ['a', 'b']) await t.post.send(inbox, text)
  const wrong: readonly unknown[] = [
    { match: { typ: 'x' } },
    { match: { before: '2026-01-01' } },
    { match: { since: new Date(Number.NaN) } },
    { match: { error: 5 } },
    { match: 'x' },
    { stat: 'dead' },
    { dryrun: true },
  ]
  for (const options of wrong) {
    await rejects(box.purge(options as never), refused)
    await rejects(box.redrive(options as never), refused)
  }
  await rejects(box.purge({ state: 'leased' as never }), refused)
  await rejects(box.redrive({ ids: 'x' as never }), refused)
  equal((await box.depth())!.ready, 2)
})

test('a page is asked for by a state that there is', async () => {
  await using t = await testPost()
  const box = t.post.queue(inbox)
  for (const options of [
    { state: 'typo' },
    {},
    undefined,
    { state: 'ready', match: { before: 5 } },
    { state: 'dead', limits: 5 },
  ])
    await rejects(box.browse(options as never), refused)
})

test('settings that there are not are not stored', async () => {
  await using t = await testPost()
  const box = t.post.queue(inbox)
  for (const change of [
    { limits: {} },
    { limit: { message: 1 } },
    { limit: 5 },
    { keep: { deads: 1 } },
    { pick: 'fifo' },
    5,
  ])
    await rejects(box.configure(change as never), refused)
  await rejects(box.configure({ maxLapses: 1 }, { ifversion: null } as never), refused)
  equal((await box.settings()).version, null)
})

test('versioned: a misspelt ifVersion is no put without one', async () => {
  const writer = task('writer', { retry: { attempts: 1 } })
  await using t = await testPost([handle(writer, (_, ctx) => ctx.put('a', 2, { ifversion: null } as never))])
  await t.post.records.put('a', 1)
  await rejects(t.post.records.put('a', 2, { ifversion: null } as never), refused)
  await rejects(t.post.records.remove('a', { version: 'x' } as never), refused)
  await rejects(
    t.post.commit((fx) => fx.put('a', 2, { ifversion: null } as never)),
    refused,
  )
  const end = await (await t.post.send(writer)).ended()
  equal(end.status === 'failed' && end.error.code, 'handler-failed')
  deepEqual((await t.post.records.get('a'))!.value, 1)
})

test('the options of sends, waits, workers and handlers are checked', async () => {
  const echo = task('echo')
  await using t = await testPost([handle(echo, () => {})])
  await rejects(t.post.send(echo, undefined, { traceparent: 5 } as never), refused)
  const operation = await t.post.send(echo)
  await rejects(operation.result({ timout: '1s' } as never), refused)
  await rejects(t.post.work([], { signl: 1 } as never), refused)
  const worker = await t.post.work([])
  await rejects(worker.drain({ buget: '1s' } as never), refused)
  await rejects(worker.stop({ grase: '1s' } as never), refused)
  await worker.stop()
  throws(() => handle(echo, () => {}, { middleware: ((next) => next) as Middleware as never }), refused)
  await rejects(t.post.work([handle(inbox, () => {}, { middleware: [(() => undefined) as never] })]), refused)
})
