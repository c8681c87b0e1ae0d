// Deliveries of platforms to sources: signed as they sign, taken when durable, each once; mounted by the server, alone, or by hand.

import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { z } from 'zod'
import { forward, on, source, webhook } from '../../src/event/index.ts'
import { internalsOf, open } from '../../src/posthorn.ts'
import { serve } from '../../src/server/index.ts'
import { topic } from '../../src/topic/index.ts'
import {
  createSigner,
  generateSecret,
  github,
  shopify,
  slack,
  standardWebhooks,
  stripe,
  type Profile,
} from '../../src/webhooks/index.ts'
import { createTestLog, Gate, until } from '../event/workbench.ts'
import { startServer, type TestServer } from './server/client.ts'

const { log } = createTestLog()
const secret = 'a-secret-that-is-long-enough'

interface Sample {
  readonly profile: Profile
  readonly secret: string
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
  readonly id: string
  readonly status: number
}

const samples: readonly Sample[] = [
  {
    profile: stripe,
    secret,
    type: 'invoice.paid',
    id: 'evt_1',
    body: '{"id":"evt_1","type":"invoice.paid","data":{"amount":7}}',
    status: 200,
  },
  {
    profile: github,
    secret,
    type: 'push',
    id: 'd1',
    headers: { 'x-github-delivery': 'd1', 'x-github-event': 'push' },
    body: '{"ref":"refs/heads/main"}',
    status: 202,
  },
  {
    profile: slack,
    secret,
    type: 'app_mention',
    id: 'Ev1',
    body: '{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention"}}',
    status: 200,
  },
  {
    profile: shopify,
    secret,
    type: 'orders.create',
    id: 's1',
    headers: { 'x-shopify-webhook-id': 's1', 'x-shopify-topic': 'orders/create' },
    body: '{"id":1}',
    status: 200,
  },
  {
    profile: standardWebhooks,
    secret: generateSecret(),
    type: 'order.created',
    id: 'm1',
    body: '{"type":"order.created","data":{}}',
    status: 204,
  },
]

async function sign({ profile, secret: key, body, headers = {}, id, type }: Sample, with_ = key) {
  const inHeader = 'x-github-delivery' in headers || 'x-shopify-webhook-id' in headers
  const parts = await createSigner({ profile, secrets: [with_] })({
    body,
    ...(profile.id[0] && 'json' in profile.id[0] ? {} : { id }),
    ...(inHeader ? {} : { type }),
  })
  return { method: 'POST', body, headers: { 'content-type': 'application/json', ...parts.headers, ...headers } }
}

const any = z.looseObject({})
const incoming = topic(
  'incoming',
  Object.fromEntries(samples.map(({ type }) => [type, any])) as Record<string, typeof any>,
  { retain: { count: 1_000 } },
)
const [stripeSample, githubSample, slackSample] = samples as readonly [Sample, Sample, Sample, Sample, Sample]

function sourceOf({ profile, secret: key, type }: Sample, more: object = {}) {
  return webhook(profile.name, { profile, secrets: [key], events: { [type]: any }, log, ...more })
}

describe('mounted by the server', () => {
  let server: TestServer
  before(async () => {
    server = await startServer({ key: 'k'.repeat(20) })
    await server.post.work(samples.map((sample) => forward(sourceOf(sample), incoming as never)))
  })
  after(() => server[Symbol.asyncDispose]())

  const kept = async () => (await server.post.topic(incoming).read({ limit: 500 })).items

  for (const sample of samples) {
    const { profile, type, id, status, body } = sample
    test(`${profile.name}: signed as it signs, taken when durable, with its id, once; without its signature refused`, async () => {
      const path = `/v1/sources/${profile.name}`
      const before_ = (await kept()).length
      const forged = await sign(
        sample,
        profile === (standardWebhooks as unknown) ? generateSecret() : 'another-secret-of-some-length',
      )
      equal((await fetch(server.server.url + path, forged)).status, 401)
      equal((await kept()).length, before_)
      const answer = await fetch(server.server.url + path, await sign(sample))
      equal(answer.status, status, await answer.text())
      const [event] = (await kept()).slice(before_)
      deepEqual([event!.event.id, event!.event.source, event!.event.type], [id, profile.name, type])
      equal(new TextDecoder().decode(event!.message.body), JSON.stringify(JSON.parse(body)))
      equal((await fetch(server.server.url + path, await sign(sample))).status, status)
      equal((await kept()).length, before_ + 1)
    })
  }

  test('a question of a platform is answered, and is no event', async () => {
    const before_ = (await kept()).length
    const question = { ...slackSample, body: '{"type":"url_verification","challenge":"c4"}' }
    const answer = await fetch(`${server.server.url}/v1/sources/slack`, await sign(question))
    deepEqual([answer.status, await answer.text()], [200, 'c4'])
    equal((await kept()).length, before_)
  })

  test('a source that is not there, another method; the OpenAPI document has it', async () => {
    equal((await server.call('POST', '/v1/sources/none')).json.code, 'source-not-found')
    equal((await server.call('GET', '/v1/sources/stripe')).status, 401)
    const described = await server.call('GET', '/openapi.json', {
      headers: { authorization: `Bearer ${'k'.repeat(20)}` },
    })
    ok(described.json.paths['/v1/sources/{source}'].post)
  })
})

test('what a platform repeats to another process is published once, too: its id is kept with the event', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-source-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const url = `file:${folder}`
  await using one = await open(url, { log, shared: true })
  await using two = await open(url, { log, shared: true })
  const [first, second] = [sourceOf(stripeSample), sourceOf(stripeSample)]
  await using _ = await one.work([forward(first, incoming as never)])
  await using __ = await two.work([forward(second, incoming as never)])
  for (const hooks of [first, second])
    equal((await hooks.fetch(new Request('http://a/', await sign(stripeSample)))).status, 200)
  equal((await one.topic(incoming).read()).items.length, 1)
})

test('success is answered when it is durable, not before; what cannot be stored is sent again by the platform', async () => {
  await using post = await open('memory:', { log })
  const hooks = sourceOf(githubSample)
  await using _ = await post.work([forward(hooks, incoming as never)])
  const { engine } = internalsOf(post)
  const commit = engine.commit.bind(engine)
  const gate = new Gate()
  let calls = 0
  engine.commit = async (commits) => {
    if (++calls === 1)
      return commits.map(() => ({ status: 'refused', code: 'disk-full', at: 0, detail: 'no room' }) as const)
    await gate.pass()
    return commit(commits)
  }
  const refused = await hooks.fetch(new Request('http://a/', await sign(githubSample)))
  deepEqual([refused.status, refused.headers.get('retry-after')], [507, '10'])
  let status = 0
  const answering = hooks
    .fetch(new Request('http://a/', await sign(githubSample)))
    .then((answer) => (status = answer.status))
  await until(() => calls === 2, 'it is being stored')
  equal(status, 0)
  gate.open()
  equal(await answering, 202)
  equal((await post.topic(incoming).read()).items.length, 1)
})

test('without a forward a handler that fails has the platform send it again, and what was handled is not handled again', async () => {
  const hooks = sourceOf(githubSample)
  const seen: unknown[] = []
  equal((await hooks.fetch(new Request('http://a/', await sign(githubSample)))).status, 503)
  await using _ = await on(hooks, ({ id, data }) => {
    seen.push([id, data['ref']])
    if (seen.length === 1) throw new Error('not now')
  })
  const statuses: number[] = []
  for (let n = 0; n < 3; n++)
    statuses.push((await hooks.fetch(new Request('http://a/', await sign(githubSample)))).status)
  deepEqual(statuses, [503, 202, 202])
  deepEqual(seen, [
    ['d1', 'refs/heads/main'],
    ['d1', 'refs/heads/main'],
  ])
})

test('types that are not declared are ignored, or refused; data that do not match are refused', async () => {
  const push = z.object({ ref: z.string() })
  const make = (more: object) =>
    webhook('github', { profile: github, secrets: [secret], events: { push }, log, ...more })
  const ask = async (more: object, sample: Partial<Sample>) => {
    const hooks = make(more)
    await using listening = await on(hooks, () => {})
    const { status } = await hooks.fetch(new Request('http://a/', await sign({ ...githubSample, ...sample })))
    await listening.stop()
    return [status, listening.counts.handled]
  }
  const other = { headers: { 'x-github-delivery': 'd2', 'x-github-event': 'ping' } }
  deepEqual(await ask({}, other), [202, 0])
  deepEqual(await ask({ others: 'refuse' }, other), [422, 0])
  deepEqual(await ask({}, { body: '{"ref":7}' }), [422, 0])
  deepEqual(await ask({ typeOf: () => 'push' }, other), [202, 1])
})

test('too large, too slow: refused, and the listener behind is what holds it up', async () => {
  const small = sourceOf(githubSample, { maxBodyBytes: 10 })
  await using _ = await on(small, () => {})
  equal((await small.fetch(new Request('http://a/', await sign(githubSample)))).status, 413)
  const gate = new Gate()
  const slow = sourceOf(githubSample, { answerWithin: '20ms' })
  await using __ = await on(slow, () => gate.pass())
  const late = await slow.fetch(new Request('http://a/', await sign(githubSample)))
  equal(late.status, 503)
  ok(Number(late.headers.get('retry-after')) > 0)
  gate.open()
})

test('a server of its own: on loopback, while somebody listens', async () => {
  const hooks = sourceOf(githubSample, { listen: { port: 0 } })
  equal(hooks.url, null)
  {
    await using _ = await on(hooks, () => {})
    match(hooks.url!, /^http:\/\/127\.0\.0\.1:\d+$/)
    equal((await fetch(hooks.url!, await sign(githubSample))).status, 202)
    equal((await fetch(hooks.url!)).status, 405)
    const many = await fetch(hooks.url!, { ...(await sign(githubSample)), body: 'x'.repeat(1_100_000) })
    equal(many.status, 413)
  }
  equal(hooks.url, null)
})

test('a source that is only exported is mounted for its listeners, and two of one name are refused', async () => {
  await using post = await open('memory:', { log })
  await using server = await serve(post, { port: 0 })
  const hooks = sourceOf(githubSample)
  const seen: string[] = []
  {
    await using _ = await post.work([hooks])
    using __ = await on(hooks, ({ type }) => seen.push(type))
    equal((await fetch(`${server.url}/v1/sources/github`, await sign(githubSample))).status, 202)
    await rejects(post.work([sourceOf(githubSample)]), /two sources have the name 'github'/)
  }
  deepEqual(seen, ['push'])
  equal((await fetch(`${server.url}/v1/sources/github`, await sign(githubSample))).status, 404)
})

test('mistakes are told by name', () => {
  const good = { profile: github, secrets: [secret] }
  throws(() => webhook('a b', good), /the name of the source/)
  throws(() => webhook('a', { ...good, others: 'drop' as never }), /others is "drop": it must be 'ignore' or 'refuse'/)
  throws(() => webhook('a', { ...good, events: {} }), /events is \{\}: it must be an object of schemas/)
  throws(() => webhook('a', { ...good, listen: { port: -1 } }), /port is -1/)
  throws(() => webhook('a', { ...good, secret } as never), /did you mean 'secrets'\?/)
  throws(() => webhook('a', { profile: github, secrets: [] }), /secret/)
})

test('/metrics has of each source what it told and refused, what listeners made of it, and how far its forwards are', async () => {
  const orders = topic('orders', { 'order.created': z.object({ id: z.string() }) })
  const shop = source('shop', { 'order.created': z.object({ id: z.string() }) }, { log })
  await using server = await startServer()
  await using _ = await server.post.work([forward(shop, orders)])
  using __ = await on(
    shop,
    ({ data }) => {
      if (data.id === 'bad') throw new Error('no')
    },
    { onError: () => {} },
  )
  await shop.emit('order.created', { id: 'a' })
  await shop.emit('order.created', { id: 'bad' })
  await rejects(shop.emit('order.created', { id: 1 } as never), /do not match their schema/)
  const numbers = async () =>
    Object.fromEntries(
      (await server.call('GET', '/metrics')).text
        .split('\n')
        .filter((line) => line.startsWith('posthorn_source_'))
        .map((line) => line.replace('posthorn_source_', '').replace('{source="shop"}', '').split(' ')),
    )
  await until(async () => (await numbers())['listener_errors_total'] === '1', 'the listener')
  deepEqual(await numbers(), {
    events_total: '2',
    refused_total: '1',
    published_total: '2',
    unpublished_total: '0',
    handled_total: '1',
    listener_errors_total: '1',
    waiting: '0',
    forward_lag_seconds: '0',
  })
})
