/** One WebSocket from its opening to its end: read no further while listeners are behind, and pinged so that a dead one is noticed. */
import type { RawData, WebSocket } from 'ws'
import type { Feed } from '../listen/hub.ts'
import { Conversation, type CloseReason, type TalkConfig } from './conversation.ts'

const PING_MS = 30_000
/** How long the other side may take to say goodbye. */
const GOODBYE_MS = 2_000
/** Of RFC 6455: what the other side is told. */
const CODES: Readonly<Record<CloseReason, number>> = {
  'ended': 1001,
  'lost': 1001,
  'idle': 1001,
  'too-large': 1009,
  'invalid': 1007,
  'overloaded': 1013,
}

export class SocketTalk {
  readonly #conversation: Conversation
  readonly #config: TalkConfig
  readonly #socket: WebSocket
  /** Came and are not told yet: what had been read before the socket was paused. */
  readonly #waiting: string[] = []
  readonly #ended = Promise.withResolvers<void>()
  #reading: Promise<void> | null = null
  #reason: CloseReason | null = null
  #isAlive = true
  /** Nothing is told before it is told that it opened. */
  #isOpened = false
  #ping: Disposable | null = null

  constructor(feed: Feed, config: TalkConfig, socket: WebSocket) {
    this.#conversation = new Conversation(feed, config)
    this.#config = config
    this.#socket = socket
    socket.on('message', (message, isBinary) => this.#take(message, isBinary))
    socket.on('pong', () => (this.#isAlive = true))
    socket.on('error', (error) => (this.#reason ??= reasonOf(error)))
    socket.on('close', (code) => {
      this.#reason ??= code === 1006 ? 'lost' : 'ended'
      this.#ended.resolve()
    })
  }

  /** Resolves when it has ended, and what came is told. */
  async run(address: string): Promise<void> {
    await this.#conversation.opened(address)
    this.#isOpened = true
    this.#read()
    this.#beat()
    await this.#ended.promise
    this.#ping?.[Symbol.dispose]()
    await this.#reading
    await this.#conversation.closed(this.#reason ?? 'lost')
  }

  end(reason: CloseReason): void {
    this.#reason ??= reason
    this.#waiting.length = 0
    // Paused, it would never hear the other's goodbye.
    if (this.#socket.isPaused) this.#socket.resume()
    this.#socket.close(CODES[reason])
    this.#config.clock.timer(GOODBYE_MS, () => this.#socket.terminate())
  }

  #take(message: RawData, isBinary: boolean): void {
    if (this.#reason !== null) return
    if (isBinary) return this.end('invalid')
    this.#waiting.push(textOf(message))
    this.#read()
  }

  #read(): void {
    if (this.#waiting.length === 0) return
    this.#socket.pause()
    if (!this.#isOpened) return
    this.#reading ??= this.#tell()
  }

  async #tell(): Promise<void> {
    for (let text = this.#waiting.shift(); text !== undefined; text = this.#waiting.shift()) {
      const fault = await this.#conversation.received(text)
      if (fault !== null) this.end(fault)
    }
    this.#reading = null
    this.#socket.resume()
  }

  /** A connection whose other side has gone without a word looks like one on which nothing is said. */
  #beat(): void {
    this.#ping = this.#config.clock.timer(PING_MS, () => {
      // While it is not read no answer can be seen.
      if (!this.#isAlive && !this.#socket.isPaused) {
        this.#reason ??= 'idle'
        return this.#socket.terminate()
      }
      this.#isAlive = this.#socket.isPaused
      this.#socket.ping(() => {})
      this.#beat()
    })
  }
}

/** Text comes in one piece, unless it is asked for otherwise. */
const textOf = (message: RawData): string => (message as Buffer).toString('utf8')

function reasonOf(error: Error & { readonly code?: string }): CloseReason {
  if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return 'too-large'
  return error.code?.startsWith('WS_ERR') ? 'invalid' : 'lost'
}
