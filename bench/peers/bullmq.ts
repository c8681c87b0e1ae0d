/** BullMQ as its documentation shows it: one queue, one worker with a concurrency, completed jobs removed at once. */
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import {
  handleAtOnce,
  type Contestant,
  type ContestantOptions,
  type Limits,
  type Work,
  type Working,
} from '../contestant.ts'
import { packageVersion } from '../package-version.ts'
import { REDIS_DURABILITY, RedisServer, versionIn } from './redis-server.ts'

export class BullMq implements Contestant {
  readonly name = 'bullmq'
  readonly durability = REDIS_DURABILITY
  version = ''
  readonly #options: ContestantOptions
  readonly #queueName = `bench-${process.pid}-${Date.now()}`
  #server: RedisServer | null = null
  #connection: { readonly host: string; readonly port: number } | null = null
  #queue: Queue<Work> | null = null
  #worker: Worker<Work> | null = null

  constructor(options: ContestantOptions) {
    this.#options = options
  }

  async setUp(): Promise<void> {
    this.#server = this.#options.redisPort === null ? await RedisServer.start(this.#options.dir) : null
    this.#connection = { host: '127.0.0.1', port: this.#options.redisPort ?? this.#server!.port }
    this.#queue = new Queue(this.#queueName, {
      connection: this.#connection,
      defaultJobOptions: { removeOnComplete: true },
    })
    await this.#queue.waitUntilReady()
    const redis = new Redis(this.#connection)
    this.version = `${packageVersion('bullmq')} on redis ${versionIn(await redis.info('server'))}`
    redis.disconnect()
  }

  send(work: Work): Promise<unknown> {
    return this.#queue!.add('work', work)
  }

  async sendMany(works: readonly Work[]): Promise<void> {
    await this.#queue!.addBulk(works.map((work) => ({ name: 'work', data: work })))
  }

  async work({ handlers }: Limits, started: (n: number) => void): Promise<Working> {
    const handler = ({ data }: { data: Work }) => handleAtOnce(data, started)
    const worker = new Worker<Work>(this.#queueName, handler, { connection: this.#connection!, concurrency: handlers })
    worker.on('error', (error) => console.error(`bullmq: ${error.message}`))
    this.#worker = worker
    await worker.waitUntilReady()
    return { stop: () => worker.pause() }
  }

  async tearDown(): Promise<void> {
    await this.#worker?.close()
    await this.#queue?.obliterate({ force: true })
    await this.#queue?.close()
    await this.#server?.stop()
  }
}
