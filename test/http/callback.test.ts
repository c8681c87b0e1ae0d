import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { ManualClock } from '../../src/core/clock.ts'
import { handle, task } from '../../src/task/index.ts'
import { open } from '../../src/posthorn.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { serve } from '../../src/server/index.ts'
import { callAt, startServer, until, type TestServer } from './server/client.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const echo = task('echo', {
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
  retry: { attempts: 1 },
})

interface Received {
  readonly headers: IncomingHttpHeaders
  readonly event: Record<string, unknown> & { readonly data: Record<string, unknown> }
}

describe('completion callbacks', () => {
  let server: TestServer
  let clock: ManualClock
  let origin: string
  const received: Received[] = []
  const answers: number[] = []
  const receiver = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      received.push({ headers: request.headers, event: JSON.parse(text) as Received['event'] })
      const status = answers.shift() ?? 204
      response.writeHead(status, status === 503 ? { 'retry-after': '7' } : {}).end()
    })
  })

  before(async () => {
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`
    clock = new ManualClock(Date.now())
    server = await startServer({ callbackAllow: [origin], open: { clock } })
    await server.post.work([handle(echo, (input) => (input.n < 0 ? Promise.reject(new Error('negative')) : input))])
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    receiver.closeAllConnections()
    receiver.close()
  })

  const start = (n: number, url = `${origin}/hook?x=1`) =>
    server.call('POST', '/v1/tasks/echo', { body: { n }, headers: { 'posthorn-callback': url, 'traceparent': TRACE } })

  test('at the end the URL gets a CloudEvent with the operation and the trace', async () => {
    const { json } = await start(1)
    await until(() => received.length === 1, 'the callback')
    const [{ headers, event }] = received.splice(0) as [Received]
    match(String(headers['content-type']), /^application\/cloudevents\+json/)
    equal(headers['traceparent'], TRACE)
    deepEqual([event['type'], event['subject'], event['specversion']], ['posthorn.operation.ended', json.id, '1.0'])
    const { links: _, ...operation } = (await server.call('GET', json.links.self)).json
    deepEqual(event.data, operation)
  })

  test('a failed operation is told as well', async () => {
    await start(-1)
    await until(() => received.length === 1, 'the callback')
    const [{ event }] = received.splice(0) as [Received]
    deepEqual([event.data['status'], (event.data['error'] as { code: string }).code], ['failed', 'handler-failed'])
  })

  test('it is tried again with the same id until somebody takes it, as late as the receiver asks', async () => {
    answers.push(500, 503, 204)
    await start(2)
    await until(() => received.length === 1, 'the first attempt')
    await until(async () => (await server.call('GET', '/v1/queues/system:callback')).json.delayed === 1, 'a delay')
    clock.advance(5_000)
    await until(() => received.length === 2, 'the second attempt')
    await until(async () => (await server.call('GET', '/v1/queues/system:callback')).json.delayed === 1, 'a delay')
    clock.advance(6_900)
    equal(received.length, 2)
    clock.advance(200)
    await until(() => received.length === 3, 'the third attempt')
    equal(new Set(received.map(({ event }) => event['id'])).size, 1)
    await until(async () => (await server.call('GET', '/v1/queues/system:callback')).json.leased === 0, 'the end')
    equal((await server.call('GET', '/v1/queues/system:callback')).json.dead, 0)
    received.length = 0
  })

  test('a receiver that is gone (410) is left alone: a dead letter, to redrive', async () => {
    answers.push(410)
    await start(3)
    await until(async () => (await server.call('GET', '/v1/queues/system:callback')).json.dead === 1, 'a dead letter')
    const { json } = await server.call('GET', '/v1/queues/system:callback/messages?state=dead')
    equal(json.items[0].reason, 'callback-failed')
    received.length = 0
    const redriven = await server.call('POST', '/v1/queues/system:callback/redrive', { body: {} })
    equal(redriven.status, 202)
    await until(() => received.length === 1, 'the callback')
    received.length = 0
  })

  test('a server that allows no origin leaves what is due to one that does', async () => {
    await using post = await open('memory:', { log: silentLog })
    await using first = await serve(post, { port: 0, callbackAllow: [origin] })
    const started = await callAt(first.url, 'POST', '/v1/tasks/later', {
      body: {},
      headers: { 'posthorn-callback': `${origin}/later` },
    })
    await first.stop({ graceMs: 0 })
    await using second = await serve(post, { port: 0 })
    const leased = await callAt(second.url, 'POST', '/v1/queues/task:later/lease', { body: {} })
    const outcomes = [{ token: leased.json.deliveries[0].token, do: 'ack' }]
    await callAt(second.url, 'POST', '/v1/queues/task:later/settle', { body: { outcomes } })
    const waiting = await callAt(second.url, 'GET', '/v1/queues/system:callback')
    deepEqual([waiting.json.ready, waiting.json.dead, received.length], [1, 0, 0])
    await second.stop({ graceMs: 0 })
    await using _third = await serve(post, { port: 0, callbackAllow: [origin] })
    await until(() => received.length === 1, 'the callback')
    equal(received.splice(0)[0]!.event['subject'], started.json.id)
  })

  test('what a paused app asked for waits, uncounted, and goes when the app is resumed', async () => {
    const clock = new ManualClock(Date.now())
    const post = await open('memory:', { clock, log: silentLog })
    const platform = 'the-key-of-the-platform'
    const options = { port: 0, key: platform, callbackAllow: [origin] }
    await post.apps.create('acme', { scopes: ['task:echo'], callbackOrigins: [origin] })
    const { key } = await post.apps.addKey('acme')
    const before = await serve(post, options)
    const headers = { authorization: `Bearer ${platform}` }
    // A task that nobody has called yet is none to an app.
    await callAt(before.url, 'POST', '/v1/tasks/echo', { body: { n: 0 }, headers })
    const { json } = await callAt(before.url, 'POST', '/v1/tasks/echo', {
      body: { n: 1 },
      headers: { 'authorization': `Bearer ${key}`, 'posthorn-callback': `${origin}/` },
    })
    await before.stop({ graceMs: 0 })
    await post.apps.pause('acme')
    const server = await serve(post, options)
    await post.work([handle(echo, (input) => input)])
    const queue = async () => (await callAt(server.url, 'GET', '/v1/queues/system:callback', { headers })).json
    for (const waitMs of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
      await until(async () => (await queue()).delayed === 1, 'the callback is put off')
      clock.advance(waitMs)
    }
    equal(received.length, 0)
    await post.apps.resume('acme')
    await until(async () => {
      clock.advance(1_000)
      return (await queue()).delayed === 0 && received.length === 1
    }, 'the callback')
    const [{ event }] = received.splice(0) as [Received]
    deepEqual([event['subject'], event.data['status']], [json.id, 'succeeded'])
    await until(async () => (await queue()).leased === 0, 'its end')
    equal((await queue()).dead, 0)
    await server.stop({ graceMs: 0 })
    await post.close({ grace: 0 })
  })

  test('only allowed origins are taken', async () => {
    for (const url of [
      'https://example.com/',
      'http://127.0.0.1:1/',
      origin.replace('127.0.0.1', 'localhost'),
      'nonsense',
      `${origin.replace('//', '//user@')}/`,
    ]) {
      const { status, json } = await start(1, url)
      deepEqual([status, json.code], [403, 'callback-not-allowed'], url)
    }
    ok((await server.call('GET', '/v1/operations?task=echo')).json.items.length > 0)
  })
})
