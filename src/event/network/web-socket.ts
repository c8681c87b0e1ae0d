/**
 * WebSocket connections as events: those that others make to a port here, or one that is made and kept to another. The protocol is the
 * package `ws`, which is loaded when such a source begins.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { Socket as Asking } from 'node:net'
import type { WebSocket } from 'ws'
import { invalidOption } from '../../core/option.ts'
import type { Schema } from '../../core/schema.ts'
import { brandSource, resolveSource, type Source } from '../contract.ts'
import { Hub } from '../listen/hub.ts'
import {
  checkAccept,
  checkWhole,
  resolveTalk,
  type ConnectionEvents,
  type ConnectionOptions,
  type MessageOf,
  type ServerOptions,
  type WireOf,
} from './conversation.ts'
import { keepConnected } from './dial.ts'
import { listenAt, resolvePlace, withAddress, type ListeningSource, type Place } from './listen-place.ts'
import { SocketTalk } from './socket-talk.ts'

export interface WebSocketServerOptions<M extends Schema | undefined> extends ServerOptions<M> {
  /** The only path that is served. Default '/'. */
  readonly path?: string | undefined
}

export interface WebSocketClientOptions<M extends Schema | undefined> extends ConnectionOptions<M> {
  /** `wss://…` or `ws://…`. */
  readonly url: string
  /** Of the request that opens it, such as Authorization. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly protocols?: readonly string[] | undefined
}

const MOST_CONNECTIONS = 100_000
const HANDSHAKE_MS = 10_000
const HTTP_LIMITS = { headersTimeout: HANDSHAKE_MS, maxHeaderSize: 65_536, connectionsCheckingInterval: 2_000 }

/**
 * `webSocketServer('chat', { port: 9001, message: Line })`: text messages of others. Without `accept` nobody is let in whose request a web page of
 * another origin made. A connection that does not answer a ping within 30 s is closed.
 * @throws PosthornError `invalid-name`, `invalid-option`
 */
export function webSocketServer<const N extends string, M extends Schema | undefined = undefined>(
  name: N,
  options: WebSocketServerOptions<M>,
): ListeningSource<N, ConnectionEvents<WireOf<M>>, ConnectionEvents<MessageOf<M>>> {
  const known = ['message', 'maxMessageBytes', 'port', 'host', 'maxConnections', 'accept', 'path']
  const config = resolveTalk(resolveSource('webSocketServer', name, options, known), options)
  const place = resolvePlace(config.field, { port: options.port, host: options.host })
  const { accept, maxConnections = 1_000, path = '/' } = options
  checkAccept(config.field, place, accept)
  checkWhole(config.field, 'maxConnections', maxConnections, MOST_CONNECTIONS)
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw invalidOption(config.field, 'path', path, "a path, like '/feed'")
  let address: Place | null = null
  const hub = new Hub(config, async (feed) => {
    const { WebSocketServer } = await import('ws')
    const talks = new Set<SocketTalk>()
    /** Of those who wait to be let in. */
    const asking = new Set<Asking>()
    const server = createServer(HTTP_LIMITS, (_request, response) =>
      response.writeHead(426, { upgrade: 'websocket' }).end(),
    )
    // A little more than are let in, so that those beyond are told.
    server.maxConnections = maxConnections + 100
    const sockets = new WebSocketServer({
      server,
      path,
      maxPayload: config.maxMessageBytes,
      perMessageDeflate: false,
      clientTracking: false,
      verifyClient: ({ req }, answer) => {
        if (talks.size + asking.size >= maxConnections) return answer(false, 503, 'too many connections')
        asking.add(req.socket)
        void letIn(req, accept)
          .catch(() => false)
          .finally(() => asking.delete(req.socket))
          .then((isIn) => answer(isIn, 403))
      },
    })
    sockets.on('connection', (socket, request) => {
      const talk = new SocketTalk(feed, config, socket)
      talks.add(talk)
      const { remoteAddress = '', remotePort = '' } = request.socket
      void talk.run(`${remoteAddress}:${remotePort}`).finally(() => talks.delete(talk))
    })
    sockets.on('error', (error) => config.log.error(`${config.field}: listening failed`, { error }))
    address = await listenAt(server, place)
    return async () => {
      address = null
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      sockets.close()
      for (const talk of talks) talk.end('ended')
      for (const socket of asking) socket.destroy()
      server.closeAllConnections()
      await closed
    }
  })
  const definition = { name, hub, isAcknowledged: false, mount: null }
  return withAddress(brandSource(name, definition), () => address)
}

/**
 * `webSocketClient('feed', { url: 'wss://feed.example.com' })`: connects, and connects again when the connection ends, after 1 s to 1 m. Whom it
 * connects to is yours to say: nothing here keeps it from addresses of your own network.
 * @throws PosthornError `invalid-name`, `invalid-option`
 */
export function webSocketClient<const N extends string, M extends Schema | undefined = undefined>(
  name: N,
  options: WebSocketClientOptions<M>,
): Source<N, ConnectionEvents<WireOf<M>>, ConnectionEvents<MessageOf<M>>> {
  const known = ['message', 'maxMessageBytes', 'url', 'headers', 'protocols']
  const config = resolveTalk(resolveSource('webSocketClient', name, options, known), options)
  const { url, headers = {}, protocols = [] } = options
  if (!URL.canParse(url) || !/^wss?:$/.test(new URL(url).protocol))
    throw invalidOption(config.field, 'url', url, "a URL like 'wss://feed.example.com'")
  const hub = new Hub(config, async (feed) => {
    const { WebSocket: Socket } = await import('ws')
    return keepConnected(config, async (signal) => {
      const socket = new Socket(url, [...protocols], {
        headers,
        maxPayload: config.maxMessageBytes,
        perMessageDeflate: false,
        handshakeTimeout: HANDSHAKE_MS,
        followRedirects: false,
      })
      const talk = new SocketTalk(feed, config, socket)
      signal.addEventListener('abort', () => talk.end('ended'), { once: true })
      if (!(await isOpen(socket))) return false
      await talk.run(new URL(url).host)
      return true
    })
  })
  return brandSource(name, { name, hub, isAcknowledged: false, mount: null })
}

/** Browsers let every page open a WebSocket to anywhere, and say which page it was. */
async function letIn(
  { headers, socket }: IncomingMessage,
  accept: ServerOptions<undefined>['accept'],
): Promise<boolean> {
  const { remoteAddress: address = '', remotePort: port = 0 } = socket
  if (accept !== undefined) return accept({ address, port, headers })
  const { origin, host } = headers
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)
}

function isOpen(socket: WebSocket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('open', () => resolve(true))
    socket.once('close', () => resolve(false))
  })
}
