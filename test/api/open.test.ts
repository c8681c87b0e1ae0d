// Opening, working, closing.

import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { createLog, handle, isPosthornError, open, queue, task, type Handler } from 'posthorn'
import { z } from 'zod'
import { ManualClock } from '../../src/core/clock.ts'
import { createPost, internalsOf } from '../../src/posthorn.ts'

const echo = task('echo', { input: z.string(), output: z.string() })
const inbox = queue('inbox', { data: z.string() })
const memory = () => open('memory:', { clock: new ManualClock() })

test('a URL without an engine is told which there are, and no password is repeated', async () => {
  await rejects(open('redis://user:secret@host'), (error) => {
    ok(isPosthornError(error))
    equal(error.code, 'unknown-engine')
    match(error.message, /there is no engine for 'redis:' URLs: there are 'memory:' .*'file:DIR' .*'sqlite:FILE'/)
    ok(!error.message.includes('secret'))
    return true
  })
  await rejects(open('data'), { code: 'unknown-engine', message: /'data' is no URL of an engine/ })
  await rejects(open('file:'), { code: 'unknown-engine', message: /names no directory/ })
  await rejects(open('sqlite:'), { code: 'unknown-engine', message: /names no file/ })
  await rejects(open('sqlite::memory:'), { code: 'unknown-engine', message: /'memory:'/ })
})

test('an unset URL is that of the environment', async () => {
  const before = process.env['POSTHORN_URL']
  process.env['POSTHORN_URL'] = 'memory:'
  try {
    const post = await open()
    equal(internalsOf(post).url, 'memory:')
    await post.close()
  } finally {
    if (before === undefined) delete process.env['POSTHORN_URL']
    else process.env['POSTHORN_URL'] = before
  }
})

test('options are checked: what the engine cannot reach is refused when it is opened', async () => {
  await rejects(open('memory:', { durability: 'disk' }), {
    code: 'unsupported',
    message: /durability is 'disk': the engine 'memory' reaches 'memory'/,
  })
  await rejects(open('memory:', { source: '' }), { code: 'invalid-option', message: /open: source is ""/ })
  await rejects(open('memory:', { limits: { bodyBytes: 0 } }), {
    code: 'invalid-option',
    message: /limits.bodyBytes is 0: it must be a whole number from 1 to/,
  })
  await rejects(open('memory:', { durabilty: 'memory' } as never), {
    code: 'invalid-option',
    message: /'durabilty' is no option; did you mean 'durability'/,
  })
  await rejects(open(7 as never), { code: 'unknown-engine', message: /the URL is of type number/ })
})

test('the source and the body limit are those of open', async () => {
  const post = await open('memory:', { source: '/shop', limits: { bodyBytes: 10 } })
  const { id } = await post.send(inbox, 'x')
  equal((await post.queue('inbox').find(id))!.message.event.source, '/shop')
  await rejects(post.send(inbox, 'x'.repeat(10)), { code: 'payload-too-large' })
  await post.close()
})

test('an engine is shared on request, and ends with its last user', async () => {
  const first = await memory()
  const second = await open('memory:', { shared: true })
  const third = await memory()
  equal(internalsOf(first).engine, internalsOf(second).engine)
  notEqual(internalsOf(first).engine, internalsOf(third).engine)
  await first.close()
  await second.send(inbox, 'x')
  await second.close()
  await rejects(internalsOf(second).engine.get(['k']), { code: 'closed' })
  await third.close()
})

test('close is idempotent, ends the workers, and what is called after it says so', async () => {
  const post = await memory()
  const worker = await post.work([handle(echo, (text) => text)])
  await Promise.all([post.close(), post.close(), post[Symbol.asyncDispose]()])
  await worker.closed
  await rejects(post.send(echo, 'x'), { code: 'closed' })
  await rejects(post.work([]), { code: 'closed' })
  await rejects(post.records.get('k'), { code: 'closed' })
})

test('work takes a list or a function, and ends what the function made after its handlers', async () => {
  const post = await memory()
  const order: string[] = []
  const worker = await post.work(async ({ post: given, signal }) => {
    equal(given, post)
    signal.addEventListener('abort', () => order.push('told'))
    return { handlers: [handle(echo, (text) => text)], contracts: [inbox], stop: () => void order.push('ended') }
  })
  deepEqual(worker.queues, ['task:echo'])
  equal(internalsOf(post).registry.get('inbox')!.name, 'inbox')
  equal(await (await post.send(echo, 'x')).result(), 'x')
  await Promise.all([worker.stop(), worker.stop({ grace: 0 })])
  await worker.closed
  deepEqual(order, ['told', 'ended'])
  const other = await post.work(() => [handle(echo, (text) => text)])
  await other.stop()
  await post.close()
})

test('handlers are checked as a whole before any of them runs', async () => {
  const post = await memory()
  const one = handle(echo, (text) => text)
  let ended = 0
  await rejects(
    post.work(() => ({ handlers: [one, one], stop: () => void ended++ })),
    { code: 'duplicate-handler', message: /queue 'task:echo' has two handlers/ },
  )
  equal(ended, 1)
  await rejects(post.work([{} as Handler]), {
    code: 'invalid-module',
    message: /handlers\[0\] is no handler: make it with handle/,
  })
  await rejects(post.work((() => undefined) as never), {
    code: 'invalid-module',
    message: /work takes handlers, or a function/,
  })
  await rejects(
    post.work(() => ({ handlers: [one], contracts: ['inbox' as never] })),
    { code: 'invalid-option' },
  )
  await post.close()
})

test('a signal stops the worker', async () => {
  const post = await memory()
  const aborter = new AbortController()
  const worker = await post.work([], { signal: aborter.signal })
  aborter.abort()
  await worker.closed
  const never = await post.work([], { signal: AbortSignal.abort() })
  await never.closed
  await post.close()
})

test('a stop lets a handler end within the grace, and gives back what does not', async () => {
  const clock = new ManualClock()
  const post = await open('memory:', { clock })
  const gates = { quick: Promise.withResolvers<string>(), never: Promise.withResolvers<string>() }
  const started: string[] = []
  const worker = await post.work([
    handle(
      echo,
      (text, ctx) => (
        started.push(text),
        ctx.signal.addEventListener('abort', () => gates.never.reject(ctx.signal.reason)),
        gates[text as 'quick'].promise
      ),
    ),
  ])
  const quick = await post.send(echo, 'quick')
  const never = await post.send(echo, 'never')
  while (started.length < 2) await turns()
  const stopped = worker.stop({ grace: '10s' })
  gates.quick.resolve('done')
  equal(await quick.result(), 'done')
  clock.advance(10_000)
  await stopped
  const { state, failed, released } = (await post.queue(echo).find(never.id))!
  deepEqual([state, failed, released], ['ready', 0, 1])
  await post.close()
})

test('drain handles what is ready, with a budget for what never ends', async () => {
  const clock = new ManualClock()
  const post = await open('memory:', { clock })
  const worker = await post.work([handle(echo, (text) => (text === 'never' ? new Promise<string>(() => {}) : text))])
  for (let count = 0; count < 25; count++) await post.send(echo, 'x')
  deepEqual(await worker.drain(), { handled: 25 })
  await post.send(echo, 'never')
  const drained = worker.drain({ budget: '1s' })
  await turns()
  clock.advance(1_000)
  deepEqual(await drained, { handled: 0 })
  const closed = post.close({ grace: 0 })
  clock.advance(0)
  await closed
})

test('a contract’s settings are put in place: by a send where there are none, by handlers in any case', async () => {
  const post = await memory()
  const small = queue('small', { data: z.string(), queue: { limit: { messages: 1 }, dedupeWindow: '1h' } })
  await post.send(small, 'x')
  await rejects(post.send(small, 'y'), { code: 'full' })
  await post.queue(small).configure({ limit: { messages: 5 }, maxLapses: 9 })
  await post.send(small, 'y')
  const other = await open('memory:', { shared: true })
  await other.send(small, 'z')
  const worker = await other.work([handle(small, () => {})])
  const { settings } = await other.queue(small).settings()
  deepEqual([settings.limit.messages, settings.maxLapses, settings.dedupeWindowMs], [1, 9, 3_600_000])
  await worker.stop()
  await other.close()
  await post.close()
})

test('what goes wrong beside any call is told to onError, and logged', async () => {
  const clock = new ManualClock()
  const base = await open('memory:', { clock })
  const { engine } = internalsOf(base)
  let away = true
  const flaky = new Proxy(engine, {
    get(target, name) {
      const value = (target as unknown as Record<PropertyKey, unknown>)[name]
      if (name === 'lease' && away) return () => Promise.reject(new Error('connection refused'))
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const errors: string[] = []
  const logged: string[] = []
  const log = createLog((level, message) => void logged.push(`${level}: ${message}`))
  const post = await createPost({
    url: 'memory:',
    engine: flaky,
    options: { clock, log, onError: (error) => void errors.push(error.code) },
    release: async () => {},
  })
  await post.work([handle(echo, (text) => text)])
  const operation = await post.send(echo, 'x')
  while (errors.length === 0) await turns()
  equal(errors[0], 'unknown')
  ok(logged.some((line) => line.startsWith('warn') || line.startsWith('error')))
  away = false
  const result = operation.result({ timeout: '1h' })
  for (let step = 0; step < 40; step++) {
    clock.advance(500)
    await turns()
  }
  equal(await result, 'x', 'it went on when the engine was back')
  await post.close()
  await base.close()
})

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
