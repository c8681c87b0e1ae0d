// Administration: queues and records.

import { deepEqual, equal, match, rejects, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { handle, queue, task, type PosthornError, type Swept } from 'posthorn'
import { testPost } from 'posthorn/testing'
import { z } from 'zod'

const inbox = queue('inbox', { data: z.string(), retry: { attempts: 1 } })

test('a queue is named by its contract or by its name', async () => {
  await using t = await testPost()
  equal(t.post.queue(inbox).name, 'inbox')
  equal(t.post.queue(task('resize')).name, 'task:resize')
  equal(t.post.queue('topic:orders:billing').name, 'topic:orders:billing')
  throws(() => t.post.queue('a b'), { code: 'invalid-name' })
  equal(await t.post.queue('nobody').depth(), null)
})

test('depths and pages', async () => {
  await using t = await testPost()
  const box = t.post.queue(inbox)
  for (let n = 0; n < 7; n++) await t.post.send(inbox, String(n), n < 5 ? { group: 'g' } : { delay: '1h' })
  const { ready, delayed, paused } = (await box.depth())!
  deepEqual({ ready, delayed, paused }, { ready: 5, delayed: 2, paused: false })
  const first = await box.browse({ state: 'ready', limit: 3 })
  const second = await box.browse({ state: 'ready', limit: 3, after: first.next })
  equal(first.items.length + second.items.length, 5)
  equal((await box.browse({ state: 'ready', match: { group: 'nobody' } })).items.length, 0)
  await rejects(async () => box.browse({ state: 'ready', limit: 0 }), { code: 'invalid-option' })
  equal((await box.find(first.items[0]!.id))!.id, first.items[0]!.id)
  equal(await box.find('nonsense'), null)
})

test('a paused queue takes messages and hands none out', async () => {
  await using t = await testPost([handle(inbox, () => {})])
  const box = t.post.queue(inbox)
  await box.pause()
  await t.post.send(inbox, 'x')
  deepEqual(await t.drain(), { handled: 0 })
  equal((await box.depth())!.paused, true)
  await box.resume()
  deepEqual(await t.drain(), { handled: 1 })
})

test('settings change in part, with a version against lost changes', async () => {
  await using t = await testPost()
  const box = t.post.queue('inbox')
  const before = await box.settings()
  equal(before.version, null)
  const after = await box.configure({ maxLapses: 2, keep: { acked: true } })
  deepEqual((await box.settings()).settings, {
    ...before.settings,
    maxLapses: 2,
    keep: { ...before.settings.keep, acked: true },
  })
  await box.configure({ maxLapses: 3 }, { ifVersion: after.version })
  await rejects(box.configure({ maxLapses: 4 }, { ifVersion: after.version }), { code: 'conflict' })
  await rejects(box.configure({ maxLapses: 4 }, { ifVersion: null }), { code: 'conflict' })
  await rejects(box.configure({ maxLapses: -1 }), { code: 'invalid', message: /queue 'inbox': maxLapses is -1/ })
  await rejects(box.configure({ pick: { by: 'deadline' } }), {
    code: 'unsupported',
    message: /the engine 'memory' cannot pick by 'deadline'/,
  })
  await rejects(box.configure({ pick: { by: 'priority', fair: { weights: {} } } }), { code: 'unsupported' })
})

test('dead letters are redriven by match, by id, in part, and as a dry run', async () => {
  let broken = true
  await using t = await testPost([
    handle(inbox, (text) => {
      if (broken) throw new Error(text)
    }),
  ])
  const box = t.post.queue(inbox)
  const ids: string[] = []
  for (let n = 0; n < 6; n++)
    ids.push((await t.post.send(inbox, String(n), { group: n % 2 === 0 ? 'even' : 'odd' })).id)
  await t.drain()
  equal((await box.depth())!.dead, 6)
  broken = false
  deepEqual(await box.redrive({ match: { group: 'even' }, dryRun: true }), { matched: 3, moved: 0 })
  deepEqual(await box.redrive({ match: { error: 'buried' } }), { matched: 0, moved: 0 })
  deepEqual(await box.redrive({ match: { group: 'even', error: 'handler-failed' }, max: 2 }), { matched: 2, moved: 2 })
  deepEqual(await box.redrive({ ids, match: { group: 'even', error: 'timed-out' } }), { matched: 0, moved: 0 })
  deepEqual(await box.redrive({ ids: [ids[0]!, ids[1]!], match: { group: 'odd' }, dryRun: true }), {
    matched: 1,
    moved: 0,
  })
  deepEqual(await box.redrive({ ids: [ids[1]!, 'nonsense'] }), { matched: 1, moved: 1 })
  equal((await box.depth())!.dead, 3)
  deepEqual(await box.redrive({ match: { before: new Date('2027-01-01'), since: new Date('2026-06-01') } }), {
    matched: 0,
    moved: 0,
  })
  deepEqual(await box.redrive(), { matched: 3, moved: 3 })
  deepEqual(await t.drain(), { handled: 6 })
  await rejects(box.redrive({ max: 1.5 }), { code: 'invalid-option', message: /max is 1.5/ })
  await rejects(box.redrive({ rate: 0 }), { code: 'invalid-option', message: /rate is 0/ })
})

test('a redrive keeps to its rate, tells how far it is, and can be stopped', async () => {
  await using t = await testPost([handle(inbox, (_, ctx) => ctx.bury('bad'))])
  const box = t.post.queue(inbox)
  for (let n = 0; n < 30; n++) await t.post.send(inbox, 'x')
  await t.drain()
  const told: Swept[] = []
  const aborter = new AbortController()
  const redriven = rejects(
    box.redrive({ rate: 10, signal: aborter.signal, onProgress: (progress) => void told.push(progress) }),
    ({ code, details, cause }: PosthornError) =>
      code === 'aborted' && details['moved'] === told.at(-1)!.moved && (cause as Error).message === 'enough',
  )
  for (let second = 0; second < 2; second++) {
    for (let step = 0; step < 10; step++) {
      await turns()
      t.clock.advance('100ms')
    }
    await turns()
  }
  const { moved } = told.at(-1)!
  equal(moved >= 19 && moved <= 22, true, `${moved} in two seconds`)
  aborter.abort(new Error('enough'))
  await redriven
})

test('purge discards what waits, also behind a key, or what is dead', async () => {
  await using t = await testPost([handle(inbox, (_, ctx) => ctx.bury('bad'))])
  const box = t.post.queue(inbox)
  await t.post.send(inbox, 'dead')
  await t.drain()
  for (let n = 0; n < 5; n++) await t.post.send(inbox, 'x', { key: 'k' })
  await t.post.send(inbox, 'later', { delay: '1h' })
  deepEqual(await box.purge({ dryRun: true }), { matched: 6, moved: 0 })
  deepEqual(await box.purge(), { matched: 6, moved: 6 })
  const { ready, held, delayed, dead } = (await box.depth())!
  deepEqual({ ready, held, delayed, dead }, { ready: 0, held: 0, delayed: 0, dead: 1 })
  deepEqual(await box.purge({ state: 'dead' }), { matched: 1, moved: 1 })
})

test('messages are cancelled and discarded by id', async () => {
  await using t = await testPost()
  const box = t.post.queue(inbox)
  const ids = [await t.post.send(inbox, 'a'), await t.post.send(inbox, 'b'), await t.post.send(inbox, 'c')].map(
    ({ id }) => id,
  )
  equal(await box.cancel(ids[0]!), 1)
  equal(await box.discard(ids.slice(0, 2)), 1)
  equal(await box.discard('nonsense'), 0)
  deepEqual([(await box.find(ids[0]!))!.state, (await box.find(ids[1]!))!.state], ['cancelled', 'discarded'])
})

test('records: versions, pages, expiry; keys of Posthorn’s own are neither seen nor touched', async () => {
  await using t = await testPost()
  const { records } = t.post
  equal(await records.get('a'), undefined)
  const { version } = await records.put('a', { n: [1, null] })
  deepEqual(await records.get('a'), { key: 'a', value: { n: [1, null] }, version, expiresAt: null })
  await rejects(records.put('a', 1, { ifVersion: null }), { code: 'conflict' })
  const next = await records.put('a', 2, { ifVersion: version })
  await rejects(records.remove('a', { ifVersion: version }), { code: 'conflict' })
  await records.remove('a', { ifVersion: next.version })
  equal(await records.get('a'), undefined)
  for (const key of ['p/1', 'p/2', 'p/3', 'q']) await records.put(key, key)
  await t.post.queue('inbox').pause()
  const page = await records.list({ prefix: 'p/', limit: 2 })
  deepEqual(
    page.items.map(({ value }) => value),
    ['p/1', 'p/2'],
  )
  deepEqual(
    (await records.list({ prefix: 'p/', after: page.next })).items.map(({ value }) => value),
    ['p/3'],
  )
  deepEqual(
    (await records.list()).items.map(({ key }) => key),
    ['p/1', 'p/2', 'p/3', 'q'],
  )
  await rejects(records.get('queue/inbox'), {
    code: 'invalid-name',
    message: /what begins with 'queue\/' is Posthorn's own/,
  })
  for (const prefix of ['operation', 'operation-of', 'subscription', 'system', 'topic', 'queue'])
    await rejects(records.put(`${prefix}/x`, 1), { code: 'invalid-name' })
  await rejects(records.put('', 1), { code: 'invalid-name' })
  await rejects(records.list({ limit: 0 }), { code: 'invalid-option' })
  await records.put('soon', 1, { expires: '1s' })
  t.clock.advance('2s')
  equal(await records.get('soon'), undefined)
})

test('the errors of refused sends name the queue', async () => {
  await using t = await testPost()
  await t.post.queue(inbox).configure({ limit: { messages: 1 } })
  await t.post.send(inbox, 'x')
  await rejects(t.post.send(inbox, 'y'), (error: Error & { code?: string; details?: unknown }) => {
    equal(error.code, 'full')
    match(error.message, /inbox/)
    deepEqual(error.details, { at: 0, queue: 'inbox' })
    return true
  })
})

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
