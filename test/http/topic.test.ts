import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CloudEvent, HTTP } from 'cloudevents'
import { z } from 'zod'
import { topic } from '../../src/topic/index.ts'
import type { WebhookAsked } from '../../src/server/topic/handshake.ts'
import { startServer, type TestServer } from './server/client.ts'

const orders = topic(
  'orders',
  { 'order.created': z.object({ id: z.string() }), 'order.paid': z.object({ amount: z.number() }) },
  { retain: { for: '1d', count: 1_000 }, key: (event) => (event.type === 'order.created' ? event.data.id : undefined) },
)
const STRUCTURED = 'application/cloudevents+json'
const BATCH = 'application/cloudevents-batch+json'

describe('topics over HTTP', () => {
  let server: TestServer
  let count = 0
  before(async () => {
    server = await startServer()
    await server.post.work(() => ({ handlers: [], contracts: [orders] }))
  })
  after(() => server[Symbol.asyncDispose]())

  const next = () => `t${++count}`
  const subscribe = (name: string, body: object) => server.call('PUT', `/v1/subscriptions/${name}`, { body })
  const publish = (name: string, body: unknown, headers: Record<string, string> = {}, query = '') =>
    server.call('POST', `/v1/topics/${name}/events${query}`, { body, headers })
  const lease = async (queue: string) =>
    (await server.call('POST', `/v1/queues/${queue}/lease`, { body: { max: 100 } })).json.deliveries
  const event = (type: string, more: object = {}) => ({ specversion: '1.0', id: '1', source: '/s', type, ...more })

  test('an event in every mode reaches whoever wants it, and the receipt says how many', async () => {
    const name = next()
    await subscribe('some', { topic: name, types: ['a.*'], filters: [{ prefix: { subject: 'x' } }] })
    await subscribe('all', { topic: name })
    const structured = await publish(
      name,
      JSON.stringify(event('a.b', { subject: 'xy', partitionkey: 'k', data: { n: 1.0 } })),
      { 'content-type': STRUCTURED },
    )
    deepEqual([structured.status, structured.json.matched, structured.json.duplicate], [202, 2, false])
    const binary = await publish(name, 'hello', {
      'content-type': 'text/plain',
      'ce-specversion': '1.0',
      'ce-id': '2',
      'ce-source': '/s',
      'ce-type': 'a.c',
      'ce-subject': 'Euro%20%E2%82%AC',
      'posthorn-dedupe': 'once',
    })
    equal(binary.json.matched, 1)
    const again = await publish(
      name,
      JSON.stringify([event('a.d', { dedupe: 'once' }), event('b', { subject: 'xx', data: [1] })]),
      { 'content-type': BATCH },
    )
    deepEqual(
      again.json.receipts.map(({ id, duplicate, matched }: never) => [id, duplicate, matched]),
      [
        [binary.json.id, true, 0],
        [again.json.receipts[1].id, false, 1],
      ],
    )
    equal((await publish(name, { n: 2 }, {}, '?type=a.e')).json.matched, 1)
    deepEqual(
      (await lease(`topic:${name}:all`)).map(({ message }: never) => [message['type'], message['subject']]),
      [
        ['a.b', 'xy'],
        ['a.c', 'Euro €'],
        ['b', 'xx'],
        ['a.e', undefined],
      ],
    )
    const [some] = await lease(`topic:${name}:some`)
    deepEqual([some.id, some.message.partitionkey, some.message.data], [structured.json.id, 'k', { n: 1 }])
  })

  test("the CloudEvents SDK's events are read, and ours by it: structured, binary and in batches", async () => {
    const name = next()
    await subscribe('sdk', { topic: name, order: 'none' })
    const sent = new CloudEvent({
      id: 'e1',
      source: '/sdk',
      type: 'a.b',
      subject: 'plain',
      region: 'eu',
      data: { n: 1 },
    })
    for (const { headers, body } of [HTTP.structured(sent), HTTP.binary(sent)])
      equal((await publish(name, body as string, headers as Record<string, string>)).status, 202)
    const batch = `[${HTTP.structured(sent).body as string}]`
    equal((await publish(name, batch, { 'content-type': BATCH })).json.receipts[0].matched, 1)
    const deliveries = await lease(`topic:${name}:sdk`)
    equal(deliveries.length, 3)
    for (const { message } of deliveries) {
      const read = HTTP.toEvent({
        headers: { 'content-type': STRUCTURED },
        body: JSON.stringify(message),
      }) as CloudEvent<{
        n: number
      }>
      const { id, source, type, subject, data } = read
      deepEqual([id, source, type, subject, data, read['region']], ['e1', '/sdk', 'a.b', 'plain', { n: 1 }, 'eu'])
      equal(read.time, sent.time)
    }
  })

  test('what a topic keeps is read as a batch, by the CloudEvents SDK as well', async () => {
    const name = next()
    await server.call('PUT', `/v1/topics/${name}`, { body: { retain: { count: 10 } } })
    for (let n = 0; n < 3; n++) await publish(name, { n }, {}, '?type=a')
    const headers = { accept: 'application/cloudevents-batch+json' }
    const first = await server.call('GET', `/v1/topics/${name}/events?limit=2`, { headers })
    match(first.headers.get('content-type')!, /^application\/cloudevents-batch\+json/)
    const [, link] = /^<(.+)>; rel="next"$/.exec(first.headers.get('link')!)!
    const second = await server.call('GET', link!, { headers })
    equal(second.headers.has('link'), false)
    const read = [first, second].flatMap(
      ({ headers: given, text }) =>
        HTTP.toEvent({ headers: Object.fromEntries(given), body: text }) as CloudEvent<{ n: number }>[],
    )
    deepEqual(
      read.map(({ data }) => data!.n),
      [0, 1, 2],
    )
  })

  test("what a declared topic takes is its contract's: its types, its data, its key", async () => {
    await subscribe('declared', { topic: 'orders' })
    const wrong = await publish('orders', { amount: 'x' }, {}, '?type=order.paid')
    deepEqual([wrong.status, wrong.json.code, wrong.json.issues[0].path], [422, 'invalid-input', ['amount']])
    deepEqual((await publish('orders', {}, {}, '?type=order.lost')).json.code, 'unknown-event')
    deepEqual((await publish('orders', {})).json.code, 'invalid-event')
    deepEqual(
      (await publish('orders', {}, { 'posthorn-callback': 'https://a.example' }, '?type=x')).json.code,
      'invalid',
    )
    deepEqual((await publish('a:b', {}, {}, '?type=x')).json.code, 'invalid-name')
    const all = await publish(
      'orders',
      JSON.stringify([event('order.created', { data: { id: 'o' } }), event('order.paid', { data: {} })]),
      { 'content-type': BATCH },
    )
    deepEqual([all.status, (await lease('topic:orders:declared')).length], [422, 0])
    equal((await publish('orders', { id: 'o7' }, {}, '?type=order.created')).json.matched, 1)
    equal((await lease('topic:orders:declared'))[0].message.partitionkey, 'o7')
  })

  test('a publish is repeated under its Idempotency-Key without being done twice', async () => {
    const name = next()
    await subscribe('once', { topic: name })
    const headers = { 'idempotency-key': `"${name}"` }
    const first = await publish(name, { n: 1 }, headers, '?type=a')
    const second = await publish(name, { n: 1 }, headers, '?type=a')
    deepEqual(second.json, first.json)
    equal(first.json.matched, 1)
    equal((await lease(`topic:${name}:once`)).length, 1)
    equal((await publish(name, { n: 2 }, headers, '?type=a')).json.code, 'idempotency-mismatch')
  })

  test('a subscription is begun, read, patched, replaced and ended; versions guard it', async () => {
    const name = next()
    const made = await server.call('PUT', '/v1/subscriptions/billing', {
      body: { topic: name, types: ['a.*'], backlog: { messages: 2 }, retry: { attempts: 3 } },
      headers: { 'if-none-match': '*' },
    })
    equal(made.status, 201)
    deepEqual(
      [
        made.json.queue,
        made.json.types,
        made.json.order,
        made.json.backlog,
        made.json.retry.attempts,
        made.json.status,
      ],
      [`topic:${name}:billing`, ['a.*'], 'key', { messages: 2, bytes: null }, 3, 'live'],
    )
    const etag = made.headers.get('etag')!
    const query = `?topic=${name}`
    const at = `/v1/subscriptions/billing${query}`
    equal((await server.call('GET', at)).headers.get('etag'), etag)
    const patched = await server.call('PATCH', at, {
      body: { filters: [{ exact: { source: '/s' } }], order: 'strict' },
      headers: { 'if-match': etag },
    })
    deepEqual([patched.json.types, patched.json.order, patched.json.backlog.messages], [['a.*'], 'strict', 2])
    equal(
      (await server.call('PATCH', at, { body: {}, headers: { 'if-match': etag } })).json.code,
      'precondition-failed',
    )
    equal((await subscribe('billing', { topic: name })).status, 200)
    deepEqual((await server.call('GET', at)).json.filters, [])
    for (let n = 0; n < 4; n++) await publish(name, {}, {}, '?type=a')
    await server.call('PATCH', at, { body: { backlog: { messages: 1 } } })
    await publish(name, {}, {}, '?type=a')
    const { json } = await server.call('GET', at)
    deepEqual([json.status, json.lag, json.gaps[0].count], ['suspended', 4, 1])
    equal((await server.call('DELETE', at)).json.code, 'subscription-backlog')
    equal((await server.call('DELETE', `${at}&force=true`)).status, 204)
    equal((await server.call('DELETE', at)).json.code, 'subscription-not-found')
  })

  test('a name is looked for in all topics, and must tell which where there are several', async () => {
    const [one, other, unique] = [next(), next(), `only-${count}`]
    await subscribe('twin', { topic: one })
    equal((await server.call('GET', '/v1/subscriptions/twin')).json.topic, one)
    await subscribe('twin', { topic: other })
    match((await server.call('GET', '/v1/subscriptions/twin')).json.detail, /\?topic=/)
    equal((await server.call('GET', `/v1/subscriptions/twin?topic=${other}`)).json.topic, other)
    equal((await server.call('GET', `/v1/subscriptions/${unique}`)).json.code, 'subscription-not-found')
    const { json } = await server.call('GET', `/v1/subscriptions?topic=${one}`)
    deepEqual(
      json.items.map((each: { name: string }) => each.name),
      ['twin'],
    )
    const page = (await server.call('GET', '/v1/subscriptions?limit=1')).json
    ok(page.next)
    ok(
      (await server.call('GET', `/v1/subscriptions?limit=500&after=${encodeURIComponent(page.next)}`)).json.items
        .length > 0,
    )
  })

  test('what is wrong with a subscription is told by name', async () => {
    for (const [body, field] of [
      [{}, /topic/],
      [{ topic: 'a b' }, /topic/],
      [{ topic: 't', types: ['a.'] }, /types/],
      [{ topic: 't', types: 'a' }, /types/],
      [{ topic: 't', filters: [{ exact: {} }] }, /filters\[0\]\.exact/],
      [{ topic: 't', filters: [{ sql: 'x' }] }, /dialect/],
      [{ topic: 't', order: 'fifo' }, /order/],
      [{ topic: 't', from: 'yesterday' }, /from/],
      [{ topic: 't', from: 'beginning' }, /keeps no events/],
      [{ topic: 't', backlog: { messages: -1 } }, /backlog\.messages/],
      [{ topic: 't', retry: { backoff: { base: 5 } } }, /retry\.backoff\.base/],
      [{ topic: 't', type: 'a' }, /type is not known/],
    ] as const) {
      const { status, json } = await subscribe('wrong', body)
      equal(status, 400, JSON.stringify(body))
      match(json.detail, field)
    }
    equal((await subscribe('a b', { topic: 't' })).status, 400)
  })

  test('a topic that keeps its events is read by position and time, and replayed to a late subscription', async () => {
    const name = next()
    equal((await server.call('GET', `/v1/topics/${name}`)).json.code, 'topic-not-found')
    equal((await server.call('GET', `/v1/topics/${name}/events`)).json.code, 'unsupported')
    const put = await server.call('PUT', `/v1/topics/${name}`, { body: { retain: { for: '1d', count: 10 } } })
    deepEqual(put.json, { topic: name, types: [], retain: { for: '1d', count: 10 }, subscriptions: 0 })
    for (let n = 0; n < 3; n++) await publish(name, { n }, { 'posthorn-key': 'k' }, '?type=a')
    const read = async (query: string) => (await server.call('GET', `/v1/topics/${name}/events${query}`)).json
    const all = await read('?from=beginning')
    deepEqual(
      all.items.map((each: never) => [each['event']['data'], each['event']['partitionkey']]),
      [
        [{ n: 0 }, 'k'],
        [{ n: 1 }, 'k'],
        [{ n: 2 }, 'k'],
      ],
    )
    deepEqual((await read(`?from=${all.items[0].position}&limit=1`)).items[0].event.data, { n: 1 })
    equal((await read('?from=2030-01-01T00:00:00Z')).items.length, 0)
    equal((await read('?from=2020-01-01T00:00:00Z&data=base64')).items[0].event.data_base64, 'eyJuIjowfQ==')
    equal((await server.call('GET', `/v1/topics/${name}/events?from=x`)).json.code, 'invalid')
    await subscribe('late', { topic: name, from: all.items[0].position, order: 'none' })
    equal((await lease(`topic:${name}:late`)).length, 2)
    equal((await server.call('GET', `/v1/subscriptions/late?topic=${name}`)).json.from, all.items[0].position)
    deepEqual((await server.call('PUT', `/v1/topics/${name}`, { body: { retain: null } })).json.retain, null)
    equal((await server.call('PUT', `/v1/topics/${name}`, { body: {} })).status, 400)
  })

  test('topics are listed, those of contracts with their types', async () => {
    const { json } = await server.call('GET', '/v1/topics?limit=500')
    const found = json.items.find((each: { topic: string }) => each.topic === 'orders')
    deepEqual([found.types, found.retain], [['order.created', 'order.paid'], { for: '1d', count: 1_000 }])
    equal(json.items.map((each: { topic: string }) => each.topic).includes('t1'), true)
  })
})

test('the WebHook handshake: who was named may deliver, so fast; nobody else is granted anything', async () => {
  await using server = await startServer({
    key: 'a-key-of-some-length-1',
    webhooks: { origins: ['events.example.com'], ratePerMinute: 120 },
  })
  const ask = async (path: string, headers: Record<string, string>) => {
    const reply = await server.call('OPTIONS', path, { headers })
    return [
      reply.status,
      reply.headers.get('allow'),
      reply.headers.get('webhook-allowed-origin'),
      reply.headers.get('webhook-allowed-rate'),
    ]
  }
  const origin = { 'webhook-request-origin': 'Events.example.com' }
  for (const path of ['/v1/topics/orders/events', '/v1/queues/inbox/messages']) {
    deepEqual(await ask(path, origin), [200, 'POST', 'Events.example.com', '120'])
    deepEqual(await ask(path, { ...origin, 'webhook-request-rate': '60' }), [200, 'POST', 'Events.example.com', '60'])
    deepEqual(await ask(path, { ...origin, 'webhook-request-rate': '0' }), [400, null, null, null])
    deepEqual(await ask(path, { 'webhook-request-origin': 'evil.example' }), [403, null, null, null])
    deepEqual(await ask(path, {}), [200, 'POST, OPTIONS', null, null])
  }
  deepEqual((await ask('/v1/topics', origin))[0], 401)
  equal((await server.call('POST', '/v1/topics/orders/events?type=a', { headers: origin, body: {} })).status, 401)
  const { json } = await server.call('GET', '/openapi.json', {
    headers: { authorization: 'Bearer a-key-of-some-length-1' },
  })
  equal(json.paths['/v1/topics/{topic}/events'].options.operationId, 'handshakeOfEvents')
})

test('who asks to deliver and was not named is told to the operator, with the address at which he can be granted it later', async () => {
  const asked: WebhookAsked[] = []
  await using server = await startServer({
    webhooks: { origins: ['events.example.com'], onAsked: (each) => void asked.push(each) },
  })
  const headers = {
    'webhook-request-origin': 'new.example',
    'webhook-request-rate': '60',
    'webhook-request-callback': 'https://new.example/grants/0f3a',
  }
  equal((await server.call('OPTIONS', '/v1/topics/orders/events', { headers })).status, 403)
  const unusable = { ...headers, 'webhook-request-callback': 'file:///etc/passwd' }
  await server.call('OPTIONS', '/v1/topics/orders/events', { headers: unusable })
  const path = '/v1/topics/orders/events'
  deepEqual(asked, [
    { origin: 'new.example', path, callback: 'https://new.example/grants/0f3a', ratePerMinute: 60 },
    { origin: 'new.example', path, callback: null, ratePerMinute: 60 },
  ])
})

test('without the option nobody is told that he may deliver', async () => {
  await using server = await startServer()
  const reply = await server.call('OPTIONS', '/v1/topics/orders/events', {
    headers: { 'webhook-request-origin': 'events.example.com' },
  })
  deepEqual([reply.status, reply.headers.has('webhook-allowed-origin')], [405, false])
  await rejects(startServer({ webhooks: { origins: ['https://a.example'] } }), { code: 'invalid-option' })
})

test('without auto-create an unknown topic is not published to until somebody makes it', async () => {
  await using server = await startServer({ autoCreate: false })
  const publish = () => server.call('POST', '/v1/topics/t/events?type=a', { body: {} })
  equal((await publish()).json.code, 'topic-not-found')
  await server.call('PUT', '/v1/subscriptions/s', { body: { topic: 't' } })
  equal((await publish()).json.matched, 1)
  equal((await server.call('PUT', '/v1/topics/u', { body: { retain: { count: 1 } } })).status, 200)
  equal((await server.call('POST', '/v1/topics/u/events?type=a', { body: {} })).json.matched, 0)
})
