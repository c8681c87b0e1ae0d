import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { Webhook } from 'standardwebhooks'
import { originOf } from '../../src/callback/index.ts'
import { internalsOf } from '../../src/posthorn.ts'
import { startReceiver, type Receiver } from '../callback/receiver.ts'
import { startServer, until, type Reply, type TestServer } from './server/client.ts'

describe('endpoints over HTTP', () => {
  let receiver: Receiver
  let server: TestServer

  before(async () => {
    receiver = await startReceiver()
    server = await startServer({ callbackAllowRanges: ['127.0.0.0/8'], webhookOrigin: 'events.example.com' })
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    receiver[Symbol.dispose]()
  })

  const put = (id: string, body: object = {}, headers: Record<string, string> = {}) =>
    server.call('PUT', `/v1/endpoints/${id}`, {
      body: { url: `${receiver.url}/${id}`, subscriptions: [{ topic: 'orders', types: ['order.*'] }], ...body },
      headers,
    })
  const fresh = (): void => {
    receiver.arrivals.length = 0
    receiver.answer = () => ({})
  }
  const publish = () =>
    server.call('POST', '/v1/topics/orders/events', {
      body: { specversion: '1.0', id: 'e1', source: '/shop', type: 'order.created', data: { n: 1 } },
      headers: { 'content-type': 'application/cloudevents+json' },
    })
  const finished = async (started: Reply): Promise<Reply['json']> => {
    equal(started.status, 202, started.text)
    await until(async () => (await server.call('GET', started.json.links.self)).json.done, 'the operation')
    return (await server.call('GET', started.json.links.self)).json
  }
  const end = (id: string) => server.call('DELETE', `/v1/endpoints/${id}?force=true`)

  test('made, called, looked at, changed with versions, ended', async () => {
    fresh()
    const made = await put('shop', { headers: { 'x-tenant': 'a-secret-tenant' } })
    equal(made.status, 201, made.text)
    match(made.json.secret, /^whsec_/)
    equal(made.json.status, 'active')
    deepEqual(made.json.headers, { 'x-tenant': '****' })
    equal((await publish()).json.matched ?? (await publish()).json.receipts?.[0]?.matched ?? 1, 1)
    await until(() => receiver.arrivals.length >= 1, 'the call')
    const [call] = receiver.arrivals
    const { data } = new Webhook(made.json.secret).verify(
      call!.body.toString(),
      call!.headers as Record<string, string>,
    ) as { data: unknown }
    deepEqual(data, { n: 1 })
    equal(call!.headers['x-tenant'], 'a-secret-tenant')
    await until(async () => (await server.call('GET', '/v1/endpoints/shop/attempts')).json.items.length > 0, 'attempts')
    const [attempt] = (await server.call('GET', '/v1/endpoints/shop/attempts?limit=1')).json.items
    deepEqual([attempt.outcome, attempt.status, attempt.topic], ['delivered', 204, 'orders'])
    const read = await server.call('GET', '/v1/endpoints/shop')
    ok(!read.text.includes('whsec_'), 'the secret is shown once')
    const etag = read.headers.get('etag')!
    const patch = (body: object, headers: Record<string, string> = {}) =>
      server.call('PATCH', '/v1/endpoints/shop', {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/merge-patch+json', ...headers },
      })
    const patched = await patch({ concurrency: 3, timeoutSeconds: 7 }, { 'if-match': etag })
    deepEqual([patched.status, patched.json.concurrency, patched.json.timeoutSeconds], [200, 3, 7])
    equal((await patch({ concurrency: 4 }, { 'if-match': etag })).status, 412)
    equal((await put('shop', {}, { 'if-none-match': '*' })).status, 412)
    const replaced = await put('shop')
    deepEqual([replaced.status, replaced.json.concurrency, replaced.json.headers], [200, 10, {}])
    equal((await put('shop', { secret: 'x' })).json.code, 'invalid')
    const written = await server.call('PUT', '/v1/endpoints/shop', { body: replaced.json })
    equal(written.status, 200, written.text)
    deepEqual((await server.call('GET', '/v1/endpoints?limit=1')).json.items[0].id, 'shop')
    equal((await end('shop')).status, 204)
    equal((await server.call('GET', '/v1/endpoints/shop')).json.code, 'endpoint-not-found')
  })

  test('a rotated secret, masked secrets, public keys', async () => {
    fresh()
    const made = await put('rotating', { signature: 'both' })
    const rotated = await server.call('POST', '/v1/endpoints/rotating/secrets/rotate', { body: { overlap: '1h' } })
    match(rotated.json.secret, /^whsec_/)
    const { json, text } = await server.call('GET', '/v1/endpoints/rotating/secrets')
    equal(json.items.length, 2)
    ok(!text.includes(rotated.json.secret) && !text.includes(made.json.secret))
    await publish()
    await until(() => receiver.arrivals.length >= 1, 'the call')
    for (const secret of [made.json.secret, rotated.json.secret])
      new Webhook(secret).verify(
        receiver.arrivals[0]!.body.toString(),
        receiver.arrivals[0]!.headers as Record<string, string>,
      )
    const keys = await server.call('GET', '/.well-known/webhooks/jwks.json')
    deepEqual([keys.status, keys.json.keys[0].crv], [200, 'Ed25519'])
    equal((await server.call('POST', '/v1/webhook-keys/rotate', { body: {} })).status, 200)
    equal((await server.call('GET', '/.well-known/webhooks/jwks.json')).json.keys.length, 2)
    await end('rotating')
  })

  test('a test event, and the handshake of CloudEvents WebHook with a rate that holds', async () => {
    fresh()
    await put('cloud', { profile: 'cloudevents' })
    receiver.answer = ({ method }) =>
      method === 'OPTIONS'
        ? { status: 200, headers: { 'webhook-allowed-origin': 'events.example.com', 'webhook-allowed-rate': '120' } }
        : {}
    const { output } = await finished(await server.call('POST', '/v1/endpoints/cloud/verify'))
    deepEqual([output.by, output.ratePerMinute], ['handshake', 120])
    equal(receiver.arrivals[0]!.headers['webhook-request-origin'], 'events.example.com')
    const sent = await server.call('POST', '/v1/endpoints/cloud/test')
    equal(sent.status, 202)
    await until(() => receiver.arrivals.length >= 2, 'the sample')
    equal(receiver.arrivals[1]!.headers['webhook-request-origin'], 'events.example.com')
    match(String(receiver.arrivals[1]!.headers['content-type']), /^application\/cloudevents\+json/)
    receiver.answer = () => ({ status: 200 })
    const refused = await finished(await server.call('POST', '/v1/endpoints/cloud/verify'))
    deepEqual([refused.status], ['failed'])
    match(refused.error.detail, /no WebHook-Allowed-Origin/)
    await end('cloud')
  })

  test('a receiver consents later, at the address that it was given, with a rate or with that which was asked for', async () => {
    fresh()
    await using named = await startServer({
      callbackAllowRanges: ['127.0.0.0/8'],
      publicUrl: 'https://events.example.com/posthorn',
    })
    const endpoint = '/v1/endpoints/later'
    const body = { url: `${receiver.url}/later`, profile: 'cloudevents', ratePerSecond: 5 }
    await named.call('PUT', endpoint, { body })
    receiver.answer = () => ({ status: 405 })
    const ask = async (): Promise<URL> => {
      const started = await named.call('POST', `${endpoint}/verify`)
      await until(async () => (await named.call('GET', started.json.links.self)).json.done, 'the operation')
      const { status, output } = (await named.call('GET', started.json.links.self)).json
      deepEqual([status, output.pending], ['succeeded', true])
      const { headers } = receiver.arrivals.at(-1)!
      deepEqual([headers['webhook-request-origin'], headers['webhook-request-rate']], ['events.example.com', '300'])
      return new URL(String(headers['webhook-request-callback']))
    }
    const first = await ask()
    match(first.href, /^https:\/\/events\.example\.com\/posthorn\/v1\/webhook-grants\/[\w-]{100,}$/)
    equal((await named.call('GET', endpoint)).json.verified, null)
    const path = first.pathname.replace('/posthorn', '')
    const call = (method: string, at: string, headers = {}) => named.call(method, at, { headers })
    equal((await call('GET', `${path.slice(0, -2)}AA`)).json.code, 'endpoint-not-found')
    equal((await call('POST', path, { 'webhook-allowed-rate': 'many' })).json.code, 'invalid')
    const looked = await call('HEAD', path)
    deepEqual([looked.status, looked.headers.get('allow')], [405, 'GET, POST'])
    equal((await named.call('GET', endpoint)).json.verified, null, 'a look at the address is no consent')
    const large = await named.call('POST', path, { body: { large: 'x'.repeat(5_000) } })
    equal(large.json.code, 'payload-too-large')
    equal((await call('GET', path)).status, 200)
    const { verified } = (await named.call('GET', endpoint)).json
    deepEqual([verified.by, verified.ratePerMinute], ['handshake', 300])
    equal((await call('POST', path, { 'webhook-allowed-rate': '60' })).status, 200)
    equal((await named.call('GET', endpoint)).json.verified.ratePerMinute, 60)
    await named.call('PATCH', endpoint, { body: { url: `${receiver.url}/moved` } })
    equal((await call('POST', path)).json.code, 'endpoint-not-found', 'it consented for another address')
    equal((await named.call('GET', endpoint)).json.verified, null)
  })

  test('a server whose address or machine has no DNS name serves all the same, and asks as localhost', async () => {
    equal(originOf('my_machine'), 'localhost')
    equal(originOf('events.example.com:8443'), 'events.example.com:8443')
    fresh()
    await using named = await startServer({ callbackAllowRanges: ['127.0.0.0/8'], publicUrl: 'http://[::1]:7070' })
    await named.call('PUT', '/v1/endpoints/v6', { body: { url: `${receiver.url}/v6`, profile: 'cloudevents' } })
    const { status } = await named.call('POST', '/v1/endpoints/v6/verify')
    equal(status, 202)
    await until(() => receiver.arrivals.length > 0, 'it is asked')
    const { headers } = receiver.arrivals[0]!
    equal(headers['webhook-request-origin'], 'localhost')
    match(String(headers['webhook-request-callback']), /^http:\/\/\[::1\]:7070\/v1\/webhook-grants\//)
  })

  test('what a log says of a request at such an address is not the address', async () => {
    const lines: unknown[] = []
    const note = (message: string, facts?: unknown) => void lines.push(message, facts)
    await using logged = await startServer({ log: { debug() {}, info() {}, warn: note, error: note } })
    // Its secrets are sealed with a key that is not given.
    const value = Buffer.from(JSON.stringify({ outside: 'another' }))
    await internalsOf(logged.post).engine.commit([{ changes: [{ do: 'put', key: 'system/endpoint-key', value }] }])
    const { status, json } = await logged.call('GET', '/v1/webhook-grants/what-nobody-is-to-know')
    deepEqual([status, json.code, json.instance], [500, 'master-key', '/v1/webhook-grants/{token}'])
    equal(lines.length > 0 && !inspect(lines, { depth: 9 }).includes('nobody-is-to-know'), true)
  })

  test('a challenge as Slack has it', async () => {
    fresh()
    await put('slack', { profile: 'slack' })
    receiver.answer = (call) => ({ status: 200, body: call.json().challenge })
    equal((await finished(await server.call('POST', '/v1/endpoints/slack/verify'))).output.by, 'challenge')
    receiver.answer = () => ({ status: 200, body: 'hello' })
    equal((await finished(await server.call('POST', '/v1/endpoints/slack/verify'))).status, 'failed')
    await end('slack')
    await put('plain')
    match((await finished(await server.call('POST', '/v1/endpoints/plain/verify'))).error.detail, /has no way to ask/)
    await end('plain')
  })

  test('drills tell a receiver that verifies from one that takes everything', async () => {
    fresh()
    const { json } = await put('drilled', { subscriptions: [] })
    const webhook = new Webhook(json.secret)
    receiver.answer = ({ headers, body }) => {
      try {
        webhook.verify(body.toString(), headers as Record<string, string>)
        return {}
      } catch {
        return { status: 401 }
      }
    }
    const good = (await finished(await server.call('POST', '/v1/endpoints/drilled/drill'))).output
    deepEqual([good.passed, good.failed], [5, 0], JSON.stringify(good))
    receiver.answer = () => ({})
    const bad = (await finished(await server.call('POST', '/v1/endpoints/drilled/drill'))).output
    deepEqual(
      bad.steps.map(({ name, result }: Record<string, string>) => [name, result]),
      [
        ['genuine', 'passed'],
        ['bad-signature', 'failed'],
        ['stale-time', 'failed'],
        ['duplicate-id', 'passed'],
        ['slow-ack', 'passed'],
      ],
    )
    // Who refuses all has not shown that he tells one from the other.
    receiver.answer = () => ({ status: 500 })
    const broken = (await finished(await server.call('POST', '/v1/endpoints/drilled/drill'))).output
    deepEqual(
      broken.steps.map(({ result }: Record<string, string>) => result),
      ['failed', 'skipped', 'skipped', 'failed', 'skipped'],
    )
    deepEqual([broken.passed, broken.failed], [0, 2])
    await server.call('PATCH', '/v1/endpoints/drilled', { body: { url: 'http://127.0.0.1:1/' } })
    const away = (await finished(await server.call('POST', '/v1/endpoints/drilled/drill'))).output
    equal(away.failed, 5)
    match(away.steps.at(-1).detail, /ECONNREFUSED|failed: /)
    await end('drilled')
  })

  test('a range of what a topic keeps is sent again, with the same ids, and counted before', async () => {
    fresh()
    await server.call('PUT', '/v1/topics/orders', { body: { retain: { count: 100 } } })
    const since = new Date(Date.now() - 1_000).toISOString()
    await put('replayed')
    for (let n = 0; n < 3; n++) await publish()
    await until(() => receiver.arrivals.length >= 3, 'three calls')
    await until(async () => (await server.call('GET', '/v1/endpoints/replayed')).json.lag === 0, 'all acknowledged')
    const dry = await server.call('POST', '/v1/endpoints/replayed/redeliver', { body: { since, dryRun: true } })
    deepEqual([dry.status, dry.json], [200, { matched: 3, unkept: [] }])
    const { output } = await finished(
      await server.call('POST', '/v1/endpoints/replayed/redeliver', { body: { since } }),
    )
    deepEqual(output, { matched: 3, sent: 3, unkept: [] })
    await until(() => receiver.arrivals.length >= 6, 'three more')
    equal(new Set(receiver.arrivals.map(({ headers }) => headers['webhook-id'])).size, 3)
    match((await server.call('POST', '/v1/endpoints/replayed/redeliver', { body: {} })).json.detail, /since is missing/)
    const nowhere = { body: { message: '01900000-0000-7000-8000-000000000000' } }
    equal((await server.call('POST', '/v1/endpoints/replayed/redeliver', nowhere)).json.code, 'message-not-found')
    match((await put('replayed', { headers: 'x-a: b' })).json.detail, /headers is "string"/)
    await end('replayed')
  })

  test('the end of a task is told to an endpoint that is named in place of a URL', async () => {
    fresh()
    const { json } = await put('told', { subscriptions: [] })
    const started = await server.call('POST', '/v1/tasks/later', {
      body: {},
      headers: { 'posthorn-callback': 'endpoint:told' },
    })
    equal(started.status, 202, started.text)
    const leased = await server.call('POST', '/v1/queues/task:later/lease', { body: {} })
    const outcomes = [{ token: leased.json.deliveries[0].token, do: 'ack', output: 7 }]
    await server.call('POST', '/v1/queues/task:later/settle', { body: { outcomes } })
    await until(() => receiver.arrivals.length >= 1, 'the callback')
    const [{ headers, body }] = receiver.arrivals as [Receiver['arrivals'][number]]
    const event = new Webhook(json.secret).verify(body.toString(), headers as Record<string, string>) as {
      type: string
      data: Record<string, unknown>
    }
    deepEqual([event.type, event.data['id'], event.data['output']], ['posthorn.operation.ended', started.json.id, 7])
    await end('told')
    const nobody = { body: {}, headers: { 'posthorn-callback': 'endpoint:nobody' } }
    equal((await server.call('POST', '/v1/tasks/later', nobody)).json.code, 'endpoint-not-found')
  })

  test('the end of a task is told to the endpoint that was named, and to none that has its id later', async () => {
    fresh()
    await put('again', { subscriptions: [] })
    await server.call('POST', '/v1/tasks/late', { body: {}, headers: { 'posthorn-callback': 'endpoint:again' } })
    const leased = await server.call('POST', '/v1/queues/task:late/lease', { body: {} })
    await end('again')
    await put('again', { subscriptions: [] })
    const outcomes = [{ token: leased.json.deliveries[0].token, do: 'ack', output: 7 }]
    await server.call('POST', '/v1/queues/task:late/settle', { body: { outcomes } })
    await server.call('POST', '/v1/endpoints/again/test')
    await until(() => receiver.arrivals.length > 0, 'the test event')
    await until(async () => (await server.call('GET', '/v1/endpoints/again')).json.lag === 0, 'nothing that waits')
    deepEqual(
      receiver.arrivals.map(({ body }) => (JSON.parse(body.toString()) as { type: string }).type),
      ['posthorn.endpoint.test'],
    )
    await end('again')
  })

  test("an app's endpoints are its own: in its space, within its scopes and quotas", async () => {
    fresh()
    await using guarded = await startServer({ callbackAllowRanges: ['127.0.0.0/8'], key: 'a'.repeat(32) })
    const platform = { authorization: `Bearer ${'a'.repeat(32)}` }
    const make = async (name: string) => {
      const scopes = ['endpoint:**', 'topic:orders:subscribe']
      await guarded.call('POST', '/v1/apps', { body: { name, scopes, quotas: { endpoints: 1 } }, headers: platform })
      const { json } = await guarded.call('POST', `/v1/apps/${name}/keys`, { body: {}, headers: platform })
      return { authorization: `Bearer ${json.key}` }
    }
    const [one, other] = [await make('one'), await make('other')]
    const body = { url: `${receiver.url}/one`, subscriptions: [{ topic: 'orders' }] }
    await guarded.call('PUT', '/v1/topics/orders', { body: { retain: null }, headers: platform })
    const made = await guarded.call('PUT', '/v1/endpoints/hook', { body, headers: one })
    deepEqual([made.status, made.json.id, made.json.app], [201, 'hook', 'one'], made.text)
    equal((await guarded.call('PUT', '/v1/endpoints/more', { body, headers: one })).json.code, 'quota-exceeded')
    equal((await guarded.call('GET', '/v1/endpoints/hook', { headers: other })).json.code, 'endpoint-not-found')
    equal((await guarded.call('GET', '/v1/endpoints', { headers: other })).json.items.length, 0)
    equal((await guarded.call('GET', '/v1/endpoints', { headers: one })).json.items[0].id, 'hook')
    equal((await guarded.call('GET', '/v1/endpoints/app:one:hook', { headers: platform })).json.app, 'one')
    const refused = async (subscriptions: unknown): Promise<string> =>
      (await guarded.call('PUT', '/v1/endpoints/hook', { body: { ...body, subscriptions }, headers: one })).json.code
    equal(await refused([null]), 'invalid-option')
    await guarded.call('PATCH', '/v1/apps/one', {
      body: { scopes: ['endpoint:**', 'topic:**:subscribe'] },
      headers: platform,
    })
    for (const own of ['system:audit', 'system:events']) equal(await refused([{ topic: own }]), 'topic-not-found')
    await guarded.call('PATCH', '/v1/apps/one', {
      body: { scopes: ['endpoint:**', 'topic:orders:subscribe'] },
      headers: platform,
    })
    const slowly = { since: new Date(0).toISOString(), ratePerSecond: 1 }
    const slow = await guarded.call('POST', '/v1/endpoints/hook/redeliver', { body: slowly, headers: one })
    deepEqual([slow.status, slow.json.field], [400, 'ratePerSecond'])
    const elsewhere = { ...body, subscriptions: [{ topic: 'secrets' }] }
    match(
      (await guarded.call('PUT', '/v1/endpoints/hook', { body: elsewhere, headers: one })).json.code,
      /topic-not-found|forbidden-scope/,
    )
    await guarded.call('POST', '/v1/topics/orders/events?type=order.created', { body: { n: 1 }, headers: platform })
    await until(() => receiver.arrivals.length >= 1, 'the call')
    new Webhook(made.json.secret).verify(
      receiver.arrivals[0]!.body.toString(),
      receiver.arrivals[0]!.headers as Record<string, string>,
    )
    const lag = async () => (await guarded.call('GET', '/v1/endpoints/hook', { headers: one })).json.lag
    await until(async () => (await lag()) === 0, 'nothing that waits')
    equal((await guarded.call('DELETE', '/v1/endpoints/hook', { headers: one })).status, 204)
  })

  test('what is wrong is a problem that names the field', async () => {
    const refused = async (body: object, status: number, detail: RegExp) => {
      const { status: answered, json } = await put('wrong', body)
      equal(answered, status, json.detail)
      match(json.detail, detail)
    }
    await refused({ url: 'http://93.184.216.34/' }, 403, /it must be https/)
    await refused({ url: 'https://93.184.216.34:25/' }, 403, /port 25/)
    await refused({ url: 'mailto:a@b.c' }, 400, /url is "mailto:a@b.c"/)
    await refused({ rate: 1 }, 400, /rate is not known/)
    await refused({ retry: { delays: [5] } }, 400, /unit/)
    await refused({ timeoutSeconds: 0 }, 400, /timeoutSeconds is 0/)
    await refused({ app: 'nobody' }, 404, /no app 'nobody'/)
    await refused({ subscriptions: [{ topic: 'a', types: [5] }] }, 400, /a pattern is segments/)
    await refused({ profile: 'slack', secret: { a: 'b' } }, 400, /signs with: a text/)
    const profile = { signature: { header: 'x-signature', algorithm: 'hmac-sha256' } }
    await refused({ profile: { ...profile, timestamp: null } }, 400, /timestamp is null/)
    await refused(
      { profile: { signature: { ...profile.signature, header: 'Host' } } },
      400,
      /"Host": it must be the name/,
    )
    await refused({ headers: { cookie: 'a' } }, 400, /headers is "cookie"/)
    equal((await server.call('GET', '/v1/endpoints/a%20b')).status, 400)
  })
})
