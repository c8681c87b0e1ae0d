import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { Change } from '../../src/core/engine.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { internalsOf } from '../../src/posthorn.ts'
import { startServer, until, type TestServer } from './server/client.ts'

describe('Idempotency-Key', () => {
  let server: TestServer
  let clock: ManualClock
  let queue = 0
  before(async () => {
    clock = new ManualClock(Date.now())
    server = await startServer({ open: { clock } })
  })
  after(() => server[Symbol.asyncDispose]())

  const next = () => `q${++queue}`
  const send = (to: string, key: string, body: unknown = { a: 1 }, headers: Record<string, string> = {}) =>
    server.call('POST', `/v1/queues/${to}/messages`, { body, headers: { 'idempotency-key': key, ...headers } })
  const ready = async (of: string) => (await server.call('GET', `/v1/queues/${of}`)).json.ready

  test('the same request again gets the stored answer and changes nothing; quoted or bare', async () => {
    const to = next()
    const first = await send(to, '"8e03978e"')
    const again = await send(to, '8e03978e')
    deepEqual([again.status, again.text, again.headers.get('idempotency-replayed')], [202, first.text, 'true'])
    equal(await ready(to), 1)
    ok((await send(to, 'another')).json.id !== first.json.id)
  })

  test('another body, query or attribute under the same key is a mismatch', async () => {
    const to = next()
    await send(to, 'k')
    for (const [body, headers] of [
      [{ a: 2 }, {}],
      [{ a: 1 }, { 'posthorn-priority': '1' }],
      [{ a: 1 }, { 'content-type': 'application/vnd.x+json' }],
    ] as const) {
      const { status, json } = await send(to, 'k', body, headers)
      deepEqual([status, json.code], [422, 'idempotency-mismatch'])
    }
    equal(await ready(to), 1)
  })

  test('the key is per method and path', async () => {
    const [a, b] = [next(), next()]
    ok((await send(a, 'k')).json.id !== (await send(b, 'k')).json.id)
  })

  test('it is kept for 24 hours', async () => {
    const to = next()
    await send(to, 'k')
    clock.advance(24 * 3_600_000 - 1)
    await send(to, 'k')
    equal(await ready(to), 1)
    clock.advance(1)
    await send(to, 'k')
    equal(await ready(to), 2)
  })

  test('a refusal is not stored: what was refused may be tried again', async () => {
    const to = next()
    await server.call('PUT', `/v1/queues/${to}`, { body: { limit: { messages: 0 } } })
    equal((await send(to, 'k')).status, 429)
    await server.call('PUT', `/v1/queues/${to}`, { body: {} })
    equal((await send(to, 'k')).status, 202)
  })

  test('while it is under way the same key is told to wait', async () => {
    const to = next()
    const { engine } = internalsOf(server.post)
    const held = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    const commit = engine.commit.bind(engine)
    engine.commit = async (commits) => {
      reached.resolve()
      await held.promise
      return commit(commits)
    }
    const first = send(to, 'k')
    await reached.promise
    const second = await send(to, 'k')
    deepEqual([second.status, second.json.code, second.headers.get('retry-after')], [409, 'idempotency-in-flight', '1'])
    held.resolve()
    engine.commit = commit
    equal((await first).status, 202)
    equal((await send(to, 'k')).text, (await first).text)
  })

  test('the answer is stored by the very commit that makes it true', async () => {
    const to = next()
    const { engine } = internalsOf(server.post)
    const commits: Change['do'][][] = []
    const commit = engine.commit.bind(engine)
    engine.commit = (given) => {
      for (const { changes } of given) commits.push(changes.map((change) => change.do))
      return commit(given)
    }
    await send(to, 'k')
    await server.call('POST', '/v1/tasks/t', { body: {}, headers: { 'idempotency-key': 'k' } })
    await server.call('POST', `/v1/queues/${to}/pause`, { headers: { 'idempotency-key': 'k' } })
    await server.call('POST', `/v1/queues/${to}/redrive`, { headers: { 'idempotency-key': 'k' } })
    engine.commit = commit
    deepEqual(commits.slice(0, 2), [
      ['send', 'put'],
      ['send', 'put'],
    ])
    deepEqual(
      commits.filter((changes) => changes.includes('configure')),
      [['configure', 'put', 'put']],
      'settings, retry, answer',
    )
    ok(commits.some((changes) => changes.join() === 'send,put'))
  })

  test('a duplicate by the queue’s dedupe keeps its true answer', async () => {
    const to = next()
    const first = await send(to, 'one', { a: 1 }, { 'posthorn-dedupe': 'd' })
    const second = await send(to, 'two', { a: 1 }, { 'posthorn-dedupe': 'd' })
    deepEqual([second.json.id, second.json.duplicate], [first.json.id, true])
    equal((await send(to, 'two', { a: 1 }, { 'posthorn-dedupe': 'd' })).text, second.text)
  })

  test('keys that cannot be are refused; elsewhere the header means nothing', async () => {
    const to = next()
    for (const key of ['""', '"a', 'x'.repeat(256), '"a" "b"']) equal((await send(to, key)).json.code, 'invalid', key)
    const lease = () => server.call('POST', `/v1/queues/${to}/lease`, { body: {}, headers: { 'idempotency-key': 'k' } })
    await send(to, 'k')
    equal((await lease()).json.deliveries.length, 1)
    equal((await lease()).json.deliveries.length, 0)
  })
})

test('answers that are remembered have a bound of their own, which a restart finds', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-answers-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const clock = new ManualClock(Date.now())
  const start = () => startServer({ url: `file:${folder}`, open: { clock }, limits: { answers: 3 } })
  const send = async (server: TestServer, key: string | null) => {
    const headers: Record<string, string> = key === null ? {} : { 'idempotency-key': key }
    return server.call('POST', '/v1/queues/a/messages', { body: { a: 1 }, headers })
  }
  let server = await start()
  for (const key of ['a', 'b', 'c', 'a']) equal((await send(server, key)).status, 202)
  await until(async () => {
    const { items } = await internalsOf(server.post).engine.list({
      prefix: 'system/answer-count/',
      after: null,
      limit: 9,
    })
    return items.length === 1 && new TextDecoder().decode(items[0]!.value) === '3'
  }, 'the count to be stored')
  await server[Symbol.asyncDispose]()
  server = await start()
  const { status, json, headers } = await send(server, 'd')
  deepEqual([status, json.code, headers.get('retry-after')], [429, 'full', '60'])
  match(json.detail, /^3 answers to Idempotency-Keys are remembered/)
  equal((await send(server, null)).status, 202)
  equal((await send(server, 'a')).headers.get('idempotency-replayed'), 'true')
  clock.advance(26 * 3_600_000)
  equal((await send(server, 'd')).status, 202)
  await server[Symbol.asyncDispose]()
})
