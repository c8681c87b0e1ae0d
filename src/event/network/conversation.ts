/** One connection as events: opened, each message, closed. Whatever it came over, messages are told in order, one after the other has found room. */
import { isPosthornError, PosthornError } from '../../core/error.ts'
import { isSchema, type Schema, type SchemaInput, type SchemaOutput } from '../../core/schema.ts'
import { invalidOption } from '../../core/option.ts'
import { parseEvent, type Schemas } from '../business.ts'
import type { SourceConfig, SourceOptions } from '../contract.ts'
import type { Feed } from '../listen/hub.ts'
import { isLoopback, type ListenOptions, type Place } from './listen-place.ts'

/** Why a connection ended. */
export type CloseReason =
  /** The other side ended it. */
  | 'ended'
  /** It broke off. */
  | 'lost'
  /** Nothing came for too long. */
  | 'idle'
  /** A message was larger than is taken. */
  | 'too-large'
  /** A message was no text, no JSON, or not what its schema says. */
  | 'invalid'
  /** Listeners were too far behind. */
  | 'overloaded'

/** What connections tell. `message` is the text, or with a schema the JSON in it. */
export interface ConnectionEvents<Message> {
  readonly 'connection.opened': { readonly connection: string; readonly address: string }
  readonly 'message.received': { readonly connection: string; readonly message: Message }
  readonly 'connection.closed': { readonly connection: string; readonly reason: CloseReason; readonly messages: number }
}

export interface ConnectionOptions<M extends Schema | undefined> extends SourceOptions {
  /** Of the JSON that each message is. Default: messages are texts. One that does not match ends its connection. */
  readonly message?: M | undefined
  /** Of one message. Default 64 KiB. */
  readonly maxMessageBytes?: number | undefined
}

/** Who asks to be let in. */
export interface Caller {
  readonly address: string
  readonly port: number
  /** Of a WebSocket: the headers of its request, in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

export interface ServerOptions<M extends Schema | undefined> extends ConnectionOptions<M>, ListenOptions {
  /** At once. Those beyond are turned away. Default 1,000. */
  readonly maxConnections?: number | undefined
  /** Whom to let in. Must be given where it listens on another address than loopback: nothing else knows who may. */
  readonly accept?: ((caller: Caller) => boolean | Promise<boolean>) | undefined
}

/** What topics take of a message. */
export type WireOf<M> = M extends Schema ? SchemaInput<M> : string

/** What handlers get of it. */
export type MessageOf<M> = M extends Schema ? SchemaOutput<M> : string

export interface TalkConfig extends SourceConfig {
  readonly maxMessageBytes: number
  readonly schemas: Schemas | null
}

const DEFAULT_MESSAGE_BYTES = 65_536
const LARGEST_MESSAGE_BYTES = 16 * 1_048_576
const MESSAGE = 'message.received'

/** @throws PosthornError `invalid-option` */
export function resolveTalk(config: SourceConfig, options: ConnectionOptions<Schema | undefined>): TalkConfig {
  const { message, maxMessageBytes = DEFAULT_MESSAGE_BYTES } = options
  checkWhole(config.field, 'maxMessageBytes', maxMessageBytes, LARGEST_MESSAGE_BYTES)
  if (message !== undefined && !isSchema(message))
    throw invalidOption(config.field, 'message', message, 'a Standard Schema, like z.object({ id: z.string() })')
  return { ...config, maxMessageBytes, schemas: message === undefined ? null : new Map([[MESSAGE, message]]) }
}

/** @throws PosthornError `invalid-option` */
export function checkWhole(field: string, option: string, value: number, most: number): number {
  if (!Number.isSafeInteger(value) || value < 1 || value > most)
    throw invalidOption(field, option, value, `a whole number from 1 to ${most}`)
  return value
}

/** @throws PosthornError `invalid-option` */
export function checkAccept(field: string, { host }: Place, accept: unknown): void {
  if (accept !== undefined && typeof accept !== 'function')
    throw invalidOption(field, 'accept', accept, 'a function from who calls to whether he is let in')
  if (accept === undefined && !isLoopback(host))
    throw invalidOption(
      field,
      'accept',
      accept,
      `given where host is '${host}': on another address than loopback say who is let in`,
    )
}

export class Conversation {
  readonly id: string
  readonly #feed: Feed
  readonly #config: TalkConfig
  #messages = 0
  #isClosed = false

  constructor(feed: Feed, config: TalkConfig) {
    this.id = config.ids.uuid()
    this.#feed = feed
    this.#config = config
  }

  async opened(address: string): Promise<void> {
    await this.#tell('connection.opened', { connection: this.id, address })
  }

  /** Resolves when there is room for the next; otherwise with why the connection must end. */
  async received(text: string): Promise<CloseReason | null> {
    const { name, field, schemas, log } = this.#config
    try {
      const wire: unknown = schemas === null ? text : parseJson(text)
      const message = schemas === null ? text : await parseEvent(name, schemas, MESSAGE, wire)
      const connection = this.id
      const { admitted } = this.#feed.tell({
        type: MESSAGE,
        data: { connection, message },
        wire: { connection, message: wire },
      })
      this.#messages++
      await admitted
      return null
    } catch (error) {
      log.warn(`${field}: a message was not taken, so its connection ends`, { connection: this.id, error })
      const isInvalid = isPosthornError(error) && error.code === 'invalid-input'
      // One that there was no room for is counted where there was none.
      if (isInvalid) this.#feed.refuse()
      return isInvalid ? 'invalid' : 'overloaded'
    }
  }

  async closed(reason: CloseReason): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#tell('connection.closed', { connection: this.id, reason, messages: this.#messages })
  }

  async #tell(type: string, data: object): Promise<void> {
    await this.#feed.tell({ type, data }).admitted.catch(() => {})
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    throw new PosthornError('invalid-input', 'the message is not JSON', { cause })
  }
}
