import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import { open } from '../../src/posthorn.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { handler, serve } from '../../src/server/index.ts'
import { startServer } from './server/client.ts'
import { connectRaw } from './server/raw.ts'

const KEY = 'a-key-of-some-length-1'
const OTHER = 'another-key-of-length-2'

describe('with a key', () => {
  test('every path needs it but health; any of several does', async () => {
    await using server = await startServer({ key: [KEY, OTHER] })
    const status = async (path: string, authorization?: string) =>
      (await server.call('GET', path, authorization === undefined ? {} : { headers: { authorization } })).status
    for (const path of ['/v1/queues', '/metrics', '/openapi.json', '/nowhere']) equal(await status(path), 401, path)
    for (const path of ['/healthz', '/readyz']) equal(await status(path), 200, path)
    equal(await status('/v1/queues', `Bearer ${KEY}`), 200)
    equal(await status('/v1/queues', `bearer  ${OTHER}`), 200)
    for (const wrong of [KEY, `Basic ${KEY}`, 'Bearer', `Bearer ${KEY}x`, `Bearer ${KEY} ${OTHER}`, 'Bearer ü'])
      equal(await status('/v1/queues', wrong), 401, wrong)
    equal(await status(`/v1/queues?key=${KEY}&access_token=${KEY}`), 401, 'keys never ride in a URL')
    const refused = await server.call('GET', '/v1/queues')
    deepEqual([refused.json.code, refused.headers.get('www-authenticate')], ['unauthorized', 'Bearer realm="posthorn"'])
    ok(!refused.text.includes(KEY))
  })

  test('any host name is served, and pages of other origins that have the key', async () => {
    await using server = await startServer({ key: KEY })
    const { status } = await server.call('GET', '/v1/queues', {
      headers: { authorization: `Bearer ${KEY}`, host: 'posthorn.example', origin: 'https://page.example' },
    })
    equal(status, 200)
  })
})

describe('without a key', () => {
  test('only loopback names are answered, and no page of another origin', async () => {
    await using server = await startServer()
    const { port } = server.server
    const ask = async (headers: string) => {
      using raw = connectRaw(server.server)
      raw.write(`GET /v1/queues HTTP/1.1\r\n${headers}connection: close\r\n\r\n`)
      const { status, body } = await raw.ended
      return [status, status === 200 ? '' : (JSON.parse(body) as { code: string }).code]
    }
    for (const host of [
      'localhost',
      `localhost:${port}`,
      '127.0.0.1',
      '127.9.9.9:1',
      '[::1]',
      'a.localhost',
      'LOCALHOST',
    ])
      deepEqual(await ask(`host: ${host}\r\n`), [200, ''], host)
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io', '0.0.0.0', '10.0.0.1', '[::2]'])
      deepEqual(await ask(`host: ${host}\r\n`), [403, 'forbidden-host'], host)
    deepEqual(await ask(''), [400, 'malformed-request'])
    deepEqual(await ask(`host: localhost:${port}\r\norigin: http://localhost:${port}\r\n`), [200, ''])
    for (const origin of ['https://evil.example', 'null', `https://localhost:${port}`, 'http://localhost:1'])
      deepEqual(await ask(`host: localhost:${port}\r\norigin: ${origin}\r\n`), [403, 'forbidden-origin'], origin)
  })

  test('an absolute request target is no way around', async () => {
    await using server = await startServer()
    using raw = connectRaw(server.server)
    raw.write('GET http://evil.example/v1/queues HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
    equal((await raw.ended).status, 403)
  })

  test('it does not start elsewhere than on loopback', async () => {
    const post = await open('memory:', { log: silentLog })
    for (const host of ['0.0.0.0', '::', '192.168.1.1', 'example.com'])
      await rejects(serve(post, { port: 0, host }), { code: 'invalid-option', message: /without a key/ }, host)
    await rejects(serve(post, { port: 0, key: 'short' }), { code: 'invalid-option', message: /at least 16/ })
    await rejects(serve(post, { port: 0, key: 'with a space in the middle' }), { code: 'invalid-option' })
    await rejects(serve(post, { port: 70_000 }), { code: 'invalid-option', message: /port/ })
    await rejects(serve(post, { port: 0, limits: { bodyBytes: 0 } }), {
      code: 'invalid-option',
      message: /limits\.bodyBytes/,
    })
    await rejects(serve(post, { port: 0, callbackAllow: ['example.com'] }), {
      code: 'invalid-option',
      message: /callbackAllow/,
    })
    await using server = await serve(post, { port: 0 })
    await rejects(serve(post, { port: server.port }), { code: 'EADDRINUSE' })
    await server.stop({ graceMs: 0 })
    await post.close()
  })
})

describe('handler(post)', () => {
  test('answers Requests as a server would, with the same guards', async () => {
    const post = await open('memory:', { log: silentLog })
    const answer = handler(post)
    const ask = async (url: string, init?: RequestInit) => {
      const response = await answer(new Request(url, init))
      return [response.status, ((await response.json()) as { code?: string }).code]
    }
    deepEqual(await ask('http://localhost/v1/queues'), [200, undefined])
    deepEqual(await ask('http://app.example/v1/queues'), [403, 'forbidden-host'])
    deepEqual(
      await ask('http://localhost/v1/queues/a/messages', {
        method: 'POST',
        body: '{"a":1}',
        headers: { 'content-type': 'application/json' },
      }),
      [202, undefined],
    )
    deepEqual(await ask('http://localhost/v1/queues/a/messages', { method: 'POST', body: 'x'.repeat(2 ** 20 + 1) }), [
      413,
      'payload-too-large',
    ])
    for (const method of ['constructor', '__proto__', 'toString'])
      deepEqual(await ask('http://localhost/v1/queues', { method }), [405, 'method-not-allowed'])
    const keyed = handler(post, { key: KEY })
    equal(
      (await keyed(new Request('https://app.example/v1/queues', { headers: { authorization: `Bearer ${KEY}` } })))
        .status,
      200,
    )
    const head = await answer(new Request('http://localhost/v1/queues', { method: 'HEAD' }))
    deepEqual([head.status, await head.text()], [200, ''])
    // Its own work is there as well, once for both.
    const redriven = await answer(new Request('http://localhost/v1/queues/a/redrive', { method: 'POST' }))
    const { id } = (await redriven.json()) as { id: string }
    const ended = await answer(new Request(`http://localhost/v1/operations/${id}?wait=20`))
    match(await ended.text(), /"status":"succeeded"/)
    await post.close()
    deepEqual(await ask('http://localhost/v1/queues'), [503, 'closed'])
  })
})

test('what needs no key is bounded in its rate, before its body is read; keys and health are none of that', async () => {
  const key = 'the-key-of-the-platform'
  await using server = await startServer({ key, limits: { keylessPerSecond: 1 }, open: { clock: new ManualClock() } })
  const deliver = () => server.call('POST', '/v1/sources/nobody', { body: 'x' })
  for (const expected of [404, 404]) equal((await deliver()).status, expected)
  const { status, json, headers } = await deliver()
  deepEqual([status, json.code, headers.get('retry-after')], [429, 'too-many-requests', '1'])
  equal((await server.call('GET', '/v1/webhook-grants/x')).status, 429)
  equal((await server.call('GET', '/healthz')).status, 200)
  equal((await server.call('GET', '/v1/queues', { headers: { authorization: `Bearer ${key}` } })).status, 200)
})
