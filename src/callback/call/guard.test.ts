import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Dispatcher } from 'undici'
import { ManualClock, systemClock } from '../../core/clock.ts'
import type { Message } from '../../core/message.ts'
import { deliver, type Delivered } from '../completion/deliver.ts'
import { createAllowance } from './allowance.ts'
import { exchange, parseRetryAfter } from './exchange.ts'
import { createGuard, type Resolve } from './guard.ts'

const message: Message = {
  id: '01890000-0000-7000-8000-000000000000',
  event: {
    id: 'e',
    source: 's',
    type: 't',
    datacontenttype: 'application/json',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  },
  body: new TextEncoder().encode('{"a": 1.0}'),
  priority: 4,
}

const send = async (
  url: string,
  options: { allow?: readonly string[]; resolve?: Resolve; totalMs?: number; headerBytes?: number } = {},
): Promise<Delivered> => {
  const agent = createGuard({
    rangesOf: createAllowance(options.allow ?? []).rangesOf,
    resolve: options.resolve,
    headerBytes: options.headerBytes,
  })
  try {
    return await deliver(url, message, {
      agent,
      clock: systemClock,
      signal: new AbortController().signal,
      totalMs: options.totalMs,
    })
  } finally {
    await agent.destroy()
  }
}

const resolveToBoth: Resolve = async () => [
  { address: '93.184.216.34', family: 4 },
  { address: '127.0.0.1', family: 4 },
]

describe('the guard', () => {
  let server: Server
  let port: number
  let answer: (request: IncomingMessage, response: ServerResponse) => void
  let hits = 0

  before(async () => {
    server = createServer((request, response) => {
      hits++
      answer(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  after(() => {
    server.closeAllConnections()
    server.close()
  })

  test('loopback and metadata addresses are refused before a connection, in every spelling', async () => {
    hits = 0
    answer = (_, response) => response.end()
    const hosts = [
      '127.0.0.1',
      '127.1',
      '0x7f.1',
      '2130706433',
      '017700000001',
      '[::1]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '0',
      '0.0.0.0',
      '169.254.169.254',
      '0xa9fea9fe',
      '[fd00:ec2::254]',
    ]
    for (const host of hosts) await rejects(send(`http://${host}:${port}/`), { code: 'address-forbidden' }, host)
    equal(hits, 0)
  })

  test('a name that leads to an inner address is refused, also when others of its addresses are public', async () => {
    hits = 0
    await rejects(send(`http://hooks.example:${port}/`, { resolve: resolveToBoth }), {
      code: 'address-forbidden',
      // Who may look at attempts learns no addresses of the inner network.
      message: 'hooks.example is at no public address',
    })
    await rejects(send(`http://localhost:${port}/`), { code: 'address-forbidden' })
    equal(hits, 0)
  })

  test('a name that changes its answer between look-up and connection gains nothing: it is resolved once', async () => {
    hits = 0
    let asked = 0
    const resolve: Resolve = async () => [{ address: asked++ === 0 ? '192.0.2.1' : '127.0.0.1', family: 4 }]
    await rejects(send(`http://rebind.example:${port}/`, { resolve }), { code: 'address-forbidden' })
    equal(asked, 1)
    const inner: Resolve = async () => [{ address: asked++ === 1 ? '127.0.0.1' : '93.184.216.34', family: 4 }]
    await rejects(send(`http://rebind.example:${port}/`, { resolve: inner }), { code: 'address-forbidden' })
    equal(hits, 0)
  })

  test('an origin that is an address allows that address for itself only', async () => {
    hits = 0
    answer = (_, response) => response.end()
    const allow = [`http://127.0.0.1:${port}`]
    equal((await send(`http://127.0.0.1:${port}/`, { allow })).status, 200)
    await rejects(
      send(`http://hooks.example:${port}/`, { allow, resolve: async () => [{ address: '127.0.0.1', family: 4 }] }),
      { code: 'address-forbidden' },
    )
    equal((await send(`http://localhost:${port}/`, { allow: [`http://localhost:${port}`] })).status, 200)
    equal(hits, 2)
  })

  test('the callback is a structured CloudEvent with its trace, and its data byte for byte', async () => {
    let seen = ''
    answer = (request, response) => {
      equal(request.method, 'POST')
      match(String(request.headers['content-type']), /^application\/cloudevents\+json/)
      equal(request.headers['traceparent'], message.event['traceparent'])
      request.on('data', (chunk: Buffer) => (seen += chunk.toString()))
      request.on('end', () => response.writeHead(204).end())
    }
    equal((await send(`http://127.0.0.1:${port}/x?y`, { allow: [`http://127.0.0.1:${port}`] })).status, 204)
    equal(
      seen,
      '{"specversion":"1.0","id":"e","source":"s","type":"t","datacontenttype":"application/json","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data":{"a": 1.0}}',
    )
  })

  test('redirects are not followed', async () => {
    hits = 0
    answer = (_, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end()
    equal((await send(`http://127.0.0.1:${port}/`, { allow: [`http://127.0.0.1:${port}`] })).status, 302)
    equal(hits, 1)
  })

  test('an answer costs no more than its limits: time, headers, body', async () => {
    const allow = [`http://127.0.0.1:${port}`]
    answer = () => {}
    await rejects(send(`http://127.0.0.1:${port}/`, { allow, totalMs: 50 }), {
      code: 'callback-failed',
      message: /took too long/,
    })
    answer = (_, response) => response.writeHead(200, { 'x-large': 'x'.repeat(5_000) }).end()
    await rejects(send(`http://127.0.0.1:${port}/`, { allow, headerBytes: 4_096 }), { code: 'callback-failed' })
    answer = (_, response) => {
      response.writeHead(500)
      const pour = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', pour)
      }
      pour()
    }
    const { status, excerpt } = await send(`http://127.0.0.1:${port}/`, { allow })
    equal(status, 500)
    ok(excerpt.length <= 512)
  })

  test('the status counts, whatever becomes of the body after it', async () => {
    const allow = [`http://127.0.0.1:${port}`]
    for (const status of [200, 410]) {
      answer = (_, response) => void response.writeHead(status).write('x')
      equal((await send(`http://127.0.0.1:${port}/`, { allow, totalMs: 200 })).status, status)
      answer = (_, response) => {
        response.writeHead(status, { 'content-length': '100' }).write('x', () => response.destroy())
      }
      equal((await send(`http://127.0.0.1:${port}/`, { allow })).status, status)
    }
  })

  test('no answer is a failure that says so', async () => {
    answer = (request) => request.socket.destroy()
    await rejects(send(`http://127.0.0.1:${port}/`, { allow: [`http://127.0.0.1:${port}`] }), {
      code: 'callback-failed',
    })
    await rejects(send('http://hooks.example/', { resolve: async () => Promise.reject(new Error('no such name')) }), {
      code: 'callback-failed',
    })
  })
})

test('URLs: only the allowed origins, without user, http or https', async () => {
  const { checkUrl } = createAllowance(['https://hooks.example.com', 'http://127.0.0.1:9000'])
  equal(checkUrl('https://hooks.example.com/a?b#c').href, 'https://hooks.example.com/a?b')
  equal(checkUrl('http://0x7f.1:9000/').href, 'http://127.0.0.1:9000/')
  const wrong = [
    'https://hooks.example.com:8443/',
    'http://hooks.example.com/',
    'https://user:pw@hooks.example.com/',
    'ftp://hooks.example.com/',
    'https://hooks.example.com.evil/',
    'nonsense',
    'https://hooks.example.com/' + 'a'.repeat(2_048),
    'javascript:alert(1)',
  ]
  for (const url of wrong) await rejects(async () => checkUrl(url), { code: 'callback-not-allowed' }, url)
  await rejects(async () => createAllowance().checkUrl('https://a.example/'), {
    code: 'callback-not-allowed',
    message: /allows no callbacks/,
  })
  for (const origin of [
    'hooks.example.com',
    'https://hooks.example.com/path',
    'https://u@hooks.example.com',
    'file:///etc',
  ])
    await rejects(async () => createAllowance([origin]), { code: 'invalid-option' }, origin)
})

test('endpoints: an origin that is allowed opens no other port of its address', async () => {
  const allowed = ['http://127.0.0.1:9000', 'http://localhost:9000', 'http://[::1]:9000', 'http://93.184.216.34:81']
  const ports = createAllowance(allowed, ['10.0.0.0/8'])
  for (const url of [...allowed, 'https://93.184.216.34/', 'http://10.1.2.3:81/']) ports.checkEndpoint(url)
  for (const url of [
    'http://127.0.0.1:6379/',
    'https://127.0.0.1:8443/',
    'http://localhost:6379/',
    'http://[::1]:6379/',
  ])
    await rejects(async () => ports.checkEndpoint(url), { code: 'callback-not-allowed' }, url)
  createAllowance(allowed, ['127.0.0.0/8']).checkEndpoint('http://localhost:6379/')
})

test('endpoints: https at any public address, plain http and low ports only where the operator opened addresses', async () => {
  const { checkEndpoint: closed } = createAllowance()
  const { checkEndpoint: opened } = createAllowance(['http://plain.example'], ['10.0.0.0/8', 'fd00::/8'])
  for (const url of ['https://a.example/', 'https://a.example:8443/x?y', 'https://93.184.216.34/']) {
    closed(url)
    opened(url)
  }
  for (const url of [
    'http://plain.example/',
    'http://10.1.2.3/',
    'http://0x0a.1/',
    'http://[fd00::1]:81/',
    'http://service.internal:8080/',
  ])
    opened(url)
  const wrong = [
    'http://a.example/',
    'http://93.184.216.34/',
    'http://127.0.0.1/',
    'https://a.example:25/',
    'https://a.example:22/',
    'ftp://a.example/',
    'nonsense',
  ]
  for (const url of wrong) await rejects(async () => closed(url), { code: 'callback-not-allowed' }, url)
  for (const url of ['http://93.184.216.34/', 'http://127.0.0.1/', 'http://[::1]/', 'https://93.184.216.34:25/'])
    await rejects(async () => opened(url), { code: 'callback-not-allowed' }, url)
})

test('plain http to a name reaches only what the operator opened, whatever the name resolves to', async () => {
  const { rangesOf, isAllowed } = createAllowance([], ['127.0.0.0/8'])
  const server = createServer((_, response) => response.writeHead(204).end())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const to = async (address: string): Promise<number> => {
    const agent = createGuard({
      rangesOf,
      isPlainAllowed: isAllowed,
      resolve: async () => [{ address, family: 4 }],
      connectMs: 200,
    })
    try {
      const { status } = await exchange(
        { url: `http://service.internal:${port}/`, headers: {}, body: 'x', totalMs: 2_000, readBytes: 10 },
        { agent, clock: systemClock, signal: null },
      )
      return status
    } finally {
      await agent.destroy()
    }
  }
  equal(await to('127.0.0.1'), 204)
  await rejects(to('10.0.0.1'), { code: 'address-forbidden' })
  server.close()
})

test('a call has one limit, of the whole: undici is given none of its own, which would cut what a receiver may take', async () => {
  const clock = new ManualClock()
  let limits: unknown[] = []
  const agent: Pick<Dispatcher, 'dispatch'> = {
    dispatch: ({ headersTimeout, bodyTimeout }, handler) => {
      limits = [headersTimeout, bodyTimeout]
      const abort = (error: Error) => handler.onResponseError?.(controller, error)
      const controller = { abort } as Dispatcher.DispatchController
      handler.onRequestStart?.(controller, {})
      return true
    },
  }
  const asked = { url: 'https://a.example/', headers: {}, body: 'x', totalMs: 60_000, readBytes: 10 }
  const refused = rejects(exchange(asked, { agent, clock, signal: null }), { message: /took too long/ })
  deepEqual(limits, [0, 0])
  clock.advance(60_000)
  await refused
})

test('a body that is slow is waited for two seconds, and never beyond the limit of the whole', async () => {
  const bodyOf = async (totalMs: number, answeredAtMs: number): Promise<number> => {
    const clock = new ManualClock()
    let handler: Dispatcher.DispatchHandler | null = null
    let abortedAt = (): void => {}
    const abort = (error: Error) => {
      abortedAt()
      handler!.onResponseError?.(controller, error)
    }
    const controller = { abort } as Dispatcher.DispatchController
    const agent: Pick<Dispatcher, 'dispatch'> = {
      dispatch: (_, given) => {
        handler = given
        given.onRequestStart?.(controller, {})
        return true
      },
    }
    const asked = { url: 'https://a.example/', headers: {}, body: 'x', totalMs, readBytes: 10 }
    const answered = exchange(asked, { agent, clock, signal: null })
    clock.advance(answeredAtMs)
    handler!.onResponseStart?.(controller, 200, {})
    let overAtMs = 0
    abortedAt = () => {
      overAtMs ||= clock.monotonicMs()
    }
    clock.advance(20_000)
    await answered
    return overAtMs
  }
  equal(await bodyOf(15_000, 1_000), 3_000)
  equal(await bodyOf(3_000, 2_500), 3_000)
  equal(await bodyOf(1_500, 10), 1_500)
})

test('Retry-After is seconds or a date, bounded', () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1))
  equal(parseRetryAfter('7', clock.wallMs()), 7_000)
  equal(parseRetryAfter('Thu, 01 Jan 2026 00:01:00 GMT', clock.wallMs()), 60_000)
  equal(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', clock.wallMs()), 0)
  equal(parseRetryAfter('99999999', clock.wallMs()), 86_400_000)
  equal(parseRetryAfter('soon', clock.wallMs()), null)
  equal(parseRetryAfter(undefined, clock.wallMs()), null)
})
