import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { EventSource } from 'undici'
import { ManualClock } from '../../src/core/clock.ts'
import { onEngines } from '../engines.ts'
import { startServer, until, type TestOptions, type TestServer } from './server/client.ts'

interface Received {
  readonly id: string
  readonly event: string
  readonly data: string
}

/** Reads a stream by hand: what EventSource hides is seen. */
class Reader implements AsyncDisposable {
  readonly status: number
  readonly received: Received[] = []
  comments = 0
  ended = false
  readonly #gone = new AbortController()
  readonly #response: Response
  #rest = ''

  constructor(response: Response, gone: AbortController) {
    this.#response = response
    this.status = response.status
    this.#gone = gone
    void this.#read().catch(() => {})
  }

  static async open(server: TestServer, name: string, query = '', lastEventId?: string): Promise<Reader> {
    const gone = new AbortController()
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
    const response = await fetch(`${server.server.url}/v1/subscriptions/${name}/stream${query}`, {
      headers,
      signal: gone.signal,
    })
    return new Reader(response, gone)
  }

  /** Numbers that the events carry. */
  get numbers(): number[] {
    return this.received
      .filter(({ event }) => event === '')
      .map(({ data }) => {
        const value = JSON.parse(data)
        return (value.message ?? value).data.n
      })
  }

  async has(count: number): Promise<void> {
    await until(() => this.received.length >= count, `${count} events; there are ${this.received.length}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gone.abort()
    await until(() => this.ended, 'the end of the stream')
  }

  async #read(): Promise<void> {
    try {
      for await (const chunk of this.#response.body!.pipeThrough(new TextDecoderStream())) this.#take(chunk)
    } finally {
      this.ended = true
    }
  }

  #take(chunk: string): void {
    const parts = (this.#rest + chunk).split('\n\n')
    this.#rest = parts.pop()!
    for (const part of parts) {
      const fields = { id: '', event: '', data: [] as string[] }
      for (const line of part.split('\n')) {
        const [name, value] = [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]
        if (name === 'data') fields.data.push(value)
        else if (name === 'id' || name === 'event') fields[name] = value
      }
      if (part.startsWith(':')) this.comments++
      else if (fields.data.length > 0) this.received.push({ ...fields, data: fields.data.join('\n') })
    }
  }
}

async function start(wish: object = {}, options: TestOptions = {}): Promise<TestServer> {
  const server = await startServer(options)
  await server.call('PUT', '/v1/subscriptions/s', { body: { topic: 't', ...wish } })
  return server
}

const publish = async (server: TestServer, from: number, to: number, headers: Record<string, string> = {}) => {
  for (let n = from; n <= to; n++) await server.call('POST', '/v1/topics/t/events?type=a', { body: { n }, headers })
}
const view = async (server: TestServer) => (await server.call('GET', '/v1/subscriptions/s')).json
const depth = async (server: TestServer) => (await server.call('GET', '/v1/queues/topic:t:s')).json
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at)

onEngines(
  'events come as they are published; coming back with the last id acknowledges, and goes on there',
  async (url) => {
    await using server = await start({}, { url })
    await publish(server, 1, 2)
    await using first = await Reader.open(server, 's')
    equal(first.status, 200)
    await first.has(2)
    await publish(server, 3, 4)
    await first.has(4)
    deepEqual(first.numbers, [1, 2, 3, 4])
    const { id, source, type, specversion } = JSON.parse(first.received[0]!.data)
    deepEqual([id, source, type, specversion], [first.received[0]!.id, 'posthorn:', 'a', '1.0'])
    await first[Symbol.asyncDispose]()
    await publish(server, 5, 5)
    await using second = await Reader.open(server, 's', '', first.received[1]!.id)
    await second.has(3)
    deepEqual(second.numbers, [3, 4, 5], 'two were acknowledged, two come again, one is new')
    equal((await view(server)).lag, 3)
  },
)

onEngines('coming back without an id, or with one that is not known, acknowledges nothing', async (url) => {
  await using server = await start({}, { url })
  await publish(server, 1, 2)
  for (const id of [undefined, '01a1fd7a-5538-77bd-b9a4-586b05d492d9', 'nonsense', undefined]) {
    await using reader = await Reader.open(server, 's', '', id)
    await reader.has(2)
    deepEqual(reader.numbers, [1, 2])
  }
  equal((await view(server)).lag, 2)
})

test('an EventSource gets every event once and in order, over the ends that make it acknowledge', async () => {
  await using server = await start()
  const count = 600
  const got: number[] = []
  const source = new EventSource(`${server.server.url}/v1/subscriptions/s/stream`)
  source.addEventListener('message', ({ data }: { data: string }) => got.push(JSON.parse(data).data.n))
  for (let n = 0; n < count / 100; n++) {
    const events = range(n * 100 + 1, n * 100 + 100).map((each) => ({
      specversion: '1.0',
      id: String(each),
      source: '/s',
      type: 'a',
      data: { n: each },
    }))
    await server.call('POST', '/v1/topics/t/events', {
      body: JSON.stringify(events),
      headers: { 'content-type': 'application/cloudevents-batch+json' },
    })
  }
  await until(() => got.length >= count, 'all events')
  source.close()
  deepEqual(got, range(1, count))
  ok((await view(server)).lag < count, 'those before the last return are acknowledged')
})

test('what waits behind the key of an unacknowledged event is not waited for in vain', async () => {
  await using server = await start({ order: 'strict' })
  await publish(server, 1, 3)
  let last: string | undefined
  for (const n of [1, 2, 3]) {
    await using reader = await Reader.open(server, 's', '', last)
    await reader.has(1)
    deepEqual(reader.numbers, [n])
    last = reader.received[0]!.id
    if (n < 3) await until(() => reader.ended, 'the stream ends, so that its reader comes back')
  }
})

test('a backlog that is full of what is not acknowledged is not waited for in vain: a kept topic goes on', async () => {
  await using server = await start({ backlog: { messages: 2 } })
  await server.call('PUT', '/v1/topics/t', { body: { retain: { count: 100 } } })
  await publish(server, 1, 9)
  const got: number[] = []
  for (let last: string | undefined; got.length < 9;) {
    await using reader = await Reader.open(server, 's', '', last)
    await until(
      () => reader.ended || got.length + reader.received.length >= 9,
      'the stream ends, so that its reader comes back',
    )
    got.push(...reader.numbers)
    last = reader.received.at(-1)!.id
  }
  deepEqual(got, range(1, 9))
})

test('with ack=manual each event has a token to settle, and one that was not settled comes again', async () => {
  await using server = await start()
  await publish(server, 1, 3)
  await using first = await Reader.open(server, 's', '?ack=manual')
  await first.has(3)
  const [one, two] = first.received.map(({ data }) => JSON.parse(data))
  const { json } = await server.call('POST', '/v1/queues/topic:t:s/settle', {
    body: {
      outcomes: [
        { token: one.token, do: 'ack' },
        { token: two.token, do: 'bury' },
      ],
    },
  })
  deepEqual(
    json.results.map(({ status }: { status: string }) => status),
    ['ok', 'ok'],
  )
  await first[Symbol.asyncDispose]()
  await until(async () => (await depth(server)).leased === 0, 'what is unsettled is given back')
  await using second = await Reader.open(server, 's', '?ack=manual')
  await second.has(1)
  deepEqual([second.numbers, JSON.parse(second.received[0]!.data).failed], [[3], 0])
  const { dead, ended } = await depth(server)
  deepEqual([dead, ended.acked], [1, 1])
})

test('a slow reader holds few: the rest waits in the queue', async () => {
  await using server = await start({}, { limits: { bodyBytes: 1_048_576 } })
  const body = JSON.stringify('x'.repeat(200_000))
  for (let n = 0; n < 120; n++)
    await server.call('POST', '/v1/topics/t/events?type=a', { body, headers: { 'content-type': 'application/json' } })
  const { port } = server.server
  const socket = connect(port, '127.0.0.1')
  socket.pause()
  socket.write('GET /v1/subscriptions/s/stream?ack=manual HTTP/1.1\r\nhost: localhost\r\n\r\n')
  let leased = 0
  let quiet = 0
  await until(async () => {
    const now = (await depth(server)).leased
    quiet = now === leased && now > 0 ? quiet + 1 : 0
    leased = now
    return quiet > 50
  }, 'no more is leased')
  ok(leased < 100, `${leased} of 120 are leased`)
  socket.destroy()
  await until(async () => (await depth(server)).leased === 0, 'what it held is given back')
})

test('a reader that takes nothing keeps nobody from taking over', async () => {
  await using server = await start()
  const body = JSON.stringify('x'.repeat(900_000))
  for (let n = 0; n < 30; n++)
    await server.call('POST', '/v1/topics/t/events?type=a', { body, headers: { 'content-type': 'application/json' } })
  const socket = connect(server.server.port, '127.0.0.1')
  socket.pause()
  socket.write('GET /v1/subscriptions/s/stream?ack=manual HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await until(async () => (await depth(server)).leased > 0, 'the first reads')
  await using second = await Reader.open(server, 's', '?ack=manual&takeover=true')
  await second.has(30)
  socket.destroy()
})

test('one reader at a time; another may take over', async () => {
  await using server = await start()
  await publish(server, 1, 1)
  await using first = await Reader.open(server, 's')
  await first.has(1)
  const refused = await server.call('GET', '/v1/subscriptions/s/stream')
  deepEqual([refused.status, refused.json.code], [409, 'stream-in-use'])
  await using second = await Reader.open(server, 's', '?takeover=true')
  await second.has(1)
  deepEqual(second.numbers, [1])
  await until(() => first.ended, 'the first has ended')
})

test('gaps are told: what was missed while the reader was away, and what is missed while it reads', async () => {
  await using server = await start({ backlog: { messages: 2 } })
  await publish(server, 1, 1)
  await using first = await Reader.open(server, 's')
  await first.has(1)
  const last = first.received[0]!.id
  await first[Symbol.asyncDispose]()
  await publish(server, 2, 5)
  await using second = await Reader.open(server, 's', '?ack=manual', last)
  await second.has(3)
  const gaps = () => second.received.filter(({ event }) => event === 'gap').map(({ data }) => JSON.parse(data))
  deepEqual([second.numbers.toSorted(), gaps().map(({ count }) => count)], [[1, 2], [3]])
  match(gaps()[0].from, /^\d{4}-/)
  await publish(server, 6, 6)
  await until(() => gaps().some(({ count }) => count === 4), 'the gap has grown')
  equal(gaps().at(-1).from, gaps()[0].from)
})

test('a quiet stream has a heartbeat; a reader that stays away lets what it held go', async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1))
  await using server = await start({}, { open: { clock } })
  await publish(server, 1, 1)
  await using reader = await Reader.open(server, 's')
  await reader.has(1)
  await until(() => (clock.advance(1_000), reader.comments > 0), 'a heartbeat')
  await reader[Symbol.asyncDispose]()
  await until(async () => {
    clock.advance(5_000)
    return (await depth(server)).ready === 1
  }, 'it is ready again')
})

test('what is wrong is told, and the server ends its streams when it drains', async () => {
  await using server = await start()
  equal((await server.call('GET', '/v1/subscriptions/nobody/stream')).json.code, 'subscription-not-found')
  equal((await server.call('GET', '/v1/subscriptions/s/stream?ack=auto')).json.code, 'invalid')
  equal((await server.call('HEAD', '/v1/subscriptions/s/stream')).status, 200)
  await using reader = await Reader.open(server, 's')
  equal(reader.status, 200)
  await server.server.stop()
  await until(() => reader.ended, 'the end')
})

test('a browser shows a ticket in place of the key: once, within a minute, and on a stream only', async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1))
  await using server = await startServer({ key: 'a-key-of-some-length-1', open: { clock } })
  const headers = { authorization: 'Bearer a-key-of-some-length-1' }
  const issue = async () => (await server.call('POST', '/v1/tickets', { headers })).json
  await server.call('PUT', '/v1/subscriptions/s', { headers, body: { topic: 't' } })
  for (const n of [1, 2]) await server.call('POST', '/v1/topics/t/events?type=a', { headers, body: { n } })
  equal((await server.call('POST', '/v1/tickets')).status, 401)
  const { ticket, expiresAt } = await issue()
  equal(expiresAt, '2026-01-01T00:01:00.000Z')
  equal((await server.call('GET', `/v1/subscriptions/s?ticket=${ticket}`)).status, 401)
  await using reader = await Reader.open(server, 's', `?ticket=${ticket}`)
  await reader.has(2)
  await reader[Symbol.asyncDispose]()
  equal((await Reader.open(server, 's', `?ticket=${ticket}`)).status, 401, 'it was used')
  const next = (await issue()).ticket
  await using second = await Reader.open(server, 's', `?ticket=${next}&lastEventId=${reader.received[0]!.id}`)
  await second.has(1)
  deepEqual(second.numbers, [2])
  const late = (await issue()).ticket
  clock.advance(60_000)
  equal((await Reader.open(server, 's', `?ticket=${late}`)).status, 401, 'it is too old')
  equal((await Reader.open(server, 's', '?ticket=')).status, 401)
})
