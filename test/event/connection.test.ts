// Connections as events: TCP by line and by length, WebSockets of others and to others; what is too much, wrong, or not let in.

import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { z } from 'zod'
import { ManualClock } from '../../src/core/clock.ts'
import { on, tcpClient, tcpServer, webSocketClient, webSocketServer } from '../../src/event/index.ts'
import { createTestLog, Gate, until } from './workbench.ts'

const { log } = createTestLog()

/** What connections tell, as short texts. */
function brief({ type, data }: { readonly type: string; readonly data: object }): string {
  const { message, reason } = data as { readonly message?: unknown; readonly reason?: string }
  return type === 'message.received' ? JSON.stringify(message) : (reason ?? 'opened')
}

async function tcp(options: object = {}) {
  const told: string[] = []
  const source = tcpServer('lines', { port: 0, log, ...options })
  const listening = await on(source, (event) => told.push(brief(event)))
  const dial = async (): Promise<Socket> => {
    const socket = connect(source.address!.port, source.address!.host)
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }
  return { told, source, dial, listening, [Symbol.asyncDispose]: () => listening.stop() }
}

test('lines of TCP connections are told in order, however they are cut; what has no end is no line', async () => {
  await using server = await tcp()
  equal(server.source.address!.host, '127.0.0.1')
  const socket = await server.dial()
  for (const piece of ['one\ntw', 'o\r\n', '\n', 'Eur', '€\n'.slice(0, 0)]) {
    socket.write(piece)
    await new Promise(setImmediate)
  }
  const euro = Buffer.from('€\nrest')
  socket.write(euro.subarray(0, 2))
  await new Promise(setImmediate)
  socket.end(euro.subarray(2))
  await until(() => server.told.includes('ended'), 'the end')
  deepEqual(server.told, ['opened', '"one"', '"two"', '""', '"Eur€"', 'ended'])
})

test('messages with their length before them, several in a piece and one in several', async () => {
  await using server = await tcp({ framing: 'length' })
  const socket = await server.dial()
  const framed = (text: string) => {
    const head = Buffer.alloc(4)
    head.writeUInt32BE(Buffer.byteLength(text))
    return Buffer.concat([head, Buffer.from(text)])
  }
  const all = Buffer.concat(['a\nb', '', '€'.repeat(1_000)].map(framed))
  for (let at = 0; at < all.length; at += 7) socket.write(all.subarray(at, at + 7))
  socket.end()
  await until(() => server.told.includes('ended'), 'the end')
  deepEqual(server.told, ['opened', '"a\\nb"', '""', `"${'€'.repeat(1_000)}"`, 'ended'])
})

test('with a schema a message is JSON, parsed; one that is none ends its connection, and no other', async () => {
  await using server = await tcp({ message: z.object({ n: z.coerce.number<string | number>() }) })
  const [good, bad, worse] = [await server.dial(), await server.dial(), await server.dial()]
  bad.write('{"n":"x"}\n')
  worse.write('{"n":\n')
  await until(() => server.told.filter((each) => each === 'invalid').length === 2, 'two are ended')
  good.end('{"n":"7"}\n')
  await until(() => server.told.includes('ended'), 'the end')
  ok(server.told.includes('{"n":7}'))
})

test('a message that is too large ends its connection before it is all read', async () => {
  for (const [framing, piece] of [
    ['line', 'x'.repeat(101)],
    ['line', `${'x'.repeat(101)}\n`],
    ['length', Buffer.from([0, 0, 0, 101])],
  ] as const) {
    await using server = await tcp({ maxMessageBytes: 100, framing })
    const socket = await server.dial()
    socket.write(piece)
    await until(() => server.told.includes('too-large'), 'it is ended')
    deepEqual(server.told, ['opened', 'too-large'])
  }
})

test('what is not UTF-8 ends its connection', async () => {
  await using server = await tcp()
  ;(await server.dial()).write(Buffer.from([0xc3, 0x28, 0x0a]))
  await until(() => server.told.includes('invalid'), 'it is ended')
})

test('while listeners are behind, connections are read no further: the sender is held up', async () => {
  const gate = new Gate()
  const source = tcpServer('lines', { port: 0, log })
  let handled = 0
  await using listening = await on(
    source,
    async () => {
      handled++
      await gate.pass()
    },
    { limit: 10 },
  )
  const socket = connect(source.address!.port)
  socket.on('error', () => {})
  const line = `${'x'.repeat(1_000)}\n`
  let written = 0
  // Until neither the kernel nor the source takes more.
  const write = (): void => {
    while (written < 100_000 && socket.write(line)) written++
  }
  socket.on('drain', write)
  write()
  let before = -1
  await until(async () => {
    const isStill = before === written && handled === 1 && listening.counts.waiting > 10
    before = written
    for (let n = 0; n < 50; n++) await new Promise(setImmediate)
    return isStill
  }, 'it stands still')
  ok(written < 100_000, `${written} lines were written`)
  equal(listening.counts.waiting, 11)
  gate.open()
  await until(() => handled > written / 2, 'it goes on')
  socket.destroy()
})

test('connections are limited in number, by silence, and by who is let in', async () => {
  const { log: kept, entries } = createTestLog()
  await using few = await tcp({ maxConnections: 1, log: kept })
  const first = await few.dial()
  const second = await few.dial()
  await once(second, 'close')
  match(entries[0]!.message, /more than 1 connections/)
  first.end()
  await until(() => few.told.includes('ended'), 'the first goes')

  await using quiet = await tcp({ idle: '20ms' })
  await quiet.dial()
  await until(() => quiet.told.includes('idle'), 'the silent one is ended')

  const asked: string[] = []
  await using closed = await tcp({ accept: ({ address }: { address: string }) => asked.push(address) > 1 })
  await once(await closed.dial(), 'close')
  const allowed = await closed.dial()
  allowed.end('hello\n')
  await until(() => closed.told.includes('ended'), 'the second is let in')
  deepEqual(closed.told, ['opened', '"hello"', 'ended'])
  throws(
    () => tcpServer('open', { port: 0, host: '0.0.0.0' }),
    /accept is undefined: it must be given where host is '0.0.0.0'/,
  )
})

test('a port that is taken is told by on(), and the source can begin again', async () => {
  await using one = await tcp()
  const { port } = one.source.address!
  await rejects(
    on(tcpServer('other', { port, log }), () => {}),
    { code: 'EADDRINUSE' },
  )
  await one.listening.stop()
  equal(one.source.address, null)
  await using again = await on(one.source, () => {})
  ok(again.counts.handled === 0 && one.source.address !== null)
})

test('a TCP client reads what the other says, and dials again when the connection ends', async () => {
  const clock = new ManualClock()
  let calls = 0
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end(`hello ${++calls}\n`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  const told: string[] = []
  await using _ = await on(tcpClient('feed', { host: '127.0.0.1', port, clock, log }), (event) =>
    told.push(brief(event)),
  )
  await until(() => told.includes('ended') && clock.nextTimerInMs() !== null, 'the first call')
  ok(clock.nextTimerInMs()! >= 750 && clock.nextTimerInMs()! <= 1_250)
  clock.advance(1_250)
  await until(() => told.includes('"hello 2"'), 'the second call')
  deepEqual(told.slice(0, 5), ['opened', '"hello 1"', 'ended', 'opened', '"hello 2"'])
  server.close()
})

async function webSockets(options: object = {}) {
  const told: string[] = []
  const source = webSocketServer('chat', { port: 0, log, ...options })
  const listening = await on(source, (event) => told.push(brief(event)))
  const url = `ws://127.0.0.1:${source.address!.port}/`
  const dial = async (path = '', more: object = {}): Promise<WebSocket> => {
    const socket = new WebSocket(url + path, more)
    await Promise.race([once(socket, 'open'), once(socket, 'error').then(([error]) => Promise.reject(error as Error))])
    return socket
  }
  return { told, url, source, dial, listening, [Symbol.asyncDispose]: () => listening.stop() }
}

test('text messages of WebSockets are told in order; Node’s own client is understood as well', async () => {
  await using server = await webSockets()
  const socket = await server.dial()
  for (let n = 0; n < 100; n++) socket.send(`m${n}`)
  socket.close()
  await until(() => server.told.includes('ended'), 'the end')
  deepEqual(server.told, ['opened', ...Array.from({ length: 100 }, (_, n) => `"m${n}"`), 'ended'])
  const own = new globalThis.WebSocket(server.url)
  own.addEventListener('open', () => own.send('from Node'), { once: true })
  await until(() => server.told.includes('"from Node"'), 'the message')
  own.close()
})

test('a web page of another origin is not let in, nor another path, nor one too many', async () => {
  await using server = await webSockets({ maxConnections: 1, path: '/feed' })
  await rejects(server.dial('feed', { origin: 'https://evil.example' }), /403/)
  await rejects(server.dial('other'), /400/)
  const { port } = server.source.address!
  const own = await server.dial('feed', { origin: `http://127.0.0.1:${port}` })
  await rejects(server.dial('feed'), /503/)
  own.close()
  const plain = await fetch(`http://127.0.0.1:${port}/feed`)
  equal(plain.status, 426)
  await using keyed = await webSockets({
    accept: ({ headers }: { headers: Record<string, string> }) => headers['authorization'] === 'Bearer k',
  })
  await rejects(keyed.dial(), /403/)
  ;(await keyed.dial('', { headers: { authorization: 'Bearer k' } })).close()
})

test('a source that ends does not wait for those who wait to be let in', async () => {
  const asked = Promise.withResolvers<void>()
  const server = await webSockets({
    accept: () => {
      asked.resolve()
      return new Promise<boolean>(() => {})
    },
  })
  const refused = rejects(server.dial())
  await asked.promise
  await server.listening.stop()
  await refused
})

test('what is too large, binary or no JSON ends its WebSocket with a code that says so', async () => {
  await using server = await webSockets({ maxMessageBytes: 10, message: z.object({ n: z.number() }) })
  for (const [message, code, reason] of [
    ['x'.repeat(11), 1009, 'too-large'],
    [Buffer.from('{"n":1}'), 1007, 'invalid'],
    ['{"n":', 1007, 'invalid'],
  ] as const) {
    const socket = await server.dial()
    socket.send(message)
    const [closed] = (await once(socket, 'close')) as [number]
    equal(closed, code)
    await until(() => server.told.at(-1) === reason, reason)
  }
})

test('while listeners are behind, a WebSocket is read no further', async () => {
  const gate = new Gate()
  const source = webSocketServer('chat', { port: 0, log })
  const seen: string[] = []
  await using listening = await on(
    source,
    async ({ type, data }) => {
      if ('message' in data) seen.push(data.message)
      if (type === 'message.received') await gate.pass()
    },
    { limit: 5 },
  )
  const socket = new WebSocket(`ws://127.0.0.1:${source.address!.port}`)
  await once(socket, 'open')
  const text = 'x'.repeat(10_000)
  for (let n = 0; n < 2_000; n++) socket.send(`${n} ${text}`)
  await until(() => seen.length === 1 && listening.counts.waiting === 6, 'it is full')
  for (let n = 0; n < 500; n++) await new Promise(setImmediate)
  ok(socket.bufferedAmount > 0, 'the sender still has what is not taken')
  equal(listening.counts.waiting, 6)
  gate.open()
  await until(() => seen.length === 2_000, 'all')
  deepEqual(
    seen.map((each) => Number(each.split(' ')[0])),
    Array.from({ length: 2_000 }, (_, n) => n),
  )
  socket.close()
})

test('a WebSocket client reads what the other says, with its headers, and dials again', async () => {
  const clock = new ManualClock()
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  const asked: unknown[] = []
  server.on('connection', (socket, request) => {
    asked.push(request.headers['authorization'])
    socket.send('{"n":1}')
    if (asked.length === 1) socket.close()
  })
  await once(server, 'listening')
  const { port } = server.address() as { readonly port: number }
  const told: string[] = []
  const feed = webSocketClient('feed', {
    url: `ws://127.0.0.1:${port}`,
    headers: { authorization: 'Bearer k' },
    message: z.object({ n: z.number() }),
    clock,
    log,
  })
  {
    await using _ = await on(feed, (event) => told.push(brief(event)))
    await until(() => told.includes('ended'), 'the first call')
    await until(() => {
      clock.advance(1_250)
      return asked.length === 2 && told.length === 5
    }, 'the second call')
  }
  deepEqual(told.slice(0, 5), ['opened', '{"n":1}', 'ended', 'opened', '{"n":1}'])
  deepEqual(asked, ['Bearer k', 'Bearer k'])
  server.close()
  throws(() => webSocketClient('feed', { url: 'https://a.example' }), /url is "https:\/\/a.example"/)
})
