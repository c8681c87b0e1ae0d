/**
 * RabbitMQ: a durable queue, persistent messages with publisher confirms, and a consumer whose prefetch is the number of
 * handlers. A consumer's ack has no answer in AMQP 0-9-1; the run ends with a channel closed after all of them.
 */
import { Connection, type Consumer, type Publisher } from 'rabbitmq-client'
import { handleAtOnce, Unavailable, type Contestant, type Limits, type Work, type Working } from '../contestant.ts'
import { rabbitMqVersion } from './rabbitmq-version.ts'

const URL = process.env['POSTHORN_TEST_RABBITMQ'] ?? 'amqp://guest:guest@127.0.0.1:5672'
const CONNECT_MS = 3000

// Seen by tracing its system calls; later versions say in their documentation that a classic queue's confirm waits for no sync.
const CLASSIC_SYNCS = '3.10.'

export class RabbitMq implements Contestant {
  readonly name: string
  version = ''
  readonly #type: 'classic' | 'quorum'
  readonly #queue = `posthorn-bench-${process.pid}-${Date.now()}`
  readonly #declaration
  #connection: Connection | null = null
  #publisher: Publisher | null = null
  #consumer: Consumer | null = null

  constructor(type: 'classic' | 'quorum') {
    this.#type = type
    this.#declaration = { queue: this.#queue, durable: true, arguments: { 'x-queue-type': type } }
    this.name = `rabbitmq-${type}`
  }

  get durability(): string {
    const synced = this.#type === 'quorum' || this.version.startsWith(CLASSIC_SYNCS)
    return `${synced ? 'fsync before the confirm' : 'written, not synced, before the confirm'}; acks unconfirmed`
  }

  async setUp(): Promise<void> {
    const connection = new Connection({ url: URL, noDelay: true })
    let cause = 'no answer'
    connection.on('error', (error: Error) => (cause = error.message))
    await connection
      .onConnect(CONNECT_MS)
      .catch(() => Promise.reject(new Unavailable(`RabbitMQ is not running at ${withoutSecrets(URL)}: ${cause}`)))
    connection.on('error', (error: Error) => console.error(`${this.name}: ${error.message}`))
    this.#connection = connection
    await connection.queueDeclare(this.#declaration)
    this.#publisher = connection.createPublisher({ confirm: true })
    this.version = await rabbitMqVersion(URL)
  }

  send(work: Work): Promise<unknown> {
    return this.#publisher!.send({ routingKey: this.#queue, durable: true }, work)
  }

  async work({ handlers }: Limits, started: (n: number) => void): Promise<Working> {
    const handler = ({ body }: { body: Work }) => handleAtOnce(body, started)
    const consumer = this.#connection!.createConsumer(
      {
        queue: this.#queue,
        queueOptions: this.#declaration,
        qos: { prefetchCount: handlers },
        // As many as the server hands out at once. With a limit, what arrives while it stops is left to the server, and not handled and acked too late.
        concurrency: handlers,
      },
      handler,
    )
    this.#consumer = consumer
    await new Promise<void>((resolve, reject) => consumer.once('ready', resolve).once('error', reject))
    consumer.on('error', (error: Error) => console.error(`${this.name}: ${error.message}`))
    return { stop: () => consumer.close() }
  }

  async tearDown(): Promise<void> {
    if (this.#connection === null) return
    await this.#consumer?.close()
    await this.#publisher?.close()
    await this.#connection.queueDelete({ queue: this.#queue })
    await this.#connection.close()
  }
}

const withoutSecrets = (url: string): string => url.replace(/\/\/[^@/]*@/, '//')
