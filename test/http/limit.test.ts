import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { request as ask } from 'node:http'
import { describe, test } from 'node:test'
import * as z from 'zod'
import { ManualClock } from '../../src/core/clock.ts'
import { handle, task } from '../../src/task/index.ts'
import { startServer, until } from './server/client.ts'
import { connectRaw, type RawReply } from './server/raw.ts'

const code = ({ body }: RawReply) => (JSON.parse(body) as { code: string }).code

describe('limits', () => {
  test('a body above the limit is 413, announced or not, and nothing of it is kept', async () => {
    await using server = await startServer({ limits: { bodyBytes: 1_000 } })
    const announced = await server.call('POST', '/v1/queues/a/messages', { body: 'x'.repeat(1_001) })
    deepEqual([announced.status, announced.json.code], [413, 'payload-too-large'])
    equal((await server.call('POST', '/v1/queues/a/messages', { body: 'x'.repeat(1_000) })).status, 202)
    using raw = connectRaw(server.server)
    raw.write('POST /v1/queues/a/messages HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n')
    for (let at = 0; at < 3; at++) raw.write(`190\r\n${'x'.repeat(400)}\r\n`)
    const reply = await raw.ended
    deepEqual([reply.status, code(reply)], [413, 'payload-too-large'])
    equal((await server.call('GET', '/v1/queues/a')).json.ready, 1)
  })

  test('a client that sends all of a huge body still gets its answer', async () => {
    await using server = await startServer()
    const { status, json } = await server.call('POST', '/v1/queues/a/messages', { body: 'x'.repeat(8 * 2 ** 20) })
    deepEqual([status, json.code], [413, 'payload-too-large'])
  })

  test('headers above the limit are 431', async () => {
    await using server = await startServer({ limits: { headersBytes: 8_192 } })
    using raw = connectRaw(server.server)
    raw.write(`GET /v1/queues HTTP/1.1\r\nhost: localhost\r\nx-large: ${'x'.repeat(9_000)}\r\n\r\n`)
    const reply = await raw.ended
    deepEqual([reply.status, code(reply)], [431, 'headers-too-large'])
    match(reply.headers, /content-type: application\/problem\+json/)
    await using all = await startServer()
    equal((await all.call('GET', '/v1/queues', { headers: { 'x-large': 'x'.repeat(60_000) } })).status, 200)
    equal((await all.call('GET', '/v1/queues', { headers: { 'x-large': 'x'.repeat(70_000) } })).status, 431)
  })

  test('of many small headers none is left out', async () => {
    await using server = await startServer()
    using raw = connectRaw(server.server)
    const many = Array.from({ length: 4_000 }, (_, at) => `x${at}: 1\r\n`).join('')
    raw.write(
      `POST /v1/queues/a/messages HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${many}posthorn-priority: 11\r\ncontent-length: 0\r\n\r\n`,
    )
    const reply = await raw.ended
    deepEqual([reply.status, code(reply)], [400, 'invalid'])
  })

  test('headers that do not come are 408, a body that does not come is 408', async () => {
    const clock = new ManualClock(Date.now())
    await using server = await startServer({ limits: { headersMs: 200 }, open: { clock } })
    using slow = connectRaw(server.server)
    slow.write('GET /v1/queues HTTP/1.1\r\nhost: local')
    const late = await slow.ended
    deepEqual([late.status, code(late)], [408, 'request-timeout'])

    using stuck = connectRaw(server.server)
    stuck.write('POST /v1/queues/a/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf')
    await until(
      async () => (await server.call('GET', '/metrics')).text.includes('posthorn_http_in_flight 2'),
      'the request',
    )
    clock.advance(30_000)
    const reply = await stuck.ended
    deepEqual([reply.status, code(reply)], [408, 'request-timeout'])
    match(reply.headers, /connection: close/)
  })

  test('a client that goes in the middle of its body costs nothing', async () => {
    await using server = await startServer()
    const raw = connectRaw(server.server)
    raw.write('POST /v1/queues/a/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf')
    await until(
      async () => (await server.call('GET', '/metrics')).text.includes('posthorn_http_in_flight 2'),
      'the request',
    )
    raw[Symbol.dispose]()
    await until(
      async () => (await server.call('GET', '/metrics')).text.includes('posthorn_http_in_flight 1'),
      'its end',
    )
    equal((await server.call('GET', '/v1/queues/a')).status, 404)
  })

  test('connections above the limit are dropped, and taken again when others end', async () => {
    await using server = await startServer({ limits: { connections: 3 } })
    const held = [1, 2, 3].map(() => connectRaw(server.server))
    for (const raw of held) raw.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await Promise.all(held.map(({ answered }) => answered))
    using refused = connectRaw(server.server)
    refused.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n')
    equal((await refused.ended).status, 0)
    for (const raw of held) raw[Symbol.dispose]()
    await Promise.all(held.map(({ ended }) => ended))
    await until(
      async () => (await server.call('GET', '/healthz').catch(() => null))?.status === 200,
      'a free connection',
    )
  })

  test('a connection that sends ahead of its answers without end is cut, and what it waited for costs nothing', async () => {
    await using server = await startServer()
    const wait = 'POST /v1/queues/a/lease HTTP/1.1\r\nhost: localhost\r\ncontent-length: 18\r\n\r\n{"waitSeconds":30}'
    using modest = connectRaw(server.server)
    modest.write(wait.repeat(100))
    const waiting = async (count: number) =>
      (await server.call('GET', '/metrics')).text.includes(`posthorn_http_leases_waiting ${count}\n`)
    await until(() => waiting(100), 'all of them')
    using greedy = connectRaw(server.server)
    greedy.write(wait.repeat(1_000))
    equal((await greedy.ended).status, 0)
    await until(() => waiting(100), 'those of the other connection alone')
  })

  test('what is no HTTP is not answered in place of a request before it', async () => {
    await using server = await startServer()
    const wait = 'POST /v1/queues/a/lease HTTP/1.1\r\nhost: localhost\r\ncontent-length: 18\r\n\r\n{"waitSeconds":30}'
    using raw = connectRaw(server.server)
    raw.write(`${wait}nonsense\r\n\r\n`)
    equal((await raw.ended).status, 0)
    using half = connectRaw(server.server)
    half.write('POST /v1/queues/a/lease HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n')
    equal((await half.ended).status, 400)
  })

  test('an answer does not grow with what is wrong in the request', async () => {
    const many = task('many', { input: z.array(z.string()) })
    await using server = await startServer()
    await server.post.work([handle(many, () => {})])
    const { status, json, text } = await server.call('POST', '/v1/tasks/many', { body: Array(20_000).fill(1) })
    deepEqual([status, json.code, json.issues.length], [422, 'invalid-input', 100])
    match(json.detail, /and 19980 more$/)
    ok(text.length < 20_000, `${text.length}`)
    for (const body of [{ ['x'.repeat(900_000)]: 1 }, { pick: 'x'.repeat(900_000) }]) {
      const reply = await server.call('PUT', '/v1/queues/a', { body })
      equal(reply.status, 400)
      ok(reply.text.length < 10_000, `${reply.text.length}`)
    }
  })

  test('what is no HTTP is answered with a problem and does not hurt', async () => {
    await using server = await startServer()
    const nonsense = [
      '\0\0\0\0',
      'hello\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'GET /\u00ff HTTP/1.1\r\nhost: localhost\r\n\r\n\r\n',
      'CONNECT example.com:443 HTTP/1.1\r\nhost: localhost\r\n\r\n',
      'POST /v1/queues/a/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nabc',
      'GET /v1/queues HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n',
      'GET \\ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n',
    ]
    for (const bytes of nonsense) {
      using raw = connectRaw(server.server)
      raw.write(bytes)
      const reply = await raw.ended
      ok(reply.status >= 400 && reply.status < 500, `${JSON.stringify(bytes)} → ${reply.status}`)
      match(reply.headers, /application\/problem\+json/)
    }
    using upgrade = connectRaw(server.server)
    upgrade.write(
      'GET /v1/queues HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\nexpect: wonders\r\n\r\n',
    )
    await upgrade.answered
    equal((await server.call('GET', '/healthz')).status, 200)
  })

  test('methods that a path does not have are 405 with those it has', async () => {
    await using server = await startServer()
    const reply = await server.call('DELETE', '/v1/queues/a')
    deepEqual(
      [reply.status, reply.json.code, reply.headers.get('allow')],
      [405, 'method-not-allowed', 'GET, HEAD, PATCH, PUT'],
    )
    equal((await server.call('OPTIONS', '/v1/queues')).status, 405)
    equal((await server.call('GET', '/v1/queues/')).status, 404)
    const unknown = await server.call('GET', '/v1/nothing/here')
    deepEqual(
      [unknown.status, unknown.json.code, unknown.json.instance, unknown.headers.get('content-type')],
      [404, 'route-not-found', '/v1/nothing/here', 'application/problem+json'],
    )
  })
})

describe('the end', () => {
  test('a draining server refuses writes, ends long polls, says so, and lets settle what is held', async () => {
    await using server = await startServer()
    await server.call('POST', '/v1/queues/a/messages', { body: {} })
    const { token } = (await server.call('POST', '/v1/queues/a/lease', { body: {} })).json.deliveries[0]
    const waiting = server.call('POST', '/v1/queues/b/lease', { body: { waitSeconds: 30 } })
    const { json: operation } = await server.call('POST', '/v1/tasks/t', { body: {} })
    const watching = server.call('GET', `/v1/operations/${operation.id}?wait=30`)
    await until(
      async () => (await server.call('GET', '/metrics')).text.includes('posthorn_http_in_flight 3'),
      'both wait',
    )
    server.server.drain()
    deepEqual((await waiting).json, { deliveries: [] })
    equal((await watching).json.status, 'accepted')
    const refused = await server.call('POST', '/v1/queues/a/messages', { body: {} })
    deepEqual([refused.status, refused.json.code, refused.headers.get('retry-after')], [503, 'draining', '5'])
    equal((await server.call('GET', '/readyz')).status, 503)
    equal((await server.call('GET', '/healthz')).status, 200)
    equal(
      (await server.call('POST', '/v1/queues/a/settle', { body: { outcomes: [{ token, do: 'ack' }] } })).json.results[0]
        .status,
      'ok',
    )
  })

  test('stop lets what is under way end, then takes no more', async () => {
    await using server = await startServer()
    const sending = ask({
      host: server.server.host,
      port: server.server.port,
      method: 'POST',
      path: '/v1/queues/a/settle',
      headers: { 'content-type': 'application/json' },
    })
    const answered = new Promise<number>((resolve, reject) =>
      sending.on('response', (response) => resolve(response.resume().statusCode!)).on('error', reject),
    )
    sending.write('{"outcomes":')
    await until(
      async () => (await server.call('GET', '/metrics')).text.includes('posthorn_http_in_flight 2'),
      'half a request',
    )
    const stopped = server.server.stop({ graceMs: 20_000 })
    sending.end('[]}')
    equal(await answered, 200)
    await stopped
    await server.server.stop()
    equal(await server.call('GET', '/healthz').catch(() => 'gone'), 'gone')
  })

  test('after the grace what is under way is cut off', async () => {
    const clock = new ManualClock(Date.now())
    await using server = await startServer({ open: { clock } })
    using raw = connectRaw(server.server)
    raw.write('POST /v1/queues/a/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf')
    await until(
      async () => (await server.call('GET', '/metrics')).text.includes('posthorn_http_in_flight 2'),
      'half a request',
    )
    const stopped = server.server.stop({ graceMs: 10_000 })
    clock.advance(10_000)
    await stopped
    equal((await raw.ended).status, 0)
  })
})
