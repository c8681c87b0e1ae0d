import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import { startServer, until, type TestServer } from './server/client.ts'

interface Delivery {
  readonly token: string
  readonly id: string
  readonly acquired: number
  readonly failed: number
  readonly leaseUntil: string
}

describe('leasing and settling', () => {
  let server: TestServer
  let clock: ManualClock
  let queue = 0
  before(async () => {
    clock = new ManualClock(Date.now())
    server = await startServer({ open: { clock } })
  })
  after(() => server[Symbol.asyncDispose]())

  const next = async (messages = 1) => {
    const name = `q${++queue}`
    for (let at = 0; at < messages; at++) await server.call('POST', `/v1/queues/${name}/messages`, { body: { at } })
    return name
  }
  const lease = async (from: string, body: object = {}): Promise<Delivery[]> =>
    (await server.call('POST', `/v1/queues/${from}/lease`, { body })).json.deliveries
  const settle = async (of: string, ...outcomes: object[]) =>
    server.call('POST', `/v1/queues/${of}/settle`, { body: { outcomes } })
  const statuses = async (of: string, ...outcomes: object[]) =>
    (await settle(of, ...outcomes)).json.results.map(({ status }: { status: string }) => status)
  const depth = async (of: string) => (await server.call('GET', `/v1/queues/${of}`)).json

  test('a lease holds a message until it is settled or its time is over', async () => {
    const name = await next(3)
    const [first, second] = await lease(name, { max: 2, leaseSeconds: 10 })
    equal((await lease(name)).length, 1)
    deepEqual(await lease(name), [])
    deepEqual(await statuses(name, { token: first!.token, do: 'ack' }), ['ok'])
    clock.advance(10_000)
    deepEqual(await statuses(name, { token: second!.token, do: 'ack' }), ['stale'])
    const again = await lease(name)
    deepEqual(
      again.map(({ id }) => id),
      [second!.id],
    )
    equal(again[0]!.acquired, 2)
    equal((await depth(name)).ended.acked, 1)
  })

  test('an answer has no more bytes than were asked for, but one message at least', async () => {
    const name = await next(0)
    const send = (bytes: number) =>
      server.call('POST', `/v1/queues/${name}/messages`, {
        body: new Uint8Array(bytes),
        headers: { 'content-type': 'application/octet-stream' },
      })
    for (let at = 0; at < 12; at++) await send(100_000)
    const sizes = async (body: object) => (await lease(name, { max: 100, leaseSeconds: 1, ...body })).length
    equal(await sizes({ maxBytes: 350_000 }), 3)
    equal(await sizes({ maxBytes: 1 }), 1)
    equal(await sizes({}), 8)
    clock.advance(1_000)
    // Small ones at first, then larger ones than this queue has had: what is too much is given back.
    const small = await next(0)
    for (let at = 0; at < 20; at++)
      await server.call('POST', `/v1/queues/${small}/messages`, { body: 'x'.repeat(at < 10 ? 100 : 100_000) })
    equal((await lease(small, { max: 10 })).length, 10)
    const some = await lease(small, { max: 10, maxBytes: 250_000 })
    equal(some.length, 2)
    await until(async () => (await depth(small)).ready === 8, 'what was too much to be given back')
    equal((await server.call('POST', `/v1/queues/${small}/lease`, { body: { maxBytes: 0 } })).status, 400)
  })

  test('settling again is already, settling otherwise is stale', async () => {
    const name = await next()
    const [{ token }] = (await lease(name)) as [Delivery]
    deepEqual(await statuses(name, { token, do: 'ack' }), ['ok'])
    deepEqual(await statuses(name, { token, do: 'ack' }, { token, do: 'bury' }), ['already', 'stale'])
  })

  test('a token is worth nothing for another queue, changed, or made up', async () => {
    const [name, other] = [await next(), await next()]
    const [{ token }] = (await lease(name)) as [Delivery]
    deepEqual(await statuses(other, { token, do: 'ack' }), ['stale'])
    const forged = [
      token.slice(0, -1) + (token.endsWith('1') ? '2' : '1'),
      (token.startsWith('A') ? 'B' : 'A') + token.slice(1),
      token.split('.').slice(1).join('.'),
      'x',
      '.',
      `${token}.1`,
    ]
    deepEqual(
      await statuses(name, ...forged.map((each) => ({ token: each, do: 'ack' }))),
      forged.map(() => 'stale'),
    )
    deepEqual(await statuses(name, { token, do: 'ack' }), ['ok'])
  })

  test('retry waits as asked or by the policy, and buries when the attempts are used up', async () => {
    const name = await next()
    await server.call('PATCH', `/v1/queues/${name}`, {
      body: { retry: { attempts: 3, backoff: { kind: 'fixed', base: '10s', cap: '10s', jitter: 'none' } } },
    })
    const fail = async (more: object = {}) => {
      const [{ token, failed }] = (await lease(name)) as [Delivery]
      await settle(name, { token, do: 'retry', reason: 'no luck', ...more })
      return failed
    }
    equal(await fail({ delaySeconds: 60 }), 0)
    clock.advance(59_000)
    deepEqual(await lease(name), [])
    clock.advance(1_000)
    equal(await fail(), 1)
    clock.advance(9_000)
    deepEqual(await lease(name), [])
    clock.advance(1_000)
    equal(await fail(), 2)
    const { json } = await server.call('GET', `/v1/queues/${name}/messages?state=dead`)
    deepEqual(
      json.items[0].failures.map(({ code, message, delay }: Record<string, string>) => [code, message, delay]),
      [
        ['handler-failed', 'no luck', '1m'],
        ['handler-failed', 'no luck', '10s'],
        ['handler-failed', 'no luck', null],
      ],
    )
  })

  test('release is uncounted, extend makes a lease last, bury is a dead letter', async () => {
    const name = await next()
    const [one] = (await lease(name)) as [Delivery]
    deepEqual(await statuses(name, { token: one.token, do: 'release', delaySeconds: 5 }), ['ok'])
    clock.advance(5_000)
    const [two] = (await lease(name, { leaseSeconds: 10 })) as [Delivery]
    equal(two.failed, 0)
    clock.advance(9_000)
    deepEqual(await statuses(name, { token: two.token, do: 'extend', leaseSeconds: 100 }), ['ok'])
    clock.advance(99_000)
    deepEqual(await statuses(name, { token: two.token, do: 'bury', reason: 'poison' }), ['ok'])
    deepEqual(await statuses(name, { token: two.token, do: 'extend' }), ['stale'])
    equal((await depth(name)).dead, 1)
  })

  test('who waits is woken by the first message, one for one, and gets nothing when the time is over', async () => {
    const name = await next(0)
    const waiting = [1, 2, 3].map(() => lease(name, { waitSeconds: 20, max: 1 }))
    await until(
      async () => (await server.call('GET', '/metrics')).text.includes('posthorn_http_leases_waiting 3'),
      'three clients in the line',
    )
    await server.call('POST', `/v1/queues/${name}/messages`, { body: 1 })
    await Promise.race(waiting)
    await server.call('POST', `/v1/queues/${name}/messages`, { body: 2 })
    await until(
      async () => (await server.call('GET', '/metrics')).text.includes('posthorn_http_leases_waiting 1'),
      'one client in the line',
    )
    clock.advance(20_000)
    deepEqual(
      (await Promise.all(waiting)).map(({ length }) => length).sort((a, b) => a - b),
      [0, 1, 1],
    )
  })

  test('who waits is woken when time makes a message ready', async () => {
    const name = await next(0)
    await server.call('POST', `/v1/queues/${name}/messages`, { body: 1, headers: { 'posthorn-delay': '3s' } })
    const waiting = lease(name, { waitSeconds: 20 })
    await until(
      async () => (await server.call('GET', '/metrics')).text.includes('posthorn_http_leases_waiting 1'),
      'a client in the line',
    )
    clock.advance(3_000)
    equal((await waiting).length, 1)
  })

  test('a client that has gone before the answer gives its messages back uncounted', async () => {
    const name = await next(0)
    const gone = new AbortController()
    const waiting = server
      .call('POST', `/v1/queues/${name}/lease`, { body: { waitSeconds: 20 }, signal: gone.signal })
      .catch(() => 'gone')
    await until(
      async () => (await server.call('GET', '/metrics')).text.includes('posthorn_http_leases_waiting 1'),
      'a client in the line',
    )
    gone.abort()
    equal(await waiting, 'gone')
    await until(
      async () => (await server.call('GET', '/metrics')).text.includes('posthorn_http_leases_waiting 0'),
      'nobody in the line',
    )
    await server.call('POST', `/v1/queues/${name}/messages`, { body: 1 })
    const [delivery] = (await lease(name)) as [Delivery]
    deepEqual([delivery.acquired, delivery.failed], [1, 0])
  })

  test('a client that goes while its answer is written gives its messages back', async () => {
    const name = await next(1)
    const large = await server.call('POST', `/v1/queues/${name}/messages`, {
      body: 'x'.repeat(1_000_000),
      headers: { 'content-type': 'text/plain' },
    })
    equal(large.status, 202)
    for (let at = 0; at < 40; at++)
      await server.call('POST', `/v1/queues/${name}/messages`, {
        body: 'x'.repeat(1_000_000),
        headers: { 'content-type': 'text/plain' },
      })
    await new Promise<void>((resolve) => {
      const asking = request(
        `${server.server.url}/v1/queues/${name}/lease`,
        { method: 'POST', headers: { 'content-type': 'application/json' } },
        (response) => {
          // The head has come, the body does not fit into the sockets' buffers: now it goes.
          response.destroy()
          resolve()
        },
      )
      asking.on('error', () => {})
      asking.end('{"max":100}')
    })
    await until(async () => (await depth(name)).leased === 0, 'all given back')
    equal((await depth(name)).ready, 42)
  })

  test('bounds', async () => {
    const name = await next()
    const code = async (body: unknown) => (await server.call('POST', `/v1/queues/${name}/lease`, { body })).json.code
    for (const body of [
      { max: 0 },
      { max: 101 },
      { max: 1.5 },
      { leaseSeconds: 0 },
      { leaseSeconds: 43_201 },
      { waitSeconds: -1 },
      { waitSeconds: '5' },
      { data: 'xml' },
      { mx: 1 },
      [],
      null,
    ])
      equal(await code(body), 'invalid', JSON.stringify(body))
    equal(
      (await server.call('POST', `/v1/queues/${name}/lease`, { body: '{}', headers: { 'content-type': 'text/plain' } }))
        .json.code,
      'unsupported-media-type',
    )
    for (const outcomes of [
      undefined,
      {},
      [{}],
      [{ token: 'x' }],
      [{ token: 1, do: 'ack' }],
      [{ token: 'x', do: 'nack' }],
      [{ token: 'x', do: 'ack', delaySeconds: 1 }],
      [{ token: 'x', do: 'ack', output: 1 }],
      [{ token: 'x', do: 'retry', delaySeconds: -1 }],
      Array.from({ length: 1_001 }, () => ({ token: 'x', do: 'ack' })),
    ]) {
      equal(
        (await server.call('POST', `/v1/queues/${name}/settle`, { body: { outcomes } })).json.code,
        'invalid',
        JSON.stringify(outcomes)?.slice(0, 80),
      )
    }
    deepEqual(await lease('never-heard-of'), [])
    equal((await server.call('POST', '/v1/queues/system:callback/lease', { body: {} })).json.code, 'forbidden-queue')
  })

  test('leases and runs are counted', async () => {
    const name = await next()
    const [{ token }] = (await lease(name)) as [Delivery]
    clock.advance(2_000)
    await settle(name, { token, do: 'ack' })
    const { text } = await server.call('GET', '/metrics')
    match(text, new RegExp(`^posthorn_sent_total\\{queue="${name}"\\} 1$`, 'm'))
    match(text, new RegExp(`^posthorn_runs_total\\{queue="${name}",outcome="done"\\} 1$`, 'm'))
    match(text, new RegExp(`^posthorn_process_seconds_sum\\{queue="${name}"\\} 2$`, 'm'))
    match(text, new RegExp(`^posthorn_receive_seconds_count\\{queue="${name}"\\} 1$`, 'm'))
  })

  test('tokens cannot be guessed from one another', async () => {
    const name = await next(2)
    const [one, two] = (await lease(name, { max: 2 })) as [Delivery, Delivery]
    notEqual(one.token.split('.')[0], two.token.split('.')[0])
    ok(one.token.split('.')[0]!.length >= 22, '128 bits')
  })
})
