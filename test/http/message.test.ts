import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { HTTP, type CloudEvent } from 'cloudevents'
import { startServer, type TestServer } from './server/client.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const event = { specversion: '1.0', id: 'e1', source: '/test', type: 'test.done' }

describe('sending and looking at messages', () => {
  let server: TestServer
  let queue = 0
  before(async () => (server = await startServer()))
  after(() => server[Symbol.asyncDispose]())

  const next = () => `q${++queue}`
  const send = (to: string, body: unknown, headers: Record<string, string> = {}) =>
    server.call('POST', `/v1/queues/${to}/messages`, { body, headers })
  const lease = async (from: string, more: object = {}) =>
    (await server.call('POST', `/v1/queues/${from}/lease`, { body: { max: 100, ...more } })).json.deliveries
  const structured = { 'content-type': 'application/cloudevents+json' }
  const batch = { 'content-type': 'application/cloudevents-batch+json' }

  test('any body is the data of a new event, bytes untouched', async () => {
    const to = next()
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at)
    const sent = await send(to, bytes, { 'content-type': 'image/x-test' })
    equal(sent.status, 202)
    deepEqual(Object.keys(sent.json), ['id', 'duplicate', 'durability'])
    const [{ id, message }] = await lease(to)
    equal(id, sent.json.id)
    equal(message.datacontenttype, 'image/x-test')
    equal(message.type, `posthorn.queue.${to}`)
    deepEqual(new Uint8Array(Buffer.from(message.data_base64, 'base64')), bytes)
  })

  test('JSON comes back as it was written, numbers and spaces included', async () => {
    const to = next()
    const text = '{"b": 1.0, "a": 12345678901234567890, "a": "\\u00e9"}'
    await send(to, text, { 'content-type': 'application/json; charset=utf-8' })
    const answer = await server.call('POST', `/v1/queues/${to}/lease`, { body: {} })
    ok(answer.text.includes(`"data":${text}`))
    await server.call('POST', `/v1/queues/${to}/settle`, {
      body: { outcomes: [{ token: answer.json.deliveries[0].token, do: 'release' }] },
    })
    const [exact] = await lease(to, { data: 'base64' })
    equal(Buffer.from(exact.message.data_base64, 'base64').toString(), text)
  })

  test('structured and binary events keep their attributes; the vector of the percent-encoding rule', async () => {
    const to = next()
    await send(to, JSON.stringify({ ...event, subject: 'Euro € 😀', custom: 7, data: { x: 1 } }), structured)
    await send(to, 'hello', {
      'content-type': 'text/plain',
      'ce-specversion': '1.0',
      'ce-id': 'e2',
      'ce-source': '/test',
      'ce-type': 'test.done',
      'ce-subject': 'Euro%20%E2%82%AC%20%F0%9F%98%80',
      'ce-flag': 'true',
    })
    const [one, two] = await lease(to)
    deepEqual(
      [one.message.subject, one.message.custom, one.message.data, one.message.id],
      ['Euro € 😀', 7, { x: 1 }, 'e1'],
    )
    deepEqual(
      [two.message.subject, two.message.flag, two.message.data, two.message.datacontenttype],
      ['Euro € 😀', 'true', 'hello', 'text/plain'],
    )
    ok(one.id !== one.message.id, "Posthorn's id is beside the event's")
  })

  test('a batch is taken as a whole or not at all', async () => {
    const to = next()
    const sent = await send(
      to,
      JSON.stringify([
        { ...event, data: 1 },
        { ...event, id: 'e2', priority: 9, data: 2 },
      ]),
      batch,
    )
    equal(sent.status, 202)
    equal(sent.json.receipts.length, 2)
    deepEqual(
      (await lease(to)).map(({ message }: { message: { data: number } }) => message.data),
      [2, 1],
    )
    const other = next()
    equal((await send(other, JSON.stringify([event, { ...event, type: '' }]), batch)).json.code, 'invalid-event')
    equal((await server.call('GET', `/v1/queues/${other}`)).status, 404, 'nothing of it was sent')
    deepEqual((await send(other, '[]', batch)).json, { receipts: [] })
    await server.call('PUT', `/v1/queues/${other}`, { body: { limit: { messages: 1 } } })
    equal((await send(other, JSON.stringify([event, event]), batch)).status, 429)
    equal((await server.call('GET', `/v1/queues/${other}`)).json.ready, 0)
  })

  test('an event goes out as it came in, in structured and in binary mode; the CloudEvents SDK reads both', async () => {
    const to = next()
    const bytes = new Uint8Array([0, 255, 10, 13])
    const headers = {
      'content-type': 'image/png',
      'ce-specversion': '1.0',
      'ce-id': 'e1',
      'ce-source': '/cameras/7',
      'ce-type': 'picture.taken',
      'ce-subject': 'Euro%20%E2%82%AC%20%F0%9F%98%80',
      'ce-time': '2026-01-01T00:00:00Z',
      'ce-partitionkey': 'k',
      'ce-sequence': '0007',
      'ce-correlationid': 'c',
      'ce-causationid': 'd',
      'ce-recordedtime': '2026-01-01T00:00:01Z',
      'ce-deprecated': 'true',
      'ce-dataref': 'https://a.example/1',
      'ce-traceparent': '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    }
    const { json: sent } = await send(to, bytes, headers)
    const path = `/v1/queues/${to}/messages/${sent.id}`
    const binary = await fetch(`${server.server.url}${path}?as=binary`)
    deepEqual(
      Object.fromEntries([...binary.headers].filter(([name]) => name.startsWith('ce-') || name === 'content-type')),
      headers,
    )
    const received = new Uint8Array(await binary.arrayBuffer())
    deepEqual(received, bytes)
    // Nobody's page: a browser that is led here opens nothing.
    match(binary.headers.get('content-security-policy')!, /sandbox/)
    equal(binary.headers.get('content-disposition'), 'attachment')
    const structuredReply = await server.call('GET', `${path}?as=structured`)
    match(structuredReply.headers.get('content-type')!, /^application\/cloudevents\+json/)
    deepEqual([structuredReply.json.subject, structuredReply.json.data_base64], ['Euro € 😀', 'AP8KDQ=='])
    const read = HTTP.toEvent({
      headers: Object.fromEntries(structuredReply.headers),
      body: structuredReply.text,
    }) as CloudEvent<unknown>
    deepEqual([read.id, read.type, read['partitionkey'], read['sequence']], ['e1', 'picture.taken', 'k', '0007'])
    const again = await send(to, received, Object.fromEntries([...binary.headers].filter(([name]) => name in headers)))
    const { json: shown } = await server.call('GET', `/v1/queues/${to}/messages/${again.json.id}`)
    deepEqual([shown.event.subject, shown.event.recordedtime], ['Euro € 😀', '2026-01-01T00:00:01Z'])
    equal((await server.call('GET', `${path}?as=batch`)).json.code, 'invalid')
  })

  test('delivery attributes by header and by extension', async () => {
    const to = next()
    const headers = {
      'posthorn-priority': '9',
      'posthorn-key': 'a%20b',
      'posthorn-group': 'g',
      'posthorn-dedupe': 'd',
      'posthorn-expires': '1h',
    }
    const { json: sent } = await send(to, { a: 1 }, headers)
    const { json: shown } = await server.call('GET', `/v1/queues/${to}/messages/${sent.id}`)
    deepEqual([shown.priority, shown.key, shown.group, shown.dedupe, shown.state], [9, 'a b', 'g', 'd', 'ready'])
    match(shown.event.expirytime, /^\d{4}-/)
    deepEqual(shown.event.data, { a: 1 })
    const again = await send(to, JSON.stringify({ ...event, dedupe: 'd' }), structured)
    deepEqual([again.json.id, again.json.duplicate], [sent.id, true])

    const delayed = await send(
      to,
      JSON.stringify({ ...event, delay: '5m', partitionkey: 'k', priority: 2 }),
      structured,
    )
    const { json: later } = await server.call('GET', `/v1/queues/${to}/messages/${delayed.json.id}`)
    deepEqual([later.state, later.key, later.priority, later.event.delay], ['delayed', 'k', 2, undefined])
    const notBefore = await send(to, 'x', {
      'content-type': 'text/plain',
      'posthorn-not-before': '2100-01-01T00:00:00Z',
    })
    equal((await server.call('GET', `/v1/queues/${to}/messages/${notBefore.json.id}`)).json.state, 'delayed')
  })

  test('said twice: the same is fine, different is refused', async () => {
    const to = next()
    const both = (priority: number) =>
      send(to, JSON.stringify({ ...event, priority }), { ...structured, 'posthorn-priority': '3' })
    equal((await both(3)).status, 202)
    const refused = await both(4)
    deepEqual([refused.status, refused.json.code], [400, 'attribute-conflict'])
    equal(
      (await send(to, {}, { 'posthorn-delay': '5m', 'posthorn-not-before': '2100-01-01T00:00:00Z' })).json.code,
      'attribute-conflict',
    )
  })

  test('what is wrong is told by name', async () => {
    const to = next()
    const code = async (headers: Record<string, string>, body: unknown = {}) =>
      (await send(to, body, headers)).json.code
    equal(await code({ 'posthorn-delay': '5' }), 'duration-without-unit')
    equal(await code({ 'posthorn-delay': 'soon' }), 'invalid-duration')
    equal(await code({ 'posthorn-priority': '10' }), 'invalid')
    equal(await code({ 'posthorn-not-before': 'tomorrow' }), 'invalid')
    equal(await code({ 'posthorn-callback': 'https://a.example/' }), 'invalid', 'a queue has no operations to tell of')
    equal(await code({ 'content-type': 'application/json' }, '{"a":'), 'invalid-json')
    equal(await code({ 'content-type': 'application/json' }, '['.repeat(600) + ']'.repeat(600)), 'invalid-json')
    equal(await code({ 'content-encoding': 'gzip' }), 'unsupported-media-type')
    for (const format of ['+avro', '-batch+xml', '+protobuf; x=1'])
      equal(await code({ 'content-type': `application/cloudevents${format}` }), 'unsupported-media-type', format)
    equal((await send('no%20name', {})).json.code, 'invalid-name')
    equal((await send('a%2Fb', {})).json.code, 'invalid-name')
    // What stands before a ':' is a kind of queue, and Posthorn's to give.
    equal((await send('service:a:b', {})).json.code, 'invalid-name')
    equal((await send('topic:orders', {})).json.code, 'invalid-name')
    equal((await send('%ff', {})).json.code, 'invalid')
    for (const own of ['system:operation', 'task:system.redrive']) {
      equal((await send(own, {})).json.code, 'forbidden-queue', own)
      equal((await server.call('POST', `/v1/queues/${own}/lease`, { body: {} })).json.code, 'forbidden-queue', own)
    }
    equal((await server.call('POST', '/v1/tasks/system.purge', { body: {} })).json.code, 'forbidden-queue')
  })

  test('the trace of the request is on the message, unless the event has its own', async () => {
    const to = next()
    await send(to, {}, { traceparent: TRACE, tracestate: 'a=1' })
    await send(
      to,
      JSON.stringify({ ...event, traceparent: '00-11111111111111111111111111111111-2222222222222222-00' }),
      { ...structured, traceparent: TRACE },
    )
    await send(to, {}, { traceparent: 'nonsense' })
    const messages = (await lease(to)).map(({ message }: { message: Record<string, string> }) => [
      message['traceparent'],
      message['tracestate'],
    ])
    deepEqual(messages, [
      [TRACE, 'a=1'],
      ['00-11111111111111111111111111111111-2222222222222222-00', undefined],
      [undefined, undefined],
    ])
  })

  test('browsing pages over all states or one, without leasing and without data', async () => {
    const to = next()
    for (let at = 0; at < 5; at++)
      await send(to, { at }, at === 4 ? { 'posthorn-delay': '1h' } : { 'posthorn-group': at % 2 ? 'odd' : 'even' })
    const [leased] = await lease(to, { max: 1 })
    const seen: string[] = []
    let after = ''
    do {
      const { json } = await server.call('GET', `/v1/queues/${to}/messages?limit=2&after=${after}`)
      seen.push(
        ...json.items.map(
          ({ state, event: { data } }: { state: string; event: { data?: unknown } }) =>
            `${state} ${data === undefined}`,
        ),
      )
      after = json.next
    } while (after !== null)
    deepEqual(seen, ['ready true', 'ready true', 'ready true', 'delayed true', 'leased true'])
    equal((await server.call('GET', `/v1/queues/${to}/messages?state=ready&group=odd`)).json.items.length, 2)
    equal((await server.call('GET', `/v1/queues/${to}/messages?state=lost`)).json.code, 'invalid')
    equal((await server.call('GET', `/v1/queues/${to}/messages?limit=501`)).json.code, 'invalid')
    equal((await server.call('GET', `/v1/queues/${to}/messages?after=nonsense`)).status, 400)
    const text = (await server.call('GET', `/v1/queues/${to}/messages`)).text
    equal(text.includes(leased.token), false, 'tokens are never shown')
  })

  test('a message is deleted while it waits or is dead, not while it is leased', async () => {
    const to = next()
    const { json: sent } = await send(to, {})
    const path = `/v1/queues/${to}/messages/${sent.id}`
    const [{ token }] = await lease(to)
    deepEqual((await server.call('DELETE', path)).json.code, 'message-leased')
    await server.call('POST', `/v1/queues/${to}/settle`, { body: { outcomes: [{ token, do: 'bury', reason: 'bad' }] } })
    equal((await server.call('GET', path)).json.reason, 'buried')
    equal((await server.call('DELETE', path)).status, 204)
    equal(
      (await server.call('DELETE', `/v1/queues/${to}/messages/01890000-0000-7000-8000-000000000000`)).json.code,
      'message-not-found',
    )
    equal((await server.call('GET', `/v1/queues/${to}/messages/nonsense`)).json.code, 'message-not-found')
  })
})

test('without auto-create a send to an unknown queue is refused until somebody makes it', async () => {
  await using server = await startServer({ autoCreate: false })
  equal((await server.call('POST', '/v1/queues/inbox/messages', { body: {} })).json.code, 'queue-not-found')
  equal((await server.call('POST', '/v1/tasks/resize', { body: {} })).json.code, 'queue-not-found')
  equal((await server.call('PUT', '/v1/queues/inbox', { body: {} })).status, 201)
  equal((await server.call('POST', '/v1/queues/inbox/messages', { body: {} })).status, 202)
})
