import { deepEqual, equal, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import type { Dispatcher } from 'undici'
import { Connections } from './connection.ts'

describe('connections', () => {
  let server: Server
  let origin: string
  let sockets: Socket[]
  let answer: (response: ServerResponse) => void
  let connections: Connections

  beforeEach(async () => {
    sockets = []
    answer = (response) => response.writeHead(204).end()
    server = createServer((_, response) => answer(response))
    server.on('connection', (socket) => sockets.push(socket))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    connections = new Connections({})
  })

  afterEach(async () => {
    await connections.destroy()
    server.closeAllConnections()
    server.close()
  })

  /** The status, when the answer has ended; `ended` is called in that very moment. */
  const call = (ended: () => void = () => {}): Promise<number> =>
    new Promise((resolve, reject) => {
      let status = 0
      const handler: Dispatcher.DispatchHandler = {
        onResponseStart: (_, code) => void (status = code),
        onResponseEnd: () => {
          ended()
          resolve(status)
        },
        onResponseError: (_, error) => reject(error),
      }
      connections.dispatch({ origin, path: '/', method: 'POST', body: 'x' }, handler)
    })

  const turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  test('one is free for the next call two turns after its answer has ended', async () => {
    for (let calls = 0; calls < 4; calls++) {
      equal(await call(), 204)
      await turns(3)
    }
    equal(sockets.length, 1)
  })

  test('a receiver that closes behind its answer without saying so costs no call', async () => {
    const again: Promise<number>[] = []
    answer = (response) => {
      // Not by response.end(), behind which a server says what it does with the connection.
      response.socket!.end('HTTP/1.1 204 No Content\r\n\r\n')
    }
    for (let calls = 0; calls < 20; calls++) equal(await call(() => again.push(call())), 204)
    deepEqual(
      await Promise.all(again),
      Array.from({ length: 20 }, () => 204),
    )
  })

  test('as many calls as there are go out at once, and what they opened serves those after them', async () => {
    const held: ServerResponse[] = []
    const arrived = Promise.withResolvers<void>()
    answer = (response) => {
      if (held.push(response) === 5) arrived.resolve()
    }
    const calls = Array.from({ length: 5 }, () => call())
    await arrived.promise
    for (const response of held) response.writeHead(204).end()
    deepEqual(await Promise.all(calls), [204, 204, 204, 204, 204])
    answer = (response) => response.writeHead(200).end()
    deepEqual(
      await turns(3).then(() => Promise.all(Array.from({ length: 5 }, () => call()))),
      [200, 200, 200, 200, 200],
    )
    equal(sockets.length, 5)
  })

  test('one that breaks off fails its call alone and is not used again, nor is one that was closed while it was free', async () => {
    answer = (response) => response.destroy()
    await rejects(call())
    answer = (response) => response.writeHead(204).end()
    equal(await call(), 204)
    equal(sockets.length, 2)
    const closed = once(sockets[1]!, 'close')
    sockets[1]!.destroy()
    await closed
    equal(await call(), 204)
    equal(sockets.length, 3)
  })

  test('an answer that says that the connection closes costs the call after it nothing', async () => {
    answer = (response) => response.writeHead(204, { connection: 'close' }).end()
    const next: Promise<number>[] = []
    equal(await call(() => void next.push(call())), 204)
    deepEqual(await Promise.all(next), [204])
    equal(sockets.length, 2)
  })

  test('with their end what is under way fails, and nothing more is called', async () => {
    const arrived = Promise.withResolvers<void>()
    answer = () => arrived.resolve()
    const underWay = rejects(call())
    await arrived.promise
    await connections.destroy()
    await underWay
    await rejects(call(), { code: 'UND_ERR_DESTROYED' })
    equal(sockets.length, 1)
  })
})
