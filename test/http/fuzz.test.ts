// Bad input over HTTP: whatever comes, the answer is a problem of the 4xx kind with a code from the table, or a success; never
// a 5xx, never a crash, and in the end nothing is left behind.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { z } from 'zod'
import { ERRORS } from '../../src/core/error.ts'
import { task } from '../../src/task/index.ts'
import { callAt, startServer, until, type Reply, type TestServer } from './server/client.ts'
import { connectRaw } from './server/raw.ts'
import { seedOfRun } from '../seed.ts'

const seed = seedOfRun()
const runs = Number(process.env['POSTHORN_TEST_RUNS'] ?? 400)
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const strict = task('strict', {
  input: z.strictObject({ a: z.number(), b: z.array(z.string()).optional() }),
  output: z.number(),
  errors: { odd: z.string() },
})

const check = (property: fc.IAsyncProperty<never>, share = 1) =>
  fc.assert(property, { seed, numRuns: Math.ceil(runs * share) })

describe(`bad input over HTTP (seed ${seed})`, () => {
  let server: TestServer
  const faults: string[] = []
  const note = (message: string, facts?: object) =>
    void faults.push(
      `${message} ${JSON.stringify(facts)} ${String(Object.values(facts ?? {}).find((fact) => fact instanceof Error)?.stack)}`,
    )

  before(async () => {
    server = await startServer({ log: { debug() {}, info() {}, warn: note, error: note } })
    await server.post.work(() => ({ handlers: [], contracts: [strict] }))
  })
  after(() => server[Symbol.asyncDispose]())

  const judge = (reply: Reply, what: string) => {
    if (reply.status < 300) return
    ok(
      reply.status >= 400 && reply.status < 500,
      `${what} → ${reply.status} ${reply.text.slice(0, 300)} ${faults.join('\n')}`,
    )
    equal(reply.headers.get('content-type'), 'application/problem+json', what)
    const { code, status, type, title, detail } = reply.json
    equal(ERRORS[code as keyof typeof ERRORS]?.status, status, `${what}: ${code}`)
    deepEqual([status, type], [reply.status, `urn:posthorn:error:${code}`])
    ok(title.length > 0 && detail.length > 0)
  }
  const ask = async (
    method: string,
    path: string,
    body?: string | Uint8Array,
    headers: Record<string, string> = {},
  ) => {
    const reply = await callAt(server.server.url, method, path, {
      ...(body === undefined || method === 'GET' || method === 'HEAD' ? {} : { body }),
      headers,
    })
    if (method !== 'HEAD') judge(reply, `${method} ${path} ${JSON.stringify(headers)} ${String(body).slice(0, 200)}`)
    return reply
  }

  const name = fc
    .oneof(
      { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'task:strict', 'task:other', 'system:operation', 'topic:x:y') },
      fc.string({ minLength: 1 }),
      fc.string({ unit: 'binary', minLength: 1 }),
    )
    .map(encodeName)
  const id = fc.oneof(fc.uuid(), fc.uuid({ version: 7 }), fc.string({ minLength: 1 }).map(encodeName))
  const path = fc.oneof(
    name.map((queue) => `/v1/queues/${queue}`),
    fc
      .tuple(name, fc.constantFrom('messages', 'lease', 'settle', 'redrive', 'purge', 'pause', 'resume'))
      .map(([queue, verb]) => `/v1/queues/${queue}/${verb}`),
    fc.tuple(name, id).map(([queue, message]) => `/v1/queues/${queue}/messages/${message}`),
    fc.constantFrom(
      '/v1/tasks/strict',
      '/v1/tasks/other',
      '/v1/operations',
      '/v1/queues',
      '/metrics',
      '/openapi.json',
      '/healthz',
    ),
    id.map((operation) => `/v1/operations/${operation}`),
    id.map((operation) => `/v1/operations/${operation}/cancel`),
    fc.webPath(),
  )
  const method = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD')
  const query = fc.oneof(
    fc.constant(''),
    fc.webQueryParameters().map((text) => `?${text}`),
    fc
      .tuple(
        fc.constantFrom('limit', 'after', 'state', 'status', 'before', 'since', 'type', 'data', 'group'),
        fc.string(),
      )
      .map(([key, value]) => `?${key}=${encodeName(value)}`),
  )
  const json = fc.oneof(
    fc.json(),
    fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.stringify(value)),
    fc.constantFrom(
      '{}',
      '[]',
      'null',
      '{"__proto__":{"a":1}}',
      '{"constructor":1}',
      '{"a":1e999}',
      '"\\ud800"',
      '['.repeat(2_000) + ']'.repeat(2_000),
      '{"a":'.repeat(600) + '1' + '}'.repeat(600),
    ),
  )
  const broken = fc.oneof(
    fc.string(),
    json.map((text) => text.slice(0, -1)),
    fc.uint8Array({ maxLength: 200 }),
  )
  const otherType = fc.constantFrom(
    'application/json; charset=latin1',
    'application/cloudevents+xml',
    'application/merge-patch+json',
    'text/plain',
    'multipart/form-data',
    'x',
    '',
  )
  const type = fc.oneof(
    { weight: 6, arbitrary: fc.constant('application/json') },
    { weight: 3, arbitrary: fc.constantFrom('application/cloudevents+json', 'application/cloudevents-batch+json') },
    otherType,
  )
  const headerText = fc.string({ maxLength: 40 }).filter((text) => /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text))
  const headers = fc.dictionary(
    fc.constantFrom(
      'posthorn-delay',
      'posthorn-not-before',
      'posthorn-priority',
      'posthorn-key',
      'posthorn-expires',
      'posthorn-dedupe',
      'posthorn-callback',
      'idempotency-key',
      'operation-id',
      'prefer',
      'if-match',
      'if-none-match',
      'traceparent',
      'tracestate',
      'ce-id',
      'ce-specversion',
      'ce-type',
      'ce-source',
      'ce-time',
      'ce-x',
      'ce-Upper',
      'ce-datacontenttype',
      'authorization',
      'content-encoding',
    ),
    fc.oneof(headerText, fc.constantFrom('1.0', '5', '5m', '%', '%C0%A0', '"', '2026-01-01T00:00:00Z', 'wait=0', '*')),
    { maxKeys: 4 },
  )

  test('any method, path, query, headers and body', () =>
    check(
      fc.asyncProperty(
        method,
        path,
        query,
        type,
        headers,
        fc.oneof(json, broken),
        async (m, p, q, t, h, b) => void (await ask(m, p + q, b, { 'content-type': t, ...h })),
      ) as never,
    ))

  test('JSON of the wrong kind where fields are expected', () => {
    const field = fc.constantFrom(
      'max',
      'leaseSeconds',
      'waitSeconds',
      'data',
      'outcomes',
      'token',
      'do',
      'output',
      'error',
      'match',
      'state',
      'limit',
      'keep',
      'retry',
      'pick',
      'paused',
      'aging',
      'dedupeWindow',
      'messages',
      'backoff',
      'specversion',
      'id',
      'source',
      'type',
      'data_base64',
      'delay',
      'priority',
      'dryRun',
      'ratePerSecond',
      'before',
      'a',
      'b',
    )
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e21, '', '5m', '1.0', 'ack', 'bury', 'extend', 'a'),
        tie('list'),
        tie('object'),
      ),
      list: fc.array(tie('any'), { maxLength: 4 }),
      object: fc.dictionary(field, tie('any'), { maxKeys: 6 }),
    }))
    // Waits would be waited for.
    const body = value.object.map((given) => ({ ...given, ...('waitSeconds' in given ? { waitSeconds: 0 } : {}) }))
    const target = fc.constantFrom<[method: string, verb: string][]>(
      ['POST', '/lease'],
      ['POST', '/settle'],
      ['POST', '/redrive'],
      ['POST', '/purge'],
      ['POST', '/messages'],
      ['PUT', ''],
      ['PATCH', ''],
    )
    return check(
      fc.asyncProperty(
        target,
        name,
        type,
        body,
        async ([m, verb], queue, t, b) =>
          void (await ask(m, `/v1/queues/${queue}${verb}`, JSON.stringify(b), {
            'content-type': t,
          })),
      ) as never,
    )
  })

  test('outcomes of messages that are held, with tokens that are not', () =>
    check(
      fc.asyncProperty(
        fc.array(
          fc.record({
            at: fc.nat(3),
            swap: fc.oneof({ weight: 4, arbitrary: fc.constant(Infinity) }, fc.nat(80)),
            do: fc.constantFrom('ack', 'retry', 'release', 'bury', 'extend'),
            output: fc.option(fc.jsonValue(), { nil: undefined }),
          }),
          { maxLength: 6 },
        ),
        async (given) => {
          for (let n = 0; n < 2; n++)
            await ask('POST', '/v1/tasks/strict', '{"a":1}', { 'content-type': 'application/json' })
          const { json: leased } = await ask('POST', '/v1/queues/task:strict/lease', '{"max":4,"leaseSeconds":1}', {
            'content-type': 'application/json',
          })
          const tokens: string[] = leased.deliveries.map(({ token }: { token: string }) => token)
          const outcomes = given.map(({ at, swap, do: act, output }) => ({
            token: swapAt(tokens[at] ?? 'none', swap),
            do: act,
            ...(act === 'ack' && output !== undefined ? { output } : {}),
          }))
          const settled = await ask('POST', '/v1/queues/task:strict/settle', JSON.stringify({ outcomes }), {
            'content-type': 'application/json',
          })
          if (settled.status === 200) equal(settled.json.results.length, outcomes.length)
        },
      ) as never,
      0.25,
    ))

  test('bytes on the wire that are hardly HTTP', () =>
    check(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'PUT', 'LIST'),
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.array(fc.string({ unit: 'binary-ascii', maxLength: 60 }), { maxLength: 4 }),
        fc.uint8Array({ maxLength: 100 }),
        async (m, target, lines, tail) => {
          using raw = connectRaw(server.server)
          raw.write(
            `${m} /${target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`,
          )
          raw.write(tail)
          raw.write('\r\n\r\n\r\n')
          // What could still become a request is waited for by the server: it is enough that it answers or goes on living.
          const { status } = await Promise.race([
            raw.ended,
            callAt(server.server.url, 'GET', '/healthz').then(({ status: alive }) => ({ status: alive })),
          ])
          ok(status < 500, `${status}`)
        },
      ) as never,
      0.25,
    ))

  test('huge bodies and headers, many at once', async () => {
    const bodies = Array.from({ length: 20 }, (_, at) =>
      ask('POST', '/v1/queues/a/messages', new Uint8Array(2 ** 20 + at)),
    )
    const large = Array.from({ length: 20 }, (_, at) =>
      ask('GET', '/v1/queues', undefined, { [`x-${at}`]: 'x'.repeat(70_000) }),
    )
    deepEqual(
      [...new Set((await Promise.all(bodies)).map(({ status }) => status))].sort((a, b) => a - b),
      [202, 413],
    )
    deepEqual([...new Set((await Promise.all(large)).map(({ status }) => status))], [431])
  })

  test('nothing is left behind: no request under way, no client in line, no fault in the log, memory flat', async () => {
    await until(
      async () =>
        / 1$/m.test(
          /^posthorn_http_in_flight .*$/m.exec((await callAt(server.server.url, 'GET', '/metrics')).text)![0],
        ),
      'the last requests to end',
    )
    equal(
      /^posthorn_http_leases_waiting (\d+)$/m.exec((await callAt(server.server.url, 'GET', '/metrics')).text)![1],
      '0',
    )
    deepEqual(faults, [])
    await flood(ask)
    const before = await flood(ask)
    const grown = (await flood(ask)) - before
    ok(grown < 2e6, `the heap grew by ${grown} bytes over 300 bad requests`)
  })
})

/** The heap after many bad requests. */
async function flood(
  ask: (method: string, path: string, body: string, headers: Record<string, string>) => Promise<Reply>,
): Promise<number> {
  for (let at = 0; at < 300; at++)
    await ask('POST', '/v1/queues/%ff/settle', '{"outcomes":', { 'content-type': 'application/json' })
  collect()
  return process.memoryUsage().heapUsed
}

function encodeName(text: string): string {
  const encoded = encodeURIComponent(text.toWellFormed())
  // Dots alone are steps in a path, for every URL parser on the way.
  return /^\.+$/.test(encoded) ? 'dots' : encoded
}

function swapAt(token: string, at: number): string {
  return at < token.length ? token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1) : token
}
