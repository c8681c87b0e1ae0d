/**
 * NATS JetStream: a work-queue stream on file, publishes that wait for their PubAck, a durable pull consumer and an ack for
 * each message. Acks are not confirmed one by one (`ackAck` would be a round trip each); a flush follows the last.
 */
import {
  AckPolicy,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type ConsumerMessages,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
} from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { handleAtOnce, Unavailable, type Contestant, type Limits, type Work, type Working } from '../contestant.ts'

const URL = process.env['POSTHORN_TEST_NATS'] ?? 'nats://127.0.0.1:4222'
const CONNECT_MS = 3000
const CONSUMER = 'workers'

export class Nats implements Contestant {
  readonly name = 'nats'
  readonly durability = 'written, synced every 2 min; acks unconfirmed'
  version = ''
  readonly #stream = `posthorn-bench-${process.pid}-${Date.now()}`
  #connection: NatsConnection | null = null
  #manager: JetStreamManager | null = null
  #client: JetStreamClient | null = null
  #messages: ConsumerMessages | null = null

  async setUp(): Promise<void> {
    const connection = await connect({ servers: URL, timeout: CONNECT_MS, reconnect: false }).catch((error: Error) =>
      Promise.reject(new Unavailable(`NATS is not running at ${URL}: ${error.message}`)),
    )
    this.#connection = connection
    this.version = connection.info?.version ?? 'of unknown version'
    const manager = await jetstreamManager(connection).catch((error: Error) =>
      Promise.reject(new Unavailable(`NATS at ${URL} has no JetStream: ${error.message}`)),
    )
    this.#manager = manager
    this.#client = jetstream(connection)
    await manager.streams.add({
      name: this.#stream,
      subjects: [this.#stream],
      retention: RetentionPolicy.Workqueue,
      storage: StorageType.File,
    })
    await manager.consumers.add(this.#stream, { durable_name: CONSUMER, ack_policy: AckPolicy.Explicit })
  }

  send(work: Work): Promise<unknown> {
    return this.#client!.publish(this.#stream, JSON.stringify(work))
  }

  async work({ handlers }: Limits, started: (n: number) => void): Promise<Working> {
    const consumer = await this.#client!.consumers.get(this.#stream, CONSUMER)
    let running = 0
    let idle: (() => void) | null = null
    const handle = async (message: JsMsg) => {
      running++
      await handleAtOnce(message.json<Work>(), started)
      message.ack()
      if (--running === 0) idle?.()
    }
    const messages = await consumer.consume({ max_messages: handlers, callback: (message) => void handle(message) })
    this.#messages = messages
    return {
      stop: async () => {
        messages.stop()
        if (running > 0) await new Promise<void>((resolve) => (idle = resolve))
        await this.#connection!.flush()
      },
    }
  }

  async tearDown(): Promise<void> {
    this.#messages?.stop()
    await this.#manager?.streams.delete(this.#stream)
    await this.#connection?.close()
  }
}
