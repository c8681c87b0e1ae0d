// Apps over HTTP, through the handler: who they are, what they may, what they may cost, and what of theirs the platform sees.

import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import { fromJsonBytes } from '../../src/core/json.ts'
import { settingsKey, type QueueSettings } from '../../src/core/settings.ts'
import { internalsOf, open, type Post } from '../../src/posthorn.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { handler, type HandlerOptions } from '../../src/server/index.ts'
import { startServer } from './server/client.ts'

const KEY = 'the-key-of-the-platform'

interface Reply {
  readonly status: number
  readonly headers: Headers
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any
}

interface World extends AsyncDisposable {
  readonly post: Post
  readonly clock: ManualClock
  readonly ask: (
    key: string,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<Reply>
}

async function begin(options: HandlerOptions = {}): Promise<World> {
  const clock = new ManualClock()
  const post = await open('memory:', { clock, log: silentLog })
  const answer = handler(post, { key: KEY, ...options })
  return {
    post,
    clock,
    async ask(key, method, path, body, headers = {}) {
      const type = body === undefined ? {} : { 'content-type': 'application/json' }
      const response = await answer(
        new Request(`http://posthorn.example${path}`, {
          method,
          headers: { authorization: `Bearer ${key}`, ...type, ...headers },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      )
      const text = await response.text()
      return { status: response.status, headers: response.headers, json: text === '' ? null : JSON.parse(text) }
    },
    [Symbol.asyncDispose]: () => post.close({ grace: 0 }),
  }
}

async function makeApp({ post }: World, name: string, options: Parameters<Post['apps']['create']>[1] = {}) {
  await post.apps.create(name, { scopes: ['queue:**', 'task:resize', 'topic:orders', 'endpoint:**'], ...options })
  return (await post.apps.addKey(name)).key
}

const codeOf = ({ status, json }: Reply): readonly unknown[] => [status, json?.code]

test('a key is good from its making to its end, and not a request costs a read of the engine', async () => {
  await using world = await begin()
  const { post, clock, ask } = world
  const key = await makeApp(world, 'acme')
  const { engine } = internalsOf(post)
  const read = engine.get.bind(engine)
  let reads = 0
  engine.get = (keys) => {
    if (keys.some((each) => each.startsWith('system/app'))) reads++
    return read(keys)
  }
  for (let at = 0; at < 20; at++) equal((await ask(key, 'GET', '/v1/queues')).status, 200)
  ok(reads <= 3, `${reads} reads`)
  const before = reads
  for (const wrong of [
    `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`,
    `phk_${'x'.repeat(48)}`,
    'phk_',
    `${key}x`,
  ])
    deepEqual(codeOf(await ask(wrong, 'GET', '/v1/queues')), [401, 'unauthorized'], wrong)
  equal(reads, before, 'a made-up key is told by itself')
  const short = await post.apps.addKey('acme', { expires: '10s' })
  equal((await ask(short.key, 'GET', '/v1/queues')).status, 200)
  clock.advance(10_000)
  deepEqual(codeOf(await ask(short.key, 'GET', '/v1/queues')), [401, 'unauthorized'])
})

test('a paused app is refused, and so is a key that was revoked or rotated away, at once in this process', async () => {
  await using world = await begin()
  const { post, clock, ask } = world
  const key = await makeApp(world, 'acme')
  equal((await ask(key, 'GET', '/v1/queues')).status, 200)
  await post.apps.pause('acme')
  await Promise.resolve()
  deepEqual(codeOf(await ask(key, 'GET', '/v1/queues')), [403, 'app-paused'])
  await post.apps.resume('acme')
  await Promise.resolve()
  equal((await ask(key, 'GET', '/v1/queues')).status, 200)
  const [first] = (await post.apps.get('acme'))!.keys
  const next = await post.apps.rotateKey('acme', first!.id, { overlap: '1h' })
  for (const each of [key, next.key]) equal((await ask(each, 'GET', '/v1/queues')).status, 200)
  clock.advance(3_600_000)
  deepEqual(codeOf(await ask(key, 'GET', '/v1/queues')), [401, 'unauthorized'])
  await post.apps.revokeKey('acme', next.id)
  await Promise.resolve()
  deepEqual(codeOf(await ask(next.key, 'GET', '/v1/queues')), [401, 'unauthorized'])
})

test('what a merge patch takes away of an app is as it was at the beginning', async () => {
  await using world = await begin()
  const { ask } = world
  const key = await makeApp(world, 'acme', { title: 'Acme', quotas: { queues: 1 }, maxPriority: 7, source: '/acme' })
  equal((await ask(key, 'PUT', '/v1/queues/inbox', {})).status, 201)
  const nothing = { title: null, scopes: null, quotas: null, maxPriority: null, source: null }
  const { status, json } = await ask(KEY, 'PATCH', '/v1/apps/acme', nothing)
  deepEqual(
    [status, json.title, json.scopes, json.quotas.queues, json.maxPriority, json.source],
    [200, null, [], 100, 4, '/apps/acme'],
  )
  deepEqual(codeOf(await ask(key, 'GET', '/v1/queues/inbox')), [404, 'queue-not-found'])
})

test('an app that is being deleted gets no endpoint any more, which would be left behind', async () => {
  await using world = await begin()
  const { post } = world
  await makeApp(world, 'acme')
  const { engine } = internalsOf(post)
  const [stored] = await engine.get(['system/app/acme'])
  const value = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(stored!.value).toString()), deleting: true }))
  await engine.commit([{ changes: [{ do: 'put', key: 'system/app/acme', value }] }])
  await rejects(post.endpoints.create({ id: 'hook', app: 'acme', url: 'https://acme.example/' }), {
    code: 'app-not-found',
  })
})

test('what another process changed holds after five seconds, without a hint', async () => {
  await using world = await begin()
  const { post, clock, ask } = world
  const { engine } = internalsOf(post)
  engine.watch = () => ({ [Symbol.dispose]() {} })
  const key = await makeApp(world, 'acme')
  equal((await ask(key, 'GET', '/v1/queues')).status, 200)
  await post.apps.delete('acme')
  clock.advance(5_000)
  deepEqual(codeOf(await ask(key, 'GET', '/v1/queues')), [401, 'unauthorized'])
})

test('a scope that is missing is named where the key may do something with the thing, else there is no such thing', async () => {
  await using world = await begin()
  const { post, ask } = world
  await post.apps.create('acme', { scopes: ['queue:**', 'task:resize:start'] })
  const { key } = await post.apps.addKey('acme', { scopes: ['queue:inbox:send', 'task:**'] })
  await ask(KEY, 'PUT', '/v1/queues/app:acme:inbox', {})
  await ask(KEY, 'PUT', '/v1/queues/task:resize', {})
  equal((await ask(key, 'POST', '/v1/queues/inbox/messages', {})).status, 202)
  const refused = await ask(key, 'POST', '/v1/queues/inbox/lease', {})
  deepEqual([...codeOf(refused), refused.json.scope], [403, 'forbidden-scope', 'queue:inbox:lease'])
  deepEqual(codeOf(await ask(key, 'PUT', '/v1/queues/other', {})), [404, 'queue-not-found'])
  const { json } = await ask(key, 'POST', '/v1/tasks/resize', {})
  deepEqual(codeOf(await ask(key, 'GET', `/v1/operations/${json.id}`)), [404, 'operation-not-found'])
  const unknown = await ask(key, 'POST', '/v1/tasks/secret', {})
  await ask(KEY, 'PUT', '/v1/queues/task:secret', {})
  deepEqual((await ask(key, 'POST', '/v1/tasks/secret', {})).json, unknown.json, 'the same, whether it exists or not')
  for (const path of ['/v1/apps', '/metrics', '/v1/trail', '/v1/queues/app:acme:inbox', '/v1/queues/system:operation'])
    equal((await ask(key, 'GET', path)).status, 404, path)
})

test('what an app sends is of its group and source, within its priority, and its texts are its own', async () => {
  await using world = await begin()
  const { ask } = world
  const key = await makeApp(world, 'acme', { maxPriority: 5, source: 'https://acme.example' })
  await ask(key, 'PUT', '/v1/queues/inbox', {})
  const delivery = {
    'posthorn-group': 'other',
    'posthorn-priority': '9',
    'posthorn-key': 'k',
    'posthorn-dedupe': 'd',
  }
  const event = { 'ce-specversion': '1.0', 'ce-id': '1', 'ce-source': '/somebody', 'ce-type': 'mail' }
  const { json: sent } = await ask(key, 'POST', '/v1/queues/inbox/messages', { n: 1 }, { ...delivery, ...event })
  const { json: own } = await ask(key, 'GET', `/v1/queues/inbox/messages/${sent.id}`)
  deepEqual(
    [own.queue, own.group, own.priority, own.key, own.dedupe, own.event.source, own.event.partitionkey],
    ['inbox', 'acme', 5, 'k', 'd', 'https://acme.example', 'k'],
  )
  const { json: all } = await ask(KEY, 'GET', `/v1/queues/app:acme:inbox/messages/${sent.id}`)
  deepEqual([all.queue, all.group, all.key, all.dedupe], ['app:acme:inbox', 'acme', 'app:acme:k', 'app:acme:d'])
})

test('requests beyond the rate are 429, and say when to come back', async () => {
  await using world = await begin()
  const { clock, ask } = world
  const key = await makeApp(world, 'acme', { quotas: { ratePerSecond: 5 } })
  for (let at = 0; at < 10; at++) equal((await ask(key, 'GET', '/v1/queues')).status, 200)
  const refused = await ask(key, 'GET', '/v1/queues')
  deepEqual([...codeOf(refused), refused.json.quota], [429, 'quota-exceeded', 'ratePerSecond'])
  equal(refused.headers.get('retry-after'), '1')
  equal(refused.headers.get('ratelimit-policy'), '"requests";q=10;w=2')
  equal(refused.headers.get('ratelimit'), '"requests";r=0;t=2')
  clock.advance(200)
  const again = await ask(key, 'GET', '/v1/queues')
  deepEqual([again.status, again.headers.get('ratelimit')], [200, '"requests";r=0;t=2'])
  equal((await ask(KEY, 'GET', '/v1/queues')).headers.get('ratelimit'), null)
})

test('requests under way at once are bounded, long polls among them', async () => {
  await using world = await begin()
  const { clock, ask } = world
  const key = await makeApp(world, 'acme', { quotas: { concurrency: 2 } })
  await ask(key, 'PUT', '/v1/queues/inbox', {})
  const waiting = [1, 2].map(() => ask(key, 'POST', '/v1/queues/inbox/lease', { waitSeconds: 10 }))
  for (let at = 0; at < 20; at++) await new Promise((resolve) => setImmediate(resolve))
  const refused = await ask(key, 'GET', '/v1/queues')
  deepEqual([...codeOf(refused), refused.json.quota], [429, 'quota-exceeded', 'concurrency'])
  for (let at = 0; at < 4; at++) {
    clock.advance(5_000)
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  deepEqual(
    (await Promise.all(waiting)).map(({ status }) => status),
    [200, 200],
  )
  equal((await ask(key, 'GET', '/v1/queues')).status, 200)
})

test('bytes, operations, queues and remembered keys have their quotas', async () => {
  await using world = await begin()
  const { clock, ask } = world
  const quotas = { bytes: 20, operations: 2, queues: 1, subscriptions: 1, remembered: 2 }
  const key = await makeApp(world, 'acme', { quotas })
  await ask(KEY, 'PUT', '/v1/queues/task:resize', {})
  await ask(KEY, 'PUT', '/v1/topics/orders', { retain: null })
  const exceeded = async (quota: string, method: string, path: string, body?: unknown, headers = {}) => {
    const reply = await ask(key, method, path, body, headers)
    deepEqual([...codeOf(reply), reply.json.quota], [429, 'quota-exceeded', quota])
    ok(reply.headers.has('retry-after') && reply.headers.get('ratelimit')!.includes(quota))
  }
  equal((await ask(key, 'PUT', '/v1/queues/inbox', {})).status, 201)
  await exceeded('queues', 'PUT', '/v1/queues/other', {})
  equal((await ask(key, 'PUT', '/v1/queues/inbox', {})).status, 200)
  equal((await ask(key, 'PUT', '/v1/subscriptions/a', { topic: 'orders' })).status, 201)
  await exceeded('subscriptions', 'PUT', '/v1/subscriptions/b', { topic: 'orders' })
  const text = '0123456789'
  equal((await ask(key, 'POST', '/v1/queues/inbox/messages', text)).status, 202)
  await exceeded('bytes', 'POST', '/v1/queues/inbox/messages', text)
  await ask(key, 'POST', '/v1/queues/inbox/purge', { state: 'waiting' })
  for (let at = 0; at < 20; at++) await new Promise((resolve) => setImmediate(resolve))
  clock.advance(1_000)
  equal((await ask(key, 'POST', '/v1/queues/inbox/messages', 1)).status, 202, 'there is room again')
  for (const n of [1, 2]) equal((await ask(key, 'POST', '/v1/tasks/resize', n)).status, 202)
  await exceeded('operations', 'POST', '/v1/tasks/resize', 3)
  for (const once of ['1', '2'])
    equal((await ask(key, 'POST', '/v1/queues/inbox/messages', 1, { 'idempotency-key': once })).status, 202)
  await exceeded('remembered', 'POST', '/v1/queues/inbox/messages', 1, { 'idempotency-key': '3' })
  equal((await ask(KEY, 'POST', '/v1/queues/app:acme:inbox/messages', 1, { 'idempotency-key': '3' })).status, 202)
  const { json } = await ask(key, 'GET', '/v1/app')
  deepEqual([json.name, json.usage.operations, json.usage.queues], ['acme', 2, 1])
  ok(json.usage.bytes > 0 && json.usage.bytes <= 20)
})

test('what waits for an app’s endpoints counts as its bytes, and never more than its quota waits', async () => {
  await using world = await begin({ callbackAllow: ['http://127.0.0.1:9'] })
  const { clock, post, ask } = world
  const key = await makeApp(world, 'acme', { quotas: { bytes: 100 } })
  await ask(KEY, 'PUT', '/v1/topics/orders', { retain: null })
  await ask(key, 'PUT', '/v1/queues/inbox', {})
  const hook = { url: 'http://127.0.0.1:9/hook', subscriptions: [{ topic: 'orders' }], enabled: false }
  equal((await ask(key, 'PUT', '/v1/endpoints/hook', hook)).status, 201)
  equal((await ask(key, 'GET', '/v1/app')).json.usage.bytes, 0)
  const event = { specversion: '1.0', source: '/shop', type: 'order.created', id: '1', data: 'x'.repeat(58) }
  const publish = () =>
    ask(KEY, 'POST', '/v1/topics/orders/events', event, { 'content-type': 'application/cloudevents+json' })
  equal((await publish()).status, 202)
  clock.advance(1_000)
  equal((await ask(key, 'GET', '/v1/app')).json.usage.bytes, 60)
  equal((await ask(key, 'POST', '/v1/queues/inbox/messages', 'y'.repeat(50))).json.quota, 'bytes')
  equal((await publish()).status, 202, 'no publisher is refused for it')
  equal((await post.endpoints.get('app:acme:hook'))?.lag, 1)
})

test('an app’s endpoint asks for topics that there are, and is told which one is not there', async () => {
  await using world = await begin()
  const { ask } = world
  const key = await makeApp(world, 'acme')
  const hook = { url: 'https://acme.example/hook', subscriptions: [{ topic: 'orders' }] }
  const put = async (more: object = {}) => ask(key, 'PUT', '/v1/endpoints/hook', { ...hook, ...more })
  const refused = await put()
  deepEqual([...codeOf(refused), refused.json.detail], [404, 'topic-not-found', "there is no topic 'orders'"])
  await ask(KEY, 'PUT', '/v1/topics/orders', { retain: null })
  equal((await put()).status, 201)
  const both = { subscriptions: [{ topic: 'orders' }, { topic: 'others' }] }
  deepEqual(codeOf(await ask(key, 'PATCH', '/v1/endpoints/hook', both)), [404, 'topic-not-found'])
  equal((await ask(KEY, 'PUT', '/v1/endpoints/ours', { ...hook, subscriptions: [{ topic: 'later' }] })).status, 201)
})

test('two apps may choose the same id for an operation, and each is told of its own by that id', async () => {
  await using world = await begin({ callbackAllow: ['https://acme.example'] })
  const { ask, clock } = world
  const acme = await makeApp(world, 'acme', { callbackOrigins: ['https://acme.example'] })
  const beta = await makeApp(world, 'beta')
  await ask(KEY, 'PUT', '/v1/queues/task:resize', {})
  const time = clock.wallMs().toString(16).padStart(12, '0')
  const id = `${time.slice(0, 8)}-${time.slice(8)}-7c12-9d3e-0123456789ab`
  const chosen = { 'operation-id': id }
  const callback = { 'posthorn-callback': 'https://acme.example/done' }
  const started = await ask(acme, 'POST', '/v1/tasks/resize', { n: 1 }, { ...chosen, ...callback })
  deepEqual([started.json.id, started.headers.get('location')], [id, `/v1/operations/${id}`])
  deepEqual((await ask(beta, 'POST', '/v1/tasks/resize', { n: 2 }, chosen)).json.id, id)
  deepEqual(codeOf(await ask(beta, 'POST', '/v1/tasks/resize', { n: 2 }, callback)), [403, 'callback-not-allowed'])
  const { json: again } = await ask(acme, 'POST', '/v1/tasks/resize', { n: 1 }, { ...chosen, ...callback })
  equal(again.id, id, 'the same again is the same operation')
  const { json: leased } = await ask(KEY, 'POST', '/v1/queues/task:resize/lease', { max: 10 })
  equal(leased.deliveries.length, 2)
  for (const { token, message } of leased.deliveries)
    await ask(KEY, 'POST', '/v1/queues/task:resize/settle', {
      outcomes: [{ token, do: 'ack', output: message.data.n }],
    })
  for (const [key, output] of [
    [acme, 1],
    [beta, 2],
  ] as const) {
    const { json } = await ask(key, 'GET', `/v1/operations/${id}`)
    deepEqual([json.id, json.status, json.output], [id, 'succeeded', output])
    deepEqual(
      (await ask(key, 'GET', '/v1/operations')).json.items.map((each: { id: string }) => each.id),
      [id],
    )
  }
  const { json: told } = await ask(KEY, 'GET', '/v1/queues/system:callback/messages')
  equal(told.items[0].event.subject, id)
  equal((await ask(acme, 'DELETE', `/v1/operations/${id}`)).status, 204)
  deepEqual(codeOf(await ask(acme, 'GET', `/v1/operations/${id}`)), [410, 'operation-gone'])
  equal((await ask(beta, 'GET', `/v1/operations/${id}`)).status, 200)
})

test('an app that is deleted by force leaves nothing to one that gets its name', async () => {
  await using world = await begin()
  const { post, clock, ask } = world
  const key = await makeApp(world, 'acme')
  await ask(KEY, 'PUT', '/v1/queues/task:resize', {})
  await ask(KEY, 'PUT', '/v1/topics/orders', { retain: null })
  await ask(key, 'PUT', '/v1/queues/inbox', {})
  await ask(key, 'PUT', '/v1/subscriptions/mine', { topic: 'orders' })
  const hook = { url: 'https://acme.example/hook', subscriptions: [{ topic: 'orders' }] }
  equal((await ask(key, 'PUT', '/v1/endpoints/hook', hook)).status, 201)
  for (let n = 0; n < 3; n++) await ask(key, 'POST', '/v1/queues/inbox/messages', n)
  await ask(key, 'POST', '/v1/queues/inbox/lease', { max: 1 })
  await ask(KEY, 'POST', '/v1/topics/orders/events?type=a', {})
  await ask(key, 'POST', '/v1/tasks/resize', {}, { 'idempotency-key': 'k' })
  const refused = await ask(KEY, 'DELETE', '/v1/apps/acme')
  deepEqual(codeOf(refused), [409, 'app-not-empty'])
  match(refused.json.detail, /3 messages, 1 subscriptions, 1 endpoints, 1 operations/)
  equal((await ask(KEY, 'DELETE', '/v1/apps/acme?force=true')).status, 204)
  clock.advance(60_000)
  const heir = await makeApp(world, 'acme')
  notEqual(heir, key)
  for (const path of ['/v1/queues', '/v1/subscriptions', '/v1/operations', '/v1/endpoints'])
    deepEqual((await ask(heir, 'GET', path)).json.items, [], path)
  equal((await ask(heir, 'GET', '/v1/queues/inbox')).status, 404)
  const once = { 'idempotency-key': 'k' }
  equal((await ask(heir, 'POST', '/v1/tasks/resize', { n: 2 }, once)).status, 202, 'no answer of the one before')
  deepEqual(codeOf(await ask(key, 'GET', '/v1/queues')), [401, 'unauthorized'])
  equal((await post.queue('task:resize').depth())!.ready, 1)
})

test('a ticket of an app is its own, and its stream counts among its requests', async () => {
  await using world = await begin()
  const { ask, post } = world
  const key = await makeApp(world, 'acme')
  await ask(KEY, 'PUT', '/v1/topics/orders', { retain: null })
  await ask(key, 'PUT', '/v1/subscriptions/mine', { topic: 'orders' })
  await ask(KEY, 'PUT', '/v1/subscriptions/mine', { topic: 'orders' })
  deepEqual(
    (await post.topic('orders').subscriptions()).items.map(({ name }) => name),
    ['app:acme:mine', 'mine'],
  )
  const { json } = await ask(key, 'POST', '/v1/tickets')
  deepEqual(codeOf(await ask('', 'GET', `/v1/subscriptions/nobody/stream?ticket=${json.ticket}`)), [
    404,
    'subscription-not-found',
  ])
})

test('over a socket: conditional writes hold by the hidden versions, and a stream is under way until its reader goes', async () => {
  await using server = await startServer({ key: KEY })
  const { post } = server
  await post.apps.create('acme', { scopes: ['queue:**', 'topic:orders'], quotas: { concurrency: 1 } })
  const { key } = await post.apps.addKey('acme')
  const headers = { authorization: `Bearer ${key}` }
  await server.call('PUT', '/v1/topics/orders', { headers: { authorization: `Bearer ${KEY}` }, body: { retain: null } })
  const made = await server.call('PUT', '/v1/queues/inbox', { headers, body: {} })
  const etag = made.headers.get('etag')!
  const patch = async (tag: string) =>
    (
      await server.call('PATCH', '/v1/queues/inbox', {
        headers: { ...headers, 'if-match': tag },
        body: { maxLapses: 1 },
      })
    ).status
  deepEqual([await patch('"1"'), await patch(etag), await patch(etag)], [412, 200, 412])
  await server.call('PUT', '/v1/subscriptions/mine', { headers, body: { topic: 'orders' } })
  const reader = new AbortController()
  const stream = await fetch(`${server.server.url}/v1/subscriptions/mine/stream`, { headers, signal: reader.signal })
  equal(stream.status, 200)
  equal((await server.call('GET', '/v1/queues', { headers })).json.quota, 'concurrency')
  reader.abort()
  let status = 429
  for (let tries = 0; status === 429 && tries < 1_000; tries++)
    ({ status } = await server.call('GET', '/v1/queues', { headers }))
  equal(status, 200)
})

test('where the platform has no key, a key of an app makes the request the app’s', async () => {
  await using server = await startServer()
  await server.post.apps.create('acme', { scopes: ['queue:**'] })
  const { key } = await server.post.apps.addKey('acme')
  await server.call('PUT', '/v1/queues/inbox', { headers: { authorization: `Bearer ${key}` }, body: {} })
  deepEqual(
    (await server.call('GET', '/v1/queues')).json.items.map((each: { queue: string }) => each.queue),
    ['app:acme:inbox'],
  )
  const wrong = await server.call('GET', '/v1/queues', { headers: { authorization: `Bearer phk_${'x'.repeat(48)}` } })
  deepEqual([wrong.status, wrong.json.code], [401, 'unauthorized'])
})

test('a quota of bytes that changes moves what its subscriptions and endpoints may keep; what was set lower stays', async () => {
  await using world = await begin({ callbackAllow: ['https://acme.example'] })
  const { post, ask } = world
  const key = await makeApp(world, 'acme', { quotas: { bytes: 2_000 } })
  const topic = { topic: 'orders' }
  await ask(KEY, 'PUT', '/v1/topics/orders', { retain: null })
  for (const [path, body] of [
    ['/v1/subscriptions/all', topic],
    ['/v1/subscriptions/few', { ...topic, backlog: { bytes: 500 } }],
    ['/v1/endpoints/hook', { url: 'https://acme.example/', subscriptions: [topic] }],
  ] as const) {
    const { status, json } = await ask(key, 'PUT', path, body)
    ok(status === 200 || status === 201, JSON.stringify(json))
  }
  const limits = async (): Promise<readonly unknown[]> => {
    const queues = ['all', 'few', 'endpoint.hook'].map((name) => settingsKey(`topic:orders:app:acme:${name}`))
    const stored = await internalsOf(post).engine.get(queues)
    return stored.map((record) => (fromJsonBytes(record!.value) as QueueSettings).limit.bytes)
  }
  deepEqual(await limits(), [2_000, 500, 2_000])
  await post.apps.update('acme', { quotas: { bytes: 5_000 } })
  deepEqual(await limits(), [5_000, 500, 5_000])
  await post.apps.update('acme', { quotas: { bytes: 400 } })
  deepEqual(await limits(), [400, 400, 400])
  await post.apps.update('acme', { quotas: { endpoints: 7 } })
  deepEqual(await limits(), [400, 400, 400])
})
