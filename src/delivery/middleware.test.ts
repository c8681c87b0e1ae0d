import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery } from '../core/engine.ts'
import { silentLog } from '../runtime/log.ts'
import { ActiveRun } from './active-run.ts'
import type { Middleware, Run } from './binding.ts'
import { composeRun } from './middleware.ts'
import { bury, done, fail, retry } from './outcome.ts'

const newRun = () =>
  new ActiveRun(
    { token: 't', leaseUntil: 0, stored: { id: 'i', queue: 'q', failed: 0 } } as unknown as Delivery,
    silentLog,
  )
const compose = (handler: (run: Run) => unknown, ...middleware: Middleware[]) =>
  composeRun({ queue: 'q', concurrency: 1, middleware, run: handler })

const throws = (thrown: unknown) => async () => {
  throw thrown
}
const shut: Middleware = () => async () => bury('closed')
const harden: Middleware = (next) => async (inner) =>
  (await next(inner)).kind === 'retry' ? bury('no second chance') : done(0)
const twice: Middleware = (next) => async (run) => {
  await next(run)
  return next(run)
}
const calm: Middleware = (next) => async (run) => {
  try {
    return await next(run)
  } catch {
    return done('calm')
  }
}
const forgetful = (run: Run) => void run.make(fail('too_big'))

test('the first is the outermost, and each sees an outcome', async () => {
  const order: string[] = []
  const tell =
    (name: string): Middleware =>
    (next) =>
    async (run) => {
      order.push(`${name} in`)
      const outcome = await next(run)
      order.push(`${name} ${outcome.kind}`)
      return outcome
    }
  const call = compose(() => (order.push('handler'), 5), tell('a'), tell('b'))
  deepEqual(await call(newRun()), done(5))
  deepEqual(order, ['a in', 'b in', 'handler', 'b done', 'a done'])
  await call(newRun())
})

test('a thrown outcome is one to middleware; any other error rejects', async () => {
  let seen = ''
  const watch: Middleware = (next) => async (run) => {
    const outcome = await next(run)
    seen = outcome.kind
    return outcome
  }
  deepEqual(await compose(throws(fail('x', 1)), watch)(newRun()), fail('x', 1))
  equal(seen, 'fail')
  await rejects(async () => compose(throws(new Error('broken')), watch)(newRun()), /broken/)
})

test('middleware may end the run itself, or put another outcome in its place', async () => {
  let handled = 0
  deepEqual(await compose(() => handled++, shut)(newRun()), bury('closed'))
  equal(handled, 0)
  const run = newRun()
  deepEqual(await compose((inner) => inner.make(retry()), harden)(run), bury('no second chance'))
  equal(run.forgotten(undefined), null, 'what the handler made and returned is not forgotten')
})

test('calling next twice in a run is an error; in two runs it is not', async () => {
  await rejects(async () => compose(() => 1, twice)(newRun()), {
    code: 'invalid',
    message: /middleware 0 called next\(\) twice/,
  })
  const once = compose(
    () => 1,
    (next) => next,
  )
  await once(newRun())
  deepEqual(await once(newRun()), done(1))
})

test('an outcome that the handler forgot to return is found before middleware can hide it', async () => {
  await rejects(async () => compose(forgetful, (next) => next)(newRun()), {
    code: 'outcome-not-returned',
    message: /ctx\.fail\(…\).*write 'return ctx\.fail/,
  })
  deepEqual(await compose(forgetful, calm)(newRun()), done('calm'))
})
