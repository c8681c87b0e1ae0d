// The ends of posts and workers, at awkward moments: nothing runs on that nobody can stop.

import { equal, match, ok, rejects } from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { createLog, handle, isPosthornError, open, queue, silentLog, task, type Work } from 'posthorn'
import { testPost } from 'posthorn/testing'
import { z } from 'zod'

const inbox = queue('inbox', { data: z.string() })
const handlers = [handle(inbox, () => {})]
const memory = (shared = false) => open('memory:', { log: silentLog, shared })

test('a grace that is wrong is told, and the close that was asked for may be asked for again', async () => {
  const post = await memory()
  const worker = await post.work(handlers)
  await rejects(post.close({ grace: 'soon' as never }), { code: 'invalid-duration' })
  await post.close()
  await worker.closed
})

test('a post that is closed while handlers are made runs none of them, and ends what was made', async () => {
  const post = await memory()
  const gate = Promise.withResolvers<void>()
  let ended = false
  const working = post.work(async () => (await gate.promise, { handlers, stop: () => void (ended = true) }))
  await post.close()
  gate.resolve()
  await rejects(working, { code: 'closed' })
  ok(ended)
})

test('a worker that was stopped drains no more, instead of beginning anew on an engine that may be closed', async () => {
  const post = await memory()
  const worker = await post.work(handlers)
  await worker.stop()
  await rejects(worker.drain(), { code: 'closed', message: /post\.work\(\)/ })
  await post.close()
})

test('a post that is closed sends no more, though another shares its engine', async () => {
  const one = await memory(true)
  await using other = await memory(true)
  await one.close()
  await rejects(one.send(inbox, 'x'), { code: 'closed' })
  await rejects(
    one.commit((fx) => fx.send(inbox, 'x')),
    { code: 'closed' },
  )
  equal((await other.send(inbox, 'x')).duplicate, false)
})

test('a handler may send while its post is being closed', async () => {
  const started = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const slow = task('slow')
  const post = await memory()
  let sent = false
  await post.work([
    handle(slow, async () => {
      started.resolve()
      await gate.promise
      await post.send(inbox, 'x')
      sent = true
    }),
  ])
  await post.send(slow)
  await started.promise
  const closed = post.close()
  gate.resolve()
  await closed
  ok(sent)
})

test('a signal that outlives many workers keeps none of them', async () => {
  await using post = await memory()
  const { signal } = new AbortController()
  for (let each = 0; each < 20; each++) await (await post.work(handlers, { signal })).stop()
  equal(getEventListeners(signal, 'abort').length, 0)
})

test('what a worker stop throws while the post closes is logged', async () => {
  const lines: string[] = []
  const post = await open('memory:', { log: createLog((level, message) => lines.push(`${level}: ${message}`)) })
  await post.work(async () => ({ handlers, stop: () => Promise.reject(new Error('pool')) }))
  await post.close()
  ok(lines.includes('error: a worker did not end well'), lines.join('\n'))
})

test('post.work and testPost refuse the same wrong modules, and end what was made for them', async () => {
  await using post = await memory()
  let ended = 0
  const stop = () => void ended++
  const wrong: readonly (readonly [work: unknown, code: string])[] = [
    [undefined, 'invalid-module'],
    [{}, 'invalid-module'],
    [[5], 'invalid-module'],
    [() => undefined, 'invalid-module'],
    [() => ({ handlers, contracts: 5 }), 'invalid-module'],
    [() => ({ handlers, stop: 5 }), 'invalid-module'],
    [() => ({ handlers, stopp: stop }), 'invalid-option'],
    [() => ({ handlers: [...handlers, ...handlers], stop }), 'duplicate-handler'],
    [() => ({ handlers, contracts: [5], stop }), 'invalid-option'],
  ]
  for (const [work, code] of wrong) {
    await rejects(post.work(work as Work), { code })
    if (work !== undefined) await rejects(testPost(work as Work), { code })
  }
  equal(ended, 4)
})

test('a worker that is drained inside one of its own handlers says so, instead of waiting for itself', async () => {
  await using post = await memory()
  const drain = task('drain')
  await using other = await post.work([handle(queue('other', { data: z.string() }), () => {})])
  const refused = Promise.withResolvers<unknown>()
  const worker = await post.work([
    handle(drain, async () => {
      // Those of another worker are no business of this one.
      await other.drain()
      await worker.drain().catch(refused.resolve)
    }),
  ])
  await post.send(drain)
  const error = await refused.promise
  ok(isPosthornError(error))
  equal(error.code, 'invalid-option')
  match(error.message, /inside a handler of the same worker/)
  await worker.stop()
})
