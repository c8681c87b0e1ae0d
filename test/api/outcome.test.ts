// How a run ends: every row of the table in DESIGN, through the public API alone.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { handle, queue, task, type Context, type Decision } from 'posthorn'
import { testPost } from 'posthorn/testing'
import { z } from 'zod'
import { internalsOf } from '../../src/posthorn.ts'

type Errors = { too_big: { limit: number } }
type Ctx = Context<Errors>

/** One task, one run: what becomes of the message, the operation and the effects. */
async function runOnce(handler: (ctx: Ctx) => unknown, attempts = 1) {
  const resize = task('resize', {
    input: z.string(),
    output: z.number(),
    errors: { too_big: z.object({ limit: z.number() }) },
    retry: { attempts },
    queue: { keep: { acked: true } },
  })
  const child = task('child')
  await using t = await testPost([
    handle(resize, (_, ctx) => (ctx.put('effect', true), ctx.send(child), handler(ctx) as number)),
  ])
  const operation = await t.post.send(resize, 'photo')
  await t.drain()
  const stored = await t.post.queue(resize).find(operation.id)
  const view = await operation.view()
  return {
    message: stored!.state,
    reason: stored!.reason,
    operation: view!.status,
    code: view!.error?.code,
    data: view!.error?.data,
    output: view!.output,
    effects: (await t.post.records.get('effect')) !== undefined,
    sent: t.sent(child).length,
    failures: stored!.failures.map(({ code, message }) => `${code}: ${message}`),
  }
}

const rows: readonly (readonly [
  name: string,
  handler: (ctx: Ctx) => unknown,
  attempts: number,
  expected: Partial<Awaited<ReturnType<typeof runOnce>>>,
])[] = [
  ['done', () => 7, 1, { message: 'acked', operation: 'succeeded', output: 7, effects: true, sent: 1 }],
  ['done, later', async () => 7, 1, { message: 'acked', operation: 'succeeded', output: 7, effects: true, sent: 1 }],
  [
    'fail',
    (ctx) => ctx.fail('too_big', { limit: 3 }),
    5,
    { message: 'acked', operation: 'failed', code: 'too_big', data: { limit: 3 }, effects: false, sent: 0 },
  ],
  [
    'fail, thrown',
    (ctx) => {
      // oxlint-disable-next-line typescript/only-throw-error -- outcomes may be thrown
      throw ctx.fail('too_big', { limit: 3 })
    },
    5,
    { message: 'acked', operation: 'failed', code: 'too_big', data: { limit: 3 }, effects: false },
  ],
  [
    'a throw',
    () => {
      throw new Error('broken')
    },
    2,
    { message: 'delayed', operation: 'accepted', effects: false, sent: 0, failures: ['handler-failed: broken'] },
  ],
  [
    'a rejection',
    async () => {
      throw new Error('broken')
    },
    2,
    { message: 'delayed', operation: 'accepted', effects: false, failures: ['handler-failed: broken'] },
  ],
  [
    'retry',
    (ctx) => ctx.retry({ after: '1m', reason: 'busy' }),
    2,
    { message: 'delayed', operation: 'accepted', effects: false, failures: ['handler-failed: busy'] },
  ],
  [
    'attempts used up',
    () => {
      throw new Error('broken')
    },
    1,
    {
      message: 'dead',
      reason: 'handler-failed',
      operation: 'failed',
      code: 'handler-failed',
      effects: false,
      failures: ['handler-failed: broken'],
    },
  ],
  [
    'retry with attempts used up',
    (ctx) => ctx.retry(),
    1,
    { message: 'dead', reason: 'handler-failed', operation: 'failed', code: 'handler-failed' },
  ],
  ['snooze', (ctx) => ctx.snooze('1h'), 1, { message: 'delayed', operation: 'accepted', effects: false, failures: [] }],
  [
    'bury',
    (ctx) => ctx.bury('no use'),
    5,
    {
      message: 'dead',
      reason: 'buried',
      operation: 'failed',
      code: 'buried',
      effects: false,
      failures: ['buried: no use'],
    },
  ],
  [
    'cancel',
    (ctx) => ctx.cancel('not wanted'),
    5,
    { message: 'cancelled', reason: 'not wanted', operation: 'cancelled', effects: false },
  ],
  [
    'invalid output',
    () => 'seven',
    5,
    { message: 'dead', reason: 'invalid-output', operation: 'failed', code: 'invalid-output', effects: false },
  ],
  [
    'output that is not JSON',
    () => 7n,
    5,
    { message: 'dead', reason: 'invalid-output', operation: 'failed', code: 'invalid-output', effects: false },
  ],
  [
    'error data that do not match',
    (ctx) => ctx.fail('too_big', { limit: 'three' } as never),
    5,
    { message: 'dead', reason: 'invalid-output', operation: 'failed', code: 'invalid-output' },
  ],
  [
    'an error that is not declared',
    (ctx) => ctx.fail('too_small' as never, {} as never),
    5,
    { message: 'dead', reason: 'invalid-output', operation: 'failed', code: 'invalid-output' },
  ],
  [
    'an outcome made and dropped',
    (ctx) => void ctx.retry(),
    1,
    {
      message: 'dead',
      reason: 'outcome-not-returned',
      operation: 'failed',
      code: 'outcome-not-returned',
      effects: false,
    },
  ],
]

for (const [name, handler, attempts, expected] of rows) {
  test(`how a run ends: ${name}`, async () => {
    const found = await runOnce(handler, attempts)
    deepEqual({ ...found, ...expected }, found)
  })
}

test('how a run ends: a timeout is a failed run, and its signal says why', async () => {
  const slow = task('slow', { timeout: '30s', retry: { attempts: 2 } })
  const reasons: unknown[] = []
  const never = new Promise<void>(() => {})
  await using t = await testPost([
    handle(slow, (_, ctx) => {
      ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason))
      return never
    }),
  ])
  const operation = await t.post.send(slow)
  for (let attempt = 1; attempt <= 2; attempt++) {
    const drained = t.drain()
    await turns()
    t.clock.advance('31s')
    await drained
    equal((reasons[attempt - 1] as { code: string }).code, 'timed-out')
    t.clock.advance('1h')
  }
  const ended = await operation.ended()
  deepEqual(ended, { status: 'failed', error: { code: 'timed-out', message: 'the run took longer than 30000 ms' } })
  equal((await t.post.queue(slow).find(operation.id))!.state, 'dead')
})

test('invalid input at the handler is a dead letter and never retried', async () => {
  const loose = task('resize', { input: z.any() })
  const strict = task('resize', { input: z.string() })
  let runs = 0
  await using t = await testPost([handle(strict, () => void runs++)])
  const { id } = await t.post.send(loose, 7)
  await t.drain()
  const ended = await t.post.operation(strict, id).ended()
  ok(ended.status === 'failed' && ended.error.code === 'invalid-input')
  match(ended.error.message, /expected string/)
  equal((await t.post.queue(strict).find(id))!.reason, 'invalid-input')
  equal(runs, 0)
})

test('a message that expires, is cancelled or is discarded while it waits ends its operation', async () => {
  const later = task('later')
  await using t = await testPost()
  const [expired, cancelled, discarded] = await Promise.all([
    t.post.send(later, undefined, { expires: '1m' }),
    t.post.send(later),
    t.post.send(later),
  ])
  await cancelled.cancel()
  await t.post.queue(later).discard(discarded.id)
  t.clock.advance('2m')
  deepEqual(await expired.ended(), { status: 'expired' })
  deepEqual(await cancelled.ended(), { status: 'cancelled' })
  deepEqual(await discarded.ended(), { status: 'cancelled' })
  await rejects(expired.result(), { code: 'operation-expired' })
  await rejects(cancelled.result(), { code: 'operation-cancelled' })
  await t.drain()
  const { items } = await t.post.queue('system:operation').browse({ state: 'ready' })
  deepEqual(items, [], 'reports were handled')
  deepEqual((await expired.view())!.status, 'expired')
})

test('a message whose holders vanish too often is a dead letter, and its operation has failed as lapsed', async () => {
  const fatal = task('fatal')
  const told = task('told', { input: z.object({ id: z.string(), error: z.object({ code: z.string() }) }) })
  await using t = await testPost()
  const operation = await t.post.send(fatal, undefined, { onFailure: told })
  const { engine } = internalsOf(t.post)
  for (let holder = 0; holder < 6; holder++) {
    const { deliveries } = await engine.lease({
      id: `lease ${holder}`,
      worker: 'test',
      holder: 'client',
      leaseMs: 10_000,
      wants: [{ queue: 'task:fatal', max: 1 }],
    })
    equal(deliveries.length, 1)
    t.clock.advance('11s')
  }
  const ended = await operation.ended()
  ok(ended.status === 'failed' && ended.error.code === 'lapsed')
  await t.drain()
  deepEqual((await t.post.queue(fatal).find(operation.id))!.reason, 'lapsed')
  deepEqual(
    t.sent(told).map(({ input }) => [input.id, input.error.code]),
    [[operation.id, 'lapsed']],
  )
  deepEqual(await operation.ended(), ended, 'the record says what the message said')
})

test('a cancelled run is told by its signal and ends as cancelled, whatever the handler does then', async () => {
  const long = task('long')
  const started = Promise.withResolvers<void>()
  await using t = await testPost([
    handle(
      long,
      (_, ctx) =>
        new Promise((_resolve, reject) => {
          ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))
          started.resolve()
        }),
    ),
  ])
  const operation = await t.post.send(long)
  const drained = t.drain()
  await started.promise
  equal((await operation.view())!.status, 'running')
  await operation.cancel()
  await drained
  deepEqual(await operation.ended(), { status: 'cancelled' })
})

test('the policy decides about an error: bury, retry after, snooze', async () => {
  const decisions: Decision[] = [{ snooze: '1m' }, { after: '1m' }, 'bury']
  const call = task('call', {
    retry: {
      attempts: 9,
      decide: (error, attempt) =>
        (error as Error).message === 'known' ? decisions.shift() : attempt > 0 ? undefined : 'retry',
    },
  })
  await using t = await testPost([
    handle(call, () => {
      throw new Error('known')
    }),
  ])
  const operation = await t.post.send(call)
  const counts: (readonly [string, number, number])[] = []
  for (let run = 0; run < 3; run++) {
    await t.drain()
    const { state, failed, released } = (await t.post.queue(call).find(operation.id))!
    counts.push([state, failed, released])
    t.clock.advance('1m')
  }
  deepEqual(counts, [
    ['delayed', 0, 1],
    ['delayed', 1, 1],
    ['dead', 2, 1],
  ])
  deepEqual(await operation.ended(), { status: 'failed', error: { code: 'handler-failed', message: 'known' } })
})

test('a redriven operation lives again, and its new end replaces the old one', async () => {
  let broken = true
  const fix = task('fix', { output: z.string(), retry: { attempts: 1 } })
  await using t = await testPost([
    handle(fix, () => {
      if (broken) throw new Error('broken')
      return 'fixed'
    }),
  ])
  const operation = await t.post.send(fix)
  await t.drain()
  equal((await operation.view())!.status, 'failed')
  broken = false
  deepEqual(await t.post.queue(fix).redrive(), { matched: 1, moved: 1 })
  equal((await operation.view())!.status, 'accepted')
  equal(await operation.result(), 'fixed')
})

test('a queue has the same outcomes, and no operations', async () => {
  const inbox = queue('inbox', { data: z.string(), queue: { keep: { acked: true } } })
  await using t = await testPost([
    handle(inbox, (text, ctx) => (text === 'bad' ? ctx.bury('bad') : (ctx.progress(1), ctx.put(text, true)))),
  ])
  const good = await t.post.send(inbox, 'good')
  const bad = await t.post.send(inbox, 'bad')
  deepEqual(await t.drain(), { handled: 2 })
  equal((await t.post.queue(inbox).find(good.id))!.state, 'acked')
  equal((await t.post.queue(inbox).find(bad.id))!.state, 'dead')
  deepEqual((await t.post.records.get('good'))!.value, true)
})

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
