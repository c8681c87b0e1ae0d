// What user code may do wrong: whatever it throws, returns or does too late, its message ends as the table says, nothing else
// suffers, and no rejection goes unheard (the test runner fails on one).

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import {
  handle,
  open,
  queue,
  silentLog,
  task,
  type Context,
  type Log,
  type Middleware,
  type RetryOptions,
} from 'posthorn'
import { testPost } from 'posthorn/testing'
import { z } from 'zod'
import { internalsOf } from '../../src/posthorn.ts'

const cyclic: { self?: unknown } = {}
cyclic.self = cyclic
const mute = Object.defineProperty(new Error('x'), 'message', {
  get() {
    throw new Error('no')
  },
})

// oxlint-disable-next-line unicorn/no-thenable -- what a query builder is
const thenable = (then: PropertyDescriptor): object => Object.defineProperty({}, 'then', then)
const fail = (message: string): never => {
  throw new Error(message)
}

/** The end of one run of a handler, and that the worker goes on after it. */
async function endOf(handler: (ctx: Context<{ bad: unknown }>) => unknown, retry: RetryOptions = { attempts: 1 }) {
  const strange = task('strange', { input: z.string(), output: z.unknown(), errors: { bad: z.unknown() }, retry })
  const plain = task('plain', { output: z.number() })
  await using t = await testPost([handle(strange, (_, ctx) => handler(ctx) as never), handle(plain, () => 1)])
  const operation = await t.post.send(strange, 'x')
  await t.drain()
  equal(await (await t.post.send(plain)).result(), 1)
  return operation.ended()
}

const errorOf = async (...given: Parameters<typeof endOf>) => {
  const end = await endOf(...given)
  return end.status === 'failed' ? end.error : { code: end.status, message: '' }
}

test('whatever is thrown is a failed run', async () => {
  const thrown = [1n, cyclic, undefined, null, Symbol('s'), () => 1, Object.create(null), mute, [cyclic]]
  const wrong = Object.assign(new Error('x'), { message: { a: 1 }, stack: 5 })
  for (const each of [...thrown, wrong]) {
    equal(
      (
        await errorOf(() => {
          throw each
        })
      ).code,
      'handler-failed',
    )
    equal(
      (
        await errorOf(async () => {
          throw each
        })
      ).code,
      'handler-failed',
    )
  }
})

test('a failure that explains itself at length is cut, not carried along', async () => {
  const { message } = await errorOf(() => {
    throw new Error('x'.repeat(5_000_000))
  })
  ok(message.length < 3_000)
})

test('an outcome with a reason that is no text still ends the message', async () => {
  const text = (value: unknown) => value as string
  equal((await errorOf((ctx) => ctx.bury(text(new Error('broken'))))).message, 'broken')
  equal((await errorOf((ctx) => ctx.bury(text(undefined)))).code, 'buried')
  equal((await errorOf((ctx) => ctx.fail('bad', 1, text(new Error('broken'))))).message, 'broken')
  equal((await errorOf((ctx) => ctx.retry({ reason: text(cyclic) }))).code, 'handler-failed')
  equal((await errorOf((ctx) => ctx.cancel(text({ a: 1 })))).code, 'cancelled')
})

test('an output that is not JSON is a dead letter', async () => {
  for (const output of [1n, cyclic, { toJSON: () => 1n }]) equal((await errorOf(() => output)).code, 'invalid-output')
})

test('what a handler returns is waited for, whoever made the promise', async () => {
  const later = (value: unknown) =>
    thenable({ value: (resolve: (value: unknown) => void) => void setImmediate(resolve, value) })
  deepEqual(await endOf(() => later(7)), { status: 'succeeded', output: 7 })
  let ran = false
  const inbox = queue('inbox', { data: z.string() })
  await using t = await testPost([
    handle(inbox, (() => thenable({ value: (resolve: () => void) => ((ran = true), resolve()) })) as never),
  ])
  await t.post.send(inbox, 'x')
  await t.drain()
  ok(ran, 'a query that runs only when it is awaited has run before the ack')
  equal((await errorOf(() => thenable({ get: () => fail('then') }))).message, 'then')
})

test('progress that is reported after the end of a run does not undo the end', async () => {
  const slow = task('slow', { output: z.number() })
  let context: Context | undefined
  await using t = await testPost([handle(slow, (_, ctx) => ((context = ctx as Context), 7))])
  const operation = await t.post.send(slow)
  await t.drain()
  context!.progress(0.5)
  await turn()
  t.clock.advance('5s')
  await turn()
  equal((await operation.view())!.status, 'succeeded')
  equal(await operation.result(), 7)
})

test('progress of a run that timed out does not undo the end', async () => {
  const slow = task('slow', { output: z.number(), timeout: '1s', retry: { attempts: 1 } })
  const gate = Promise.withResolvers<void>()
  const started = Promise.withResolvers<void>()
  await using t = await testPost([
    handle(slow, async (_, ctx) => {
      started.resolve()
      await gate.promise
      ctx.progress(0.9)
      return 1
    }),
  ])
  const operation = await t.post.send(slow)
  const drained = t.drain()
  await started.promise
  t.clock.advance('1s')
  await drained
  gate.resolve()
  await turn()
  await t.post.queue(slow).purge({ state: 'dead' })
  equal((await operation.view())!.status, 'failed')
})

test('a retry.decide that fails, is asynchronous or answers nonsense is told of, and the policy stands', async () => {
  const decides: unknown[] = [
    () => {
      throw new Error('decide')
    },
    async () => {
      throw new Error('decide')
    },
    () => 'burry',
    () => ({ afterr: 1 }),
  ]
  for (const decide of decides) {
    const { code, message } = await errorOf(
      () => {
        throw new Error('first')
      },
      { attempts: 1, decide } as RetryOptions,
    )
    equal(code, 'handler-failed')
    match(message, /^first \(and retry\.decide failed: .*(decide)/)
  }
})

test('a key, group or dedupe function that fails, or gives no text, refuses the send', async () => {
  await using t = await testPost()
  const functions: unknown[] = [
    () => {
      throw new Error('key')
    },
    async () => {
      throw new Error('key')
    },
    () => 1n,
    () => cyclic,
    () => '',
  ]
  for (const key of functions)
    await rejects(t.post.send(task('keyed', { input: z.string(), key } as never), 'x' as never), {
      code: 'invalid-input',
    })
})

test('an upcast may be asynchronous, and one that fails is a dead letter that says so', async () => {
  const old = task('photo', { input: z.object({ a: z.number() }) })
  const lift = async (upcast: (old: { a: number }) => unknown) => {
    const photo = task('photo', {
      version: 2,
      input: z.object({ b: z.number() }),
      output: z.number(),
      upcast: { 1: upcast },
    })
    await using t = await testPost([handle(photo, ({ b }) => b)])
    const { id } = await t.post.send(old, { a: 1 })
    await t.drain()
    return t.post.operation(photo, id).ended()
  }
  deepEqual(await lift(async ({ a }) => ({ b: a })), { status: 'succeeded', output: 1 })
  for (const upcast of [
    () => {
      throw new Error('old')
    },
    () => Promise.reject(1n),
  ]) {
    const end = await lift(upcast)
    equal(end.status === 'failed' && end.error.code, 'invalid-input')
    match(end.status === 'failed' ? end.error.message : '', /the upcast from version 1 failed/)
  }
})

test('key-order: what is sent in one commit keeps its order, also where its schema is asynchronous', async () => {
  const gates: (() => void)[] = []
  const slow = z.number().refine((value) => new Promise((resolve) => (gates[value] = () => resolve(true))))
  const line = queue('line', { data: slow, key: () => 'one' })
  const order: number[] = []
  await using post = await open('memory:', { log: silentLog })
  const sent = post.commit((fx) => {
    for (const value of [0, 1, 2]) fx.send(line, value)
  })
  for (const value of [2, 0, 1]) {
    gates[value]!()
    await turn()
  }
  await sent
  const { items } = await post.queue(line).browse({ state: 'ready' })
  const { items: held } = await post.queue(line).browse({ state: 'held' })
  for (const { message } of [...items, ...held]) order.push(Number(new TextDecoder().decode(message.body)))
  deepEqual(order, [0, 1, 2])
})

test('a schema that answers nothing, at once or later, is a failed validation', async () => {
  await using t = await testPost()
  for (const answer of [undefined, Promise.resolve(undefined)]) {
    const schema = { '~standard': { version: 1, vendor: 'x', validate: () => answer } }
    await rejects(t.post.send(queue('inbox', { data: schema } as never), 'x'), { code: 'invalid-input' })
  }
})

test('a log that throws disturbs nothing', async () => {
  const bad = (): never => {
    throw new Error('log')
  }
  const log: Log = { debug: bad, info: bad, warn: bad, error: () => Promise.reject(new Error('log')) as never }
  const failing = task('failing', { retry: { attempts: 2, backoff: { base: 0 } } })
  await using post = await open('memory:', { log })
  await using _ = await post.work([
    handle(failing, () => {
      throw new Error('x')
    }),
  ])
  equal((await (await post.send(failing)).ended()).status, 'failed')
})

test('middleware that does not wait for what is inside leaves no rejection unheard', async () => {
  const wrapped = task('wrapped', { output: z.number() })
  const failing = () => {
    throw new Error('inside')
  }
  const hasty: Middleware = (next) => async (run) => (void next(run), 7 as never)
  await using t = await testPost([handle(wrapped, failing, { middleware: [hasty, (next) => (run) => next(run)] })])
  equal(await (await t.post.send(wrapped)).result(), 7)
  await turn()
})

test('effects that the engine refuses are a failure of Posthorn’s, not an error of the task’s own', async () => {
  const busy = task('busy', { retry: { attempts: 1 } })
  const inbox = queue('inbox', { data: z.number() })
  await using t = await testPost([
    handle(busy, (_, ctx) => {
      for (let n = 0; n < 20_000; n++) ctx.send(inbox, n)
    }),
  ])
  const operation = await t.post.send(busy)
  await t.drain()
  const end = await operation.ended()
  equal(end.status === 'failed' && end.error.code, 'invalid')
  const snapshot = await internalsOf(t.post).operations.get('busy', operation.id)
  equal(snapshot?.error?.type, 'urn:posthorn:error:invalid')
  equal((await t.post.queue(inbox).depth())?.ready ?? 0, 0)
})
