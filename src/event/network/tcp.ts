/** TCP connections as events: those that others make to a port here, or one that is made and kept to another. */
import { connect, createServer, type Socket } from 'node:net'
import { parseDuration, type Duration } from '../../core/duration.ts'
import { invalidOption } from '../../core/option.ts'
import type { Schema } from '../../core/schema.ts'
import { brandSource, resolveSource, type Source, type SourceOptions } from '../contract.ts'
import { Hub, type Feed } from '../listen/hub.ts'
import {
  checkAccept,
  checkWhole,
  Conversation,
  resolveTalk,
  type CloseReason,
  type ConnectionEvents,
  type ConnectionOptions,
  type MessageOf,
  type ServerOptions,
  type TalkConfig,
  type WireOf,
} from './conversation.ts'
import { keepConnected } from './dial.ts'
import { FrameFault, Frames, type Framing } from './framing.ts'
import { listenAt, resolvePlace, withAddress, type ListeningSource, type Place } from './listen-place.ts'

export interface TcpFraming {
  /** Where a message ends. Default 'line'. */
  readonly framing?: Framing | undefined
  /** A connection on which nothing comes for so long is closed. Default 5 m. */
  readonly idle?: Duration | undefined
}

export interface TcpServerOptions<M extends Schema | undefined> extends ServerOptions<M>, TcpFraming {}

export interface TcpClientOptions<M extends Schema | undefined> extends ConnectionOptions<M>, TcpFraming {
  readonly host: string
  readonly port: number
}

const MOST_CONNECTIONS = 100_000
const CONNECTION_KNOWN = ['message', 'maxMessageBytes', 'framing', 'idle', 'port', 'host']

/**
 * `tcpServer('meters', { port: 9000, message: Reading })`: messages by line, or by length before each. Nobody is answered: a message is told when it has
 * come, and what was not told when the process ends is gone. Where listeners are behind, connections are read no further.
 * @throws PosthornError `invalid-name`, `invalid-option`, `invalid-duration`
 */
export function tcpServer<const N extends string, M extends Schema | undefined = undefined>(
  name: N,
  options: TcpServerOptions<M>,
): ListeningSource<N, ConnectionEvents<WireOf<M>>, ConnectionEvents<MessageOf<M>>> {
  const config = resolveTalk(
    resolveSource('tcpServer', name, options, [...CONNECTION_KNOWN, 'maxConnections', 'accept']),
    options,
  )
  const frame = resolveFraming(config.field, options)
  const place = resolvePlace(config.field, { port: options.port, host: options.host })
  const { accept, maxConnections = 1_000 } = options
  checkAccept(config.field, place, accept)
  checkWhole(config.field, 'maxConnections', maxConnections, MOST_CONNECTIONS)
  let address: Place | null = null
  const hub = new Hub(config, async (feed) => {
    const talks = new Set<Talk>()
    const server = createServer((socket) => {
      const talk = new Talk(feed, config, frame, socket)
      talks.add(talk)
      const { remoteAddress = '', remotePort = 0 } = socket
      const letIn = async (): Promise<boolean> =>
        accept === undefined || accept({ address: remoteAddress, port: remotePort, headers: {} })
      void talk.run(letIn).finally(() => talks.delete(talk))
    })
    server.maxConnections = maxConnections
    server.on('drop', () =>
      config.log.warn(`${config.field}: more than ${maxConnections} connections: one is turned away`),
    )
    address = await listenAt(server, place)
    server.on('error', (error) => config.log.error(`${config.field}: listening failed`, { error }))
    return async () => {
      address = null
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const talk of talks) talk.end('ended')
      await closed
    }
  })
  const definition = { name, hub, isAcknowledged: false, mount: null }
  return withAddress(brandSource(name, definition), () => address)
}

/**
 * `tcpClient('feed', { host: 'feed.example.com', port: 9000 })`: connects, and connects again when the connection ends, after 1 s to 1 m. Whom it
 * connects to is yours to say: nothing here keeps it from addresses of your own network.
 * @throws PosthornError `invalid-name`, `invalid-option`, `invalid-duration`
 */
export function tcpClient<const N extends string, M extends Schema | undefined = undefined>(
  name: N,
  options: TcpClientOptions<M>,
): Source<N, ConnectionEvents<WireOf<M>>, ConnectionEvents<MessageOf<M>>> {
  const config = resolveTalk(resolveSource('tcpClient', name, options, CONNECTION_KNOWN), options)
  const frame = resolveFraming(config.field, options)
  const { host, port } = options
  if (typeof host !== 'string' || host === '') throw invalidOption(config.field, 'host', host, 'a name or an address')
  checkWhole(config.field, 'port', port, 65_535)
  const hub = new Hub(config, (feed) =>
    keepConnected(config, (signal) => {
      const talk = new Talk(feed, config, frame, connect({ host, port }))
      signal.addEventListener('abort', () => talk.end('ended'), { once: true })
      return talk.run(async () => true)
    }),
  )
  return brandSource(name, { name, hub, isAcknowledged: false, mount: null })
}

interface FrameConfig {
  readonly framing: Framing
  readonly idleMs: number
}

function resolveFraming(field: string, { framing = 'line', idle = '5m' }: TcpFraming & SourceOptions): FrameConfig {
  if (framing !== 'line' && framing !== 'length') throw invalidOption(field, 'framing', framing, "'line' or 'length'")
  const idleMs = parseDuration(idle, `${field}: idle`)
  if (idleMs < 1) throw invalidOption(field, 'idle', idle, 'at least 1 ms')
  return { framing, idleMs }
}

/** One socket from its opening to its end. */
class Talk {
  readonly #conversation: Conversation
  readonly #frames: Frames
  readonly #socket: Socket
  #reason: CloseReason | null = null
  #isReading = false

  constructor(feed: Feed, config: TalkConfig, { framing, idleMs }: FrameConfig, socket: Socket) {
    this.#conversation = new Conversation(feed, config)
    this.#frames = new Frames(framing, config.maxMessageBytes)
    this.#socket = socket
    // It is not idle where listeners are behind, and it is not read.
    socket.setTimeout(idleMs, () => this.#isReading || this.end('idle'))
    socket.on('error', () => this.end('lost'))
  }

  /** Resolves when it has ended, with whether it was ever open. */
  async run(letIn: () => Promise<boolean>): Promise<boolean> {
    const socket = this.#socket
    if (socket.connecting) await settled(socket)
    if (socket.destroyed || !(await letIn().catch(() => false))) {
      socket.destroy()
      return false
    }
    await this.#conversation.opened(`${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`)
    try {
      for await (const chunk of socket) await this.#read(chunk as Buffer)
      this.end('ended')
    } catch {
      this.end('lost')
    }
    await this.#conversation.closed(this.#reason ?? 'lost')
    return true
  }

  end(reason: CloseReason): void {
    this.#reason ??= reason
    this.#socket.destroy()
  }

  async #read(chunk: Buffer): Promise<void> {
    this.#isReading = true
    try {
      for (const text of this.#frames.push(chunk)) {
        const fault = await this.#conversation.received(text)
        if (fault !== null) return this.end(fault)
        if (this.#reason !== null) return
      }
    } catch (error) {
      if (!(error instanceof FrameFault)) throw error
      this.end(error.reason)
    } finally {
      this.#isReading = false
    }
  }
}

function settled(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('connect', resolve)
    socket.once('close', () => resolve())
  })
}
