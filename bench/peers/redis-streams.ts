/**
 * Redis Streams as a queue: XADD, one consumer group, XREADGROUP on a connection that blocks, XACK for each message. Commands
 * of one turn share a pipeline (ioredis' automatic pipelining). Acked entries stay in the stream: deleting them would cost more.
 */
import { Redis } from 'ioredis'
import {
  handleAtOnce,
  type Contestant,
  type ContestantOptions,
  type Limits,
  type Work,
  type Working,
} from '../contestant.ts'
import { REDIS_DURABILITY, RedisServer, versionIn } from './redis-server.ts'

const GROUP = 'workers'
const FIELD = 'work'
const BLOCK_MS = 5000

type Entry = readonly [id: string, fields: readonly string[]]
/** What XREADGROUP answers; null when nothing came in time. */
type Read = readonly (readonly [stream: string, entries: readonly Entry[]])[] | null

export class RedisStreams implements Contestant {
  readonly name = 'redis-streams'
  readonly durability = REDIS_DURABILITY
  version = ''
  readonly #options: ContestantOptions
  readonly #stream = `bench-${process.pid}-${Date.now()}`
  #server: RedisServer | null = null
  #redis: Redis | null = null
  #reader: Redis | null = null

  constructor(options: ContestantOptions) {
    this.#options = options
  }

  async setUp(): Promise<void> {
    this.#server = this.#options.redisPort === null ? await RedisServer.start(this.#options.dir) : null
    const port = this.#options.redisPort ?? this.#server!.port
    this.#redis = new Redis({ host: '127.0.0.1', port, enableAutoPipelining: true })
    this.#reader = new Redis({ host: '127.0.0.1', port })
    this.version = versionIn(await this.#redis.info('server'))
    await this.#redis.xgroup('CREATE', this.#stream, GROUP, '$', 'MKSTREAM')
  }

  send(work: Work): Promise<unknown> {
    return this.#redis!.xadd(this.#stream, '*', FIELD, JSON.stringify(work))
  }

  async work(limits: Limits, started: (n: number) => void): Promise<Working> {
    const consumer = new StreamConsumer(this.#redis!, this.#reader!, this.#stream, limits, started)
    consumer.run().catch((error: Error) => console.error(`redis-streams: ${error.message}`))
    return { stop: () => consumer.stop() }
  }

  async tearDown(): Promise<void> {
    this.#reader?.disconnect()
    await this.#redis?.del(this.#stream)
    this.#redis?.disconnect()
    await this.#server?.stop()
  }
}

class StreamConsumer {
  readonly #redis: Redis
  readonly #reader: Redis
  readonly #stream: string
  readonly #limits: Limits
  readonly #started: (n: number) => void
  #running = 0
  #stopped = false
  #roomMade: (() => void) | null = null
  #idle: (() => void) | null = null

  constructor(redis: Redis, reader: Redis, stream: string, limits: Limits, started: (n: number) => void) {
    this.#redis = redis
    this.#reader = reader
    this.#stream = stream
    this.#limits = limits
    this.#started = started
  }

  async run(): Promise<void> {
    const { handlers, batch } = this.#limits
    while (!this.#stopped) {
      if (this.#running > Math.max(0, handlers - batch))
        await new Promise<void>((resolve) => (this.#roomMade = resolve))
      else for (const [id, fields] of await this.#read(Math.min(batch, handlers))) void this.#handle(id, fields[1]!)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    // A read that still blocks would take what comes next.
    this.#reader.disconnect()
  }

  async #read(count: number): Promise<readonly Entry[]> {
    try {
      const read = await this.#reader.xreadgroup(
        'GROUP',
        GROUP,
        'one',
        'COUNT',
        count,
        'BLOCK',
        BLOCK_MS,
        'STREAMS',
        this.#stream,
        '>',
      )
      return (read as Read)?.[0]?.[1] ?? []
    } catch (error) {
      if (this.#stopped) return []
      throw error
    }
  }

  async #handle(id: string, body: string): Promise<void> {
    if (this.#stopped) return
    this.#running++
    await handleAtOnce(JSON.parse(body) as Work, this.#started)
    await this.#redis.xack(this.#stream, GROUP, id)
    this.#running--
    if (this.#running <= Math.max(0, this.#limits.handlers - this.#limits.batch)) this.#roomMade?.()
    if (this.#running === 0) this.#idle?.()
  }
}
