import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { type } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'
import { on, webhook } from '../../src/event/index.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { handle, queue, task } from '../../src/task/index.ts'
import { topic } from '../../src/topic/index.ts'
import { createSigner, generateSecret, github, slack, standardWebhooks } from '../../src/webhooks/index.ts'
import type { StoredEndpoint } from '../../src/callback/endpoint/endpoint.ts'
import { makeGrantToken } from '../../src/callback/probe/grant.ts'
import { loadSeal } from '../../src/callback/secret/seal.ts'
import { fromJsonBytes } from '../../src/core/json.ts'
import { internalsOf } from '../../src/posthorn.ts'
import { callAt, startServer, type CallOptions, type Reply, type TestServer } from './server/client.ts'

const Tree = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree)
  },
})
const resize = task('resize', {
  input: z.object({ width: z.number() }),
  output: z.object({ url: z.url() }),
  errors: { too_big: z.object({ max: z.number() }) },
})
const grow = task('grow', { input: Tree, output: type({ leaves: 'number' }) })
const plain = task('plain', { input: v.object({ a: v.string() }) })
const days = topic('days', { 'day.came': z.string(), 'day.gone': Tree })
const structured = { 'content-type': 'application/cloudevents+json' }
const inbox = queue('inbox', { data: z.object({ raw: z.string() }) })

interface Document {
  readonly paths: Record<
    string,
    Record<
      string,
      {
        responses: Record<string, { content?: Record<string, { schema: object }> }>
        requestBody?: { content: Record<string, { schema: object }> }
        operationId: string
        callbacks?: object
      }
    >
  >
  readonly components: { readonly schemas: Record<string, object> }
}

const sources = {
  github: { profile: github, secrets: ['a-secret-of-github'] },
  slack: { profile: slack, secrets: ['a-secret-of-slack'] },
  standard: { profile: standardWebhooks, secrets: [generateSecret()] },
}

const body = (value: unknown, headers: Record<string, string> = {}) => ({ body: value, headers })

describe('the OpenAPI document', () => {
  let server: TestServer
  let document: Document
  const seen = new Set<string>()

  before(async () => {
    server = await startServer()
    await server.post.work(() => ({
      handlers: [
        handle(resize, ({ width }, ctx) =>
          width > 9 ? ctx.fail('too_big', { max: 9 }) : { url: 'https://a.example/' },
        ),
      ],
      contracts: [grow, plain, inbox, days],
    }))
    for (const [name, { profile, secrets }] of Object.entries(sources)) {
      const hooks = webhook(name, { profile, secrets, log: silentLog })
      await server.post.work([hooks])
      await on(hooks, () => {})
    }
    document = (await server.call('GET', '/openapi.json')).json
  })
  after(() => server[Symbol.asyncDispose]())

  /** Calls, and holds what comes back against what the document says of this path, status and type. */
  const call = async (method: string, path: string, options?: CallOptions): Promise<Reply> => {
    const reply = await callAt(server.server.url, method, path, options)
    const pathname = path.split('?')[0]!
    // Of two that fit, the one without a parameter counts.
    const templates = Object.keys(document.paths).sort((a, b) => Number(a.includes('{')) - Number(b.includes('{')))
    const template = templates.find(
      (each) =>
        new RegExp(`^${each.replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname) &&
        method.toLowerCase() in document.paths[each]!,
    )
    ok(template !== undefined, `${method} ${path} is in the document`)
    const operation = document.paths[template]![method.toLowerCase()]!
    const response = operation.responses[String(reply.status)]
    ok(response !== undefined, `${operation.operationId} may answer ${reply.status}: ${reply.text.slice(0, 300)}`)
    seen.add(`${operation.operationId} ${reply.status}`)
    const type = reply.headers.get('content-type')?.split(';')[0]
    if (reply.text === '') equal(response.content, undefined)
    else if (type!.startsWith('text/')) ok(response.content?.[type!] !== undefined)
    else check(response.content?.[type!]?.schema, reply.json, `${operation.operationId} ${reply.status}`)
    return reply
  }

  const check = (schema: object | undefined, value: unknown, what: string) => {
    ok(schema !== undefined, `${what} has a schema`)
    const ajv = new Ajv2020({ strict: false, allErrors: true })
    formats.default(ajv)
    const validate = ajv.compile({ ...(JSON.parse(JSON.stringify(schema)) as object), components: document.components })
    ok(validate(value), `${what}: ${JSON.stringify(validate.errors)} in ${JSON.stringify(value).slice(0, 500)}`)
  }

  test('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(structuredClone(document) as never)
    deepEqual(result.errors ?? [], [])
    equal(result.valid, true)
  })

  test('every answer of every route is as it says', async () => {
    for (const path of [
      '/healthz',
      '/readyz',
      '/metrics',
      '/openapi.json',
      '/v1/queues',
      '/v1/operations',
      '/v1/trail',
    ])
      await call('GET', path)
    await call('PUT', '/v1/queues/a', body({ limit: { messages: 3 } }))
    await call('PUT', '/v1/queues/a', body({ limit: { messages: 4 }, aging: '5m', keep: { dead: '1d' } }))
    await call('PATCH', '/v1/queues/a', body({ retry: { attempts: 3 } }))
    await call('PATCH', '/v1/queues/a', body({ retry: 1 }))
    await call('PUT', '/v1/queues/a', body({}, { 'if-match': '"no"' }))
    await call('GET', '/v1/queues/a')
    await call('POST', '/v1/queues/a/pause')
    await call('POST', '/v1/queues/a/resume')
    for (let at = 0; at < 3; at++)
      await call(
        'POST',
        '/v1/queues/a/messages',
        body(
          { at },
          {
            'posthorn-key': 'k',
            'posthorn-group': 'g',
            'posthorn-dedupe': `d${at}`,
            'posthorn-expires': '1h',
            'posthorn-priority': '7',
          },
        ),
      )
    await call('POST', '/v1/queues/a/messages', body('[]', { 'content-type': 'application/cloudevents-batch+json' }))
    await call('POST', '/v1/queues/a/messages', body('{', { 'content-type': 'application/json' }))
    const event = { specversion: '1.0', id: 'e', source: 's', type: 't' }
    await call(
      'POST',
      '/v1/queues/a/messages',
      body(JSON.stringify([event]), { 'content-type': 'application/cloudevents-batch+json' }),
    )
    await call('POST', '/v1/queues/a/messages', body({ full: 1 }))
    await call('POST', '/v1/queues/system:operation/messages', body({}))
    await call('POST', '/v1/queues/inbox/messages', body({ raw: 'x' }))
    await call('POST', '/v1/queues/inbox/messages', body({ raw: 1 }))
    const { json: leased } = await call('POST', '/v1/queues/a/lease', body({ max: 2 }))
    await call('POST', '/v1/queues/a/lease', body({ max: 0 }))
    const outcomes = [
      { token: leased.deliveries[0].token, do: 'bury' },
      { token: 'x', do: 'extend' },
    ]
    await call('POST', '/v1/queues/a/settle', body({ outcomes }))
    await call('POST', '/v1/queues/a/settle', body({ outcomes: 1 }))
    await call('GET', '/v1/trail?after=before.0')
    await call('GET', '/v1/queues/a/messages')
    await call('GET', '/v1/queues/a/messages?state=lost')
    await call('GET', '/v1/queues/nowhere')
    await call('GET', '/v1/queues/nowhere/messages')
    const { json: messages } = await call('GET', '/v1/queues/a/messages?state=dead')
    await call('GET', `/v1/queues/a/messages/${messages.items[0].id}`)
    await call('GET', '/v1/queues/a/messages/nothing')
    await call('POST', '/v1/queues/a/redrive', body({ dryRun: true }))
    await call('POST', '/v1/queues/a/redrive', body({ max: 0 }))
    const { json: redrive } = await call('POST', '/v1/queues/a/redrive', body({}))
    await call('GET', `/v1/operations/${redrive.id}?wait=20`)
    await call('POST', '/v1/queues/a/purge', body({ state: 'waiting' }))
    await call('POST', '/v1/queues/a/purge', body({}))
    await call('DELETE', '/v1/queues/a/messages/nothing')
    await call('POST', '/v1/queues/b/messages', body({}))
    const { json: waiting } = await call('GET', '/v1/queues/b/messages')
    await call('DELETE', `/v1/queues/b/messages/${waiting.items[0].id}`)
    const { json: done } = await call('POST', '/v1/tasks/resize', body({ width: 1 }, { prefer: 'wait=20' }))
    await call('POST', '/v1/tasks/resize', body({ width: 10 }, { prefer: 'wait=20' }))
    await call('POST', '/v1/tasks/resize', body({ width: 'x' }))
    await call('POST', '/v1/tasks/resize', body({ width: 1 }, { 'posthorn-callback': 'https://a.example' }))
    const { json: stranger } = await call('POST', '/v1/tasks/stranger', body({ any: 1 }))
    await call('DELETE', `/v1/operations/${stranger.id}`)
    await call('POST', `/v1/operations/${stranger.id}/cancel`)
    await call('POST', '/v1/operations/nothing/cancel')
    await call('GET', `/v1/operations/${stranger.id}?wait=20`)
    await call('DELETE', `/v1/operations/${done.id}`)
    await call('GET', `/v1/operations/${done.id}`)
    await call('PUT', '/v1/topics/t', body({ retain: { count: 5 } }))
    await call('PUT', '/v1/topics/t', body({ retain: 1 }))
    await call(
      'PUT',
      '/v1/subscriptions/s',
      body({ topic: 't', types: ['a.*'], filters: [{ not: { exact: { n: '1' } } }] }),
    )
    await call('PUT', '/v1/subscriptions/s', body({ topic: 't', backlog: { messages: 1 }, from: 'beginning' }))
    await call('PUT', '/v1/subscriptions/s', body({ topic: 't', order: 1 }))
    await call('PUT', '/v1/subscriptions/s', body({ topic: 't' }, { 'if-match': '"no"' }))
    await call('PATCH', '/v1/subscriptions/s', body({ order: 'none' }))
    await call('PATCH', '/v1/subscriptions/nobody', body({}))
    await call('POST', '/v1/topics/t/events?type=a', body({ n: 1 }))
    await call('POST', '/v1/topics/t/events', body({ n: 1 }))
    await call(
      'POST',
      '/v1/topics/events/events',
      body(JSON.stringify({ ...event, type: 'day.came', data: 'x' }), structured),
    )
    await call(
      'POST',
      '/v1/topics/days/events',
      body(JSON.stringify({ ...event, type: 'day.came', data: 'x' }), structured),
    )
    await call('POST', '/v1/topics/days/events', body(JSON.stringify({ ...event, type: 'lost' }), structured))
    await call('GET', '/v1/topics')
    await call('GET', '/v1/topics/t')
    await call('GET', '/v1/topics/nobody')
    await call('GET', '/v1/topics/t/events')
    await call('GET', '/v1/topics/nobody/events')
    await call('GET', '/v1/subscriptions')
    await call('GET', '/v1/subscriptions/s')
    // It ends by itself, for the second waits behind the first.
    await call('PATCH', '/v1/subscriptions/s', body({ order: 'strict' }))
    for (const n of [1, 2]) await call('POST', '/v1/topics/t/events?type=a', body({ n }))
    await call('GET', '/v1/subscriptions/s/stream')
    await call('GET', '/v1/subscriptions/s/stream?ack=no')
    await call('GET', '/v1/subscriptions/nobody/stream')
    await call('POST', '/v1/tickets')
    await call('DELETE', '/v1/subscriptions/s')
    await call('DELETE', '/v1/subscriptions/s?force=true')
    await call('DELETE', '/v1/subscriptions/s')
    await call('POST', '/v1/apps', body({ name: 'acme', scopes: ['queue:**', 'task:stranger', 'topic:t'], title: 'A' }))
    await call('POST', '/v1/apps', body({ name: 'acme' }))
    await call('POST', '/v1/apps', body({ name: 'A' }))
    await call('PATCH', '/v1/apps/acme', body({ quotas: { bytes: 10_000 } }))
    await call('PATCH', '/v1/apps/acme', body({ scopes: ['all'] }))
    await call('PATCH', '/v1/apps/acme', body({}, { 'if-match': '"no"' }))
    await call('GET', '/v1/apps')
    await call('GET', '/v1/apps/acme')
    await call('GET', '/v1/apps/nobody')
    await call('POST', '/v1/apps/acme/pause', { headers: { 'posthorn-by': 'Ada%20L' } })
    await call('POST', '/v1/apps/acme/resume')
    const { json: made } = await call('POST', '/v1/apps/acme/keys', body({ note: 'n', expires: '1d' }))
    await call('POST', '/v1/apps/acme/keys', body({ expires: 1 }))
    const { json: rotated } = await call('POST', `/v1/apps/acme/keys/${made.id}/rotate`, body({ overlap: '1h' }))
    await call('DELETE', `/v1/apps/acme/keys/${made.id}`)
    await call('DELETE', `/v1/apps/acme/keys/${made.id}`)
    const mine = { authorization: `Bearer ${rotated.key}` }
    await call('GET', '/v1/app', { headers: mine })
    await call('GET', '/v1/app')
    await call('PUT', '/v1/queues/mine', body({}, mine))
    await call('GET', '/v1/queues', { headers: mine })
    await call('POST', '/v1/queues/mine/messages', body({}, { ...mine, 'posthorn-key': 'k' }))
    await call('POST', '/v1/queues/mine/lease', body({}, mine))
    await call('POST', '/v1/queues/mine/messages', body('x'.repeat(20_000), mine))
    await call('POST', '/v1/topics/t/events?type=a', body({}, mine))
    await call('POST', '/v1/topics/days/events?type=a', body({}, mine))
    await call('POST', '/v1/tasks/stranger', body({}, mine))
    await call('GET', '/v1/operations', { headers: mine })
    await call('DELETE', '/v1/apps/acme')
    await call('DELETE', '/v1/apps/acme?force=true')
    await call('GET', '/v1/app', { headers: mine })
    const hook = { url: 'https://127.0.0.1:9999/', subscriptions: [{ topic: 'days' }] }
    await call('PUT', '/v1/endpoints/e', body(hook))
    await call('PUT', '/v1/endpoints/e', body({ ...hook, retry: { delays: ['1s'] } }))
    await call('PUT', '/v1/endpoints/e', body({ ...hook, rate: 1 }))
    await call('PUT', '/v1/endpoints/e', body(hook, { 'if-match': '"no"' }))
    await call('PUT', '/v1/endpoints/f', body({ url: 'http://127.0.0.1:9999/' }))
    await call('PATCH', '/v1/endpoints/e', body({ headers: { 'x-a': 'b' }, concurrency: 2 }))
    await call('PATCH', '/v1/endpoints/e', body({ headers: { 'x-a': '****' } }))
    await call('GET', '/v1/endpoints')
    await call('GET', '/v1/endpoints/e')
    await call('GET', '/v1/endpoints/nobody')
    await call('POST', '/v1/endpoints/e/secrets/rotate', body({ overlap: '1h' }))
    await call('GET', '/v1/endpoints/e/secrets')
    await call('POST', '/v1/endpoints/e/test')
    for (let tries = 0; tries < 1_000; tries++)
      if ((await server.call('GET', '/v1/endpoints/e/attempts')).json.items.length > 0) break
    await call('GET', '/v1/endpoints/e/attempts')
    await call('POST', '/v1/endpoints/e/verify')
    const asked = (await internalsOf(server.post).engine.get(['system/endpoint/e']))[0]!
    const seal = await loadSeal(internalsOf(server.post))
    const token = makeGrantToken(seal, fromJsonBytes(asked.value) as StoredEndpoint, 60, Date.now())
    await call('GET', `/v1/webhook-grants/${token}`)
    await call('POST', `/v1/webhook-grants/${token}`, { headers: { 'webhook-allowed-rate': '30' } })
    await call('POST', '/v1/webhook-grants/nothing')
    await call('POST', '/v1/endpoints/e/drill')
    await call('POST', '/v1/endpoints/e/redeliver', body({ failedOnly: true }))
    await call('POST', '/v1/endpoints/e/redeliver', body({ failedOnly: true, dryRun: true }))
    await call('POST', '/v1/endpoints/e/redeliver', body({}))
    for (const [source, body_] of [
      ['github', '{}'],
      ['slack', '{"type":"url_verification","challenge":"c"}'],
      ['standard', '{"type":"a"}'],
    ] as const) {
      const { profile, secrets } = sources[source]
      const { headers } = await createSigner({ profile, secrets })({ id: '1', type: 'a', body: body_ })
      await call('POST', `/v1/sources/${source}`, { body: body_, headers })
      await call('POST', `/v1/sources/${source}`, { body: `${body_} `, headers })
    }
    await call('POST', '/v1/sources/nobody', { body: '{}' })
    await call('GET', '/.well-known/webhooks/jwks.json')
    await call('POST', '/v1/webhook-keys/rotate', body({}))
    await call('DELETE', '/v1/endpoints/e?force=true')
    await call('GET', '/v1/operations?status=failed')
    await call('GET', '/v1/operations?limit=0')
    const promised = Object.values(document.paths)
      .flatMap((path) => Object.values(path))
      .flatMap(({ operationId, responses }) =>
        Object.keys(responses)
          .filter((status) => status.startsWith('2'))
          .map((status) => `${operationId} ${status}`),
      )
    // Paths of contracts are the general ones, narrowed; what they answer was held against the narrow ones above.
    deepEqual(
      promised.filter((each) => !seen.has(each) && !/^(task|queue|topic)\./.test(each) && each !== 'startTask 200'),
      [],
    )
  })

  test('each contract has a path of its own with its schemas, whatever library they are of', () => {
    const of = (path: string) => document.paths[path]!['post']!
    const input = (path: string) => of(path).requestBody!.content['application/json']!.schema
    check(input('/v1/tasks/resize'), { width: 1 }, 'input')
    deepEqual(of('/v1/tasks/resize').operationId, 'task.resize')
    ok('ended' in of('/v1/tasks/resize').callbacks!)
    check(input('/v1/tasks/grow'), { name: 'a', children: [{ name: 'b', children: [] }] }, 'a recursive input')
    deepEqual(input('/v1/tasks/plain'), {}, 'a library that does not say it')
    check(input('/v1/queues/inbox/messages'), { raw: 'x' }, 'data')
    const event = of('/v1/topics/days/events').requestBody!.content['application/cloudevents+json']!.schema
    const gone = { specversion: '1.0', id: '1', source: 's', type: 'day.gone', data: { name: 'a', children: [] } }
    check(event, gone, 'an event')
    throws(() => check(event, { ...gone, data: 'x' }, 'the data of another event'))
    ok(!Object.keys(document.paths).some((path) => path.includes('system.')))
  })

  test('it says whether a key is needed', async () => {
    equal('security' in document, false)
    await using keyed = await startServer({ key: 'a-key-of-some-length' })
    const { json } = await keyed.call('GET', '/openapi.json', {
      headers: { authorization: 'Bearer a-key-of-some-length' },
    })
    deepEqual(json.security, [{ key: [] }])
    deepEqual(json.paths['/healthz'].get.security, [])
  })
})
