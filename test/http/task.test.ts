import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { ManualClock } from '../../src/core/clock.ts'
import { createIds } from '../../src/core/id.ts'
import { handle, task } from '../../src/task/index.ts'
import { startServer, until, type TestServer } from './server/client.ts'

const double = task('double', {
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
  errors: { too_big: z.object({ max: z.number() }) },
  key: ({ n }) => `k${n}`,
})
const slow = task('slow', { output: z.string() })
const nothing = task('nothing')
const remote = task('remote', {
  input: z.object({ a: z.string() }),
  output: z.object({ b: z.string().transform(Number) }),
  errors: { no_luck: z.object({ left: z.number() }) },
  retry: { attempts: 2 },
})

describe('tasks and operations', () => {
  let server: TestServer
  let running = 0
  before(async () => {
    server = await startServer()
    await server.post.work(() => ({
      handlers: [
        handle(double, ({ n }, ctx) => (n > 100 ? ctx.fail('too_big', { max: 100 }) : { n: 2 * n })),
        handle(slow, async (_, ctx) => {
          running++
          await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
          throw ctx.signal.reason
        }),
        handle(nothing, () => {}),
      ],
      contracts: [remote],
    }))
  })
  after(() => server[Symbol.asyncDispose]())

  const start = (name: string, body?: unknown, headers: Record<string, string> = {}) =>
    server.call('POST', `/v1/tasks/${name}`, { ...(body === undefined ? {} : { body }), headers })
  const wait = { prefer: 'respond-async, wait=20' }
  const lease = async (name: string) =>
    (await server.call('POST', `/v1/queues/task:${name}/lease`, { body: {} })).json.deliveries[0]
  const settle = (name: string, ...outcomes: object[]) =>
    server.call('POST', `/v1/queues/task:${name}/settle`, { body: { outcomes } })

  test('starting answers 202 with the operation and where it is', async () => {
    const { status, headers, json } = await start('double', { n: 4 })
    equal(status, 202)
    for (const name of ['location', 'operation-location']) equal(headers.get(name), `/v1/operations/${json.id}`)
    equal(headers.get('retry-after'), '1')
    equal(headers.get('vary'), 'Prefer')
    deepEqual([json.task, json.status, json.done, json.duplicate], ['double', 'accepted', false, false])
    const ended = await server.call('GET', `/v1/operations/${json.id}?wait=20`)
    deepEqual([ended.json.status, ended.json.output, ended.json.attempts], ['succeeded', { n: 8 }, 1])
    equal(ended.headers.get('retry-after'), null)
    ok(Date.parse(ended.json.expiresAt) > Date.now() + 6 * 86_400_000)
  })

  test('who prefers to wait gets the finished operation, whatever its end', async () => {
    const good = await start('double', { n: 1 }, wait)
    deepEqual([good.status, good.headers.get('preference-applied'), good.json.output], [200, 'wait=20', { n: 2 }])
    const bad = await start('double', { n: 101 }, wait)
    deepEqual(
      [bad.status, bad.json.status, bad.json.error.code, bad.json.error.data],
      [200, 'failed', 'too_big', { max: 100 }],
    )
    equal((await start('nothing', undefined, wait)).json.status, 'succeeded')
    const short = await start('slow', undefined, { prefer: 'wait=0' })
    deepEqual([short.status, short.json.done], [202, false])
    await server.call('POST', short.json.links.cancel)
  })

  test('input that does not match is refused with issues and paths', async () => {
    const { status, json } = await start('double', { n: 'x' })
    deepEqual([status, json.code, json.issues[0].path], [422, 'invalid-input', ['n']])
    equal((await start('nothing', {})).json.code, 'invalid-input')
    equal(
      (await server.call('POST', '/v1/queues/task:double/messages', { body: { n: 'x' } })).json.code,
      'invalid-input',
    )
    equal((await start('double', '{"n":1', { 'content-type': 'application/json' })).json.code, 'invalid-json')
    equal(
      (await start('double', 'n=1', { 'content-type': 'application/x-www-form-urlencoded' })).json.code,
      'unsupported-media-type',
    )
    equal(
      (await start('double', '[]', { 'content-type': 'application/cloudevents-batch+json' })).json.code,
      'unsupported-media-type',
    )
    const event = { specversion: '1.0', id: 'e', source: 's', type: 'other', data: { n: 1 } }
    equal(
      (await start('double', JSON.stringify(event), { 'content-type': 'application/cloudevents+json' })).json.code,
      'invalid-event',
    )
    const right = await start('double', JSON.stringify({ ...event, type: 'posthorn.task.double' }), {
      'content-type': 'application/cloudevents+json',
      ...wait,
    })
    deepEqual(right.json.output, { n: 2 })
  })

  test('the contract gives the key; the queue of a task takes what the task takes', async () => {
    await server.call('POST', '/v1/queues/task:double/pause')
    const { json } = await server.call('POST', '/v1/queues/task:double/messages', { body: { n: 7 } })
    equal((await server.call('GET', `/v1/queues/task:double/messages/${json.id}`)).json.key, 'k7')
    await server.call('POST', '/v1/queues/task:double/resume')
    equal((await server.call('GET', `/v1/operations/${json.id}?wait=20`)).json.output.n, 14)
  })

  test('a client chooses the id: the same again is the same operation, also when it has ended', async () => {
    const id = createIds({ wallMs: () => Date.now() }).uuid()
    const first = await start('double', { n: 3 }, { 'operation-id': id.toUpperCase() })
    equal(first.json.id, id)
    await server.call('GET', `/v1/operations/${id}?wait=20`)
    const again = await start('double', { n: 3 }, { 'operation-id': id, ...wait })
    deepEqual([again.status, again.json.id, again.json.attempts], [200, id, 1])
    equal((await start('double', { n: 4 }, { 'operation-id': id })).json.code, 'idempotency-mismatch')
    equal((await start('nothing', undefined, { 'operation-id': id })).json.code, 'idempotency-mismatch')
    for (const wrong of ['x', '8f14e45f-ceea-467f-a9d5-1b2d3c4e5f60'])
      equal((await start('nothing', undefined, { 'operation-id': wrong })).json.code, 'invalid')
  })

  test('a repeated Idempotency-Key gets the same operation, and waits for it if asked to', async () => {
    const first = await start('double', { n: 5 }, { 'idempotency-key': 'once' })
    const again = await start('double', { n: 5 }, { 'idempotency-key': 'once' })
    equal(again.text, first.text)
    deepEqual((await start('double', { n: 5 }, { 'idempotency-key': 'once', ...wait })).json.output, { n: 10 })
  })

  test('cancelling reaches a running handler; an ended operation is erased', async () => {
    const before = running
    const { json } = await start('slow')
    await until(() => running > before, 'the handler runs')
    equal((await server.call('DELETE', `/v1/operations/${json.id}`)).json.code, 'operation-not-ended')
    equal((await server.call('POST', json.links.cancel)).status, 202)
    equal((await server.call('GET', `${json.links.self}?wait=20`)).json.status, 'cancelled')
    equal((await server.call('DELETE', json.links.self)).status, 204)
    deepEqual(
      [(await server.call('GET', json.links.self)).status, (await server.call('GET', json.links.self)).json.code],
      [410, 'operation-gone'],
    )
  })

  test('an operation that never was is 404, one that is older than is kept 410', async () => {
    const never = createIds({ wallMs: () => Date.now() }).uuid()
    equal((await server.call('GET', `/v1/operations/${never}`)).json.code, 'operation-not-found')
    equal((await server.call('GET', '/v1/operations/nonsense')).json.code, 'operation-not-found')
    const old = createIds(new ManualClock(Date.now() - 8 * 86_400_000)).uuid()
    equal((await server.call('GET', `/v1/operations/${old}`)).json.code, 'operation-gone')
    equal((await server.call('POST', `/v1/operations/${never}/cancel`)).status, 404)
    equal((await server.call('GET', `/v1/operations/${never}?wait=x`)).json.code, 'invalid')
  })

  test('operations are listed by task, status and group', async () => {
    await start('double', { n: 50 }, { ...wait, 'posthorn-group': 'g1' })
    await start('double', { n: 500 }, { ...wait, 'posthorn-group': 'g1' })
    const list = async (query: string) =>
      (await server.call('GET', `/v1/operations?${query}`)).json.items.map(
        ({ task: name, status, group }: Record<string, string>) => [name, status, group],
      )
    deepEqual(await list('group=g1&status=failed'), [['double', 'failed', 'g1']])
    deepEqual((await list('task=double&group=g1')).length, 2)
    equal((await server.call('GET', '/v1/operations?status=lost')).json.code, 'invalid')
    equal((await server.call('GET', '/v1/operations?after=lost')).json.code, 'invalid')
  })

  test('a client that handles a task gives its output with the ack, checked, in the same commit', async () => {
    const { json } = await start('remote', { a: 'x' })
    const { token, message } = await lease('remote')
    deepEqual(message.data, { a: 'x' })
    equal((await server.call('GET', `/v1/operations/${json.id}`)).json.status, 'running')
    const wrong = await settle('remote', { token, do: 'ack', output: { b: 7 } })
    deepEqual([wrong.status, wrong.json.code, wrong.json.issues[0].path], [422, 'invalid-outcome', ['b']])
    equal((await settle('remote', { token, do: 'ack', output: { b: '7' } })).json.results[0].status, 'ok')
    const ended = (await server.call('GET', `/v1/operations/${json.id}`)).json
    deepEqual([ended.status, ended.output], ['succeeded', { b: '7' }])
  })

  test('and its errors with the bury, or its retries until they are used up', async () => {
    const first = (await start('remote', { a: 'x' })).json
    const one = await lease('remote')
    equal(
      (await settle('remote', { token: one.token, do: 'bury', error: { code: 'unheard_of' } })).json.code,
      'invalid-outcome',
    )
    equal(
      (await settle('remote', { token: one.token, do: 'bury', error: { code: 'no_luck', data: { left: 'few' } } })).json
        .code,
      'invalid-outcome',
    )
    await settle('remote', { token: one.token, do: 'bury', error: { code: 'no_luck', data: { left: 2 } } })
    const failed = (await server.call('GET', `/v1/operations/${first.id}`)).json
    deepEqual([failed.status, failed.error.code, failed.error.data], ['failed', 'no_luck', { left: 2 }])

    const second = (await start('remote', { a: 'y' })).json
    await settle('remote', { token: (await lease('remote')).token, do: 'retry', delaySeconds: 0, reason: 'first' })
    equal((await server.call('GET', `/v1/operations/${second.id}`)).json.status, 'accepted')
    await settle('remote', { token: (await lease('remote')).token, do: 'retry', delaySeconds: 0, reason: 'second' })
    const used = (await server.call('GET', `/v1/operations/${second.id}`)).json
    deepEqual([used.status, used.error.code, used.error.detail], ['failed', 'handler-failed', 'second'])
  })

  test('a client that handles a cancelled operation is told when it extends', async () => {
    const { json } = await start('remote', { a: 'z' })
    const { token } = await lease('remote')
    await server.call('POST', json.links.cancel)
    deepEqual((await settle('remote', { token, do: 'extend' })).json.results, [
      { token, status: 'ok', cancelRequested: true },
    ])
    await settle('remote', { token, do: 'release' })
    equal((await server.call('GET', `${json.links.self}?wait=20`)).json.status, 'cancelled')
  })

  test('a task without a contract here takes any JSON', async () => {
    const { json } = await start('stranger', { anything: [1] })
    const { token } = await lease('stranger')
    await settle('stranger', { token, do: 'ack', output: { fine: true } })
    deepEqual((await server.call('GET', json.links.self)).json.output, { fine: true })
    match((await start('no:name', {})).json.code, /invalid-name/)
  })
})
