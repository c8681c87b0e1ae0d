/** What a case acts through: an engine on a storage of its own, the clock that it lives by, and the verbs of the contract. */
import { ok } from 'node:assert/strict'
import { ManualClock } from '../core/clock.ts'
import type {
  Change,
  ChangeResult,
  Commit,
  CommitResult,
  Delivery,
  Engine,
  JoinedTransaction,
  LeaseRequest,
  QueueDepth,
  RefusalCode,
  Token,
} from '../core/engine.ts'
import { createIds } from '../core/id.ts'
import { fromJsonBytes, toJsonBytes } from '../core/json.ts'
import {
  DEFAULT_PRIORITY,
  type Message,
  type Report,
  type State,
  type StoredMessage,
  type When,
} from '../core/message.ts'
import { DEFAULT_QUEUE, type QueueSettings, type Subscription } from '../core/settings.ts'
import { allPages, isPlaced } from './look.ts'
import { leave, withoutHints, type Leaving, type Storage, type UserTransaction } from './subject.ts'

export interface ContextOptions {
  readonly hints: 'deliver' | 'drop'
}

/** The attributes of a message that a case cares about. */
export type Attributes = Partial<Omit<Message, 'event' | 'body'>> & { readonly type?: string; readonly text?: string }

export class Context {
  readonly clock: ManualClock = new ManualClock()
  readonly #storage: Storage
  readonly #options: ContextOptions
  readonly #ids = createIds(this.clock)
  #opened: Engine[] = []
  #engine: Engine | null = null
  #leases = 0
  #faults = 0

  constructor(storage: Storage, options: ContextOptions) {
    this.#storage = storage
    this.#options = options
  }

  get engine(): Engine {
    ok(this.#engine, 'the engine is open')
    return this.#engine
  }

  async open(): Promise<Engine> {
    this.#engine = await this.second()
    return this.#engine
  }

  /** Another engine on the same storage, as another process has it. */
  async second(): Promise<Engine> {
    const engine = await this.#storage.open({ clock: this.clock })
    this.#opened.push(engine)
    return this.#options.hints === 'drop' ? withoutHints(engine) : engine
  }

  /** Leaves the engine in the given way, lets so much time pass while it is away, and opens it again. */
  async reopen(how: Leaving, awayMs = 0): Promise<void> {
    ok(await leave(this.#storage, this.engine, how, this.#faults++), `${how} is offered`)
    this.#opened = []
    this.clock.advance(awayMs)
    await this.open()
  }

  async end(): Promise<void> {
    for (const engine of this.#opened) await engine.close()
    await this.#storage.remove?.()
  }

  /** A transaction of the user's, joined. */
  async transaction(): Promise<Omit<UserTransaction, 'transaction'> & { readonly transaction: JoinedTransaction }> {
    const begun = await this.#storage.transaction!()
    return { ...begun, transaction: this.engine.join!(begun.transaction) }
  }

  /** Lets time pass, and what it made due be placed: an engine may make that durable before it hands it out. */
  async advance(ms: number): Promise<void> {
    this.clock.advance(ms)
    await isPlaced(this.engine)
  }

  /** Lets what is under way go on for a turn of the event loop. */
  turn(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve))
  }

  message({ type = 'kit.made', text = 'hello', ...attributes }: Attributes = {}): Message {
    const id = attributes.id ?? this.#ids.uuid()
    return {
      id,
      event: { id, source: '/kit', type },
      body: toJsonBytes(text),
      priority: DEFAULT_PRIORITY,
      ...attributes,
    }
  }

  /** Sends and expects it to be taken; the id. */
  async send(queue: string, attributes: Attributes = {}): Promise<string> {
    const [result] = await this.commit({ do: 'send', queue, message: this.message(attributes) })
    return (result as { readonly id: string }).id
  }

  async sendMany(queue: string, count: number, attributes: Attributes = {}): Promise<string[]> {
    return this.#commitMany(count, attributes, (message) => ({ do: 'send', queue, message }))
  }

  async publishMany(topic: string, count: number, attributes: Attributes = {}): Promise<string[]> {
    return this.#commitMany(count, attributes, (message) => ({ do: 'publish', topic, message }))
  }

  /** A commit for each, all in one call. */
  async #commitMany(count: number, attributes: Attributes, change: (message: Message) => Change): Promise<string[]> {
    const messages = Array.from({ length: count }, () => this.message(attributes))
    const commits = messages.map((message): Commit => ({ changes: [change(message)] }))
    for (const result of await this.engine.commit(commits)) ok(result.status === 'committed', 'the commit is taken')
    return messages.map(({ id }) => id)
  }

  async publish(
    topic: string,
    attributes: Attributes = {},
  ): Promise<{ readonly id: string; readonly routed: number; readonly duplicate: boolean }> {
    const [result] = await this.commit({ do: 'publish', topic, message: this.message(attributes) })
    return result as { id: string; routed: number; duplicate: boolean }
  }

  /** One commit that must be taken; the results of its changes. */
  async commit(...changes: readonly Change[]): Promise<readonly ChangeResult[]> {
    const result = await this.tryCommit({ changes })
    ok(result.status === 'committed', `the commit is taken, not ${JSON.stringify(result)}`)
    return result.results
  }

  async tryCommit(commit: Commit): Promise<CommitResult> {
    const [result] = await this.engine.commit([commit])
    ok(result, 'one result for one commit')
    return result
  }

  /** One commit that must be refused; why and for which change. */
  async refusal(...changes: readonly Change[]): Promise<{ readonly code: RefusalCode; readonly at: number }> {
    const result = await this.tryCommit({ changes })
    ok(result.status === 'refused', 'the commit is refused')
    ok(result.detail.length > 0, 'a refusal says why')
    return { code: result.code, at: result.at }
  }

  async lease(queue: string, max = 100, options: Partial<LeaseRequest> = {}): Promise<readonly Delivery[]> {
    const wants = [{ queue, max }]
    const request = { id: `kit-${++this.#leases}`, worker: 'kit', holder: 'client' as const, leaseMs: 30_000, wants }
    return (await this.engine.lease({ ...request, ...options })).deliveries
  }

  /** Leases exactly one. */
  async leaseOne(queue: string, options: Partial<LeaseRequest> = {}): Promise<Delivery> {
    const deliveries = await this.lease(queue, 1, options)
    ok(deliveries[0], `queue ${queue} has a message to hand out`)
    return deliveries[0]
  }

  async leasedIds(queue: string, max = 100, options: Partial<LeaseRequest> = {}): Promise<string[]> {
    return (await this.lease(queue, max, options)).map(({ stored }) => stored.id)
  }

  ack(token: Token): Promise<readonly ChangeResult[]> {
    return this.commit({ do: 'ack', token })
  }

  retry(token: Token, delay: When = { afterMs: 0 }, code = 'flaky'): Promise<readonly ChangeResult[]> {
    return this.commit({ do: 'retry', token, delay, error: { code, message: 'it failed' } })
  }

  release(token: Token, delay: When = { afterMs: 0 }): Promise<readonly ChangeResult[]> {
    return this.commit({ do: 'release', token, delay })
  }

  bury(token: Token, code = 'broken'): Promise<readonly ChangeResult[]> {
    return this.commit({ do: 'bury', token, error: { code, message: 'it broke' } })
  }

  configure(queue: string, settings: Partial<QueueSettings> = {}): Promise<readonly ChangeResult[]> {
    return this.commit({ do: 'configure', queue, settings: { ...DEFAULT_QUEUE, ...settings } })
  }

  bind(topic: string, name: string, options: Partial<Subscription> = {}): Promise<readonly ChangeResult[]> {
    const subscription: Subscription = { topic, name, types: [], filters: [], from: 'now', order: 'none', ...options }
    return this.commit({ do: 'bind', subscription })
  }

  async find(queue: string, id: string): Promise<StoredMessage | null> {
    const [stored] = await this.engine.find([{ queue, id }])
    return stored ?? null
  }

  async stateOf(queue: string, id: string): Promise<State | null> {
    return (await this.find(queue, id))?.state ?? null
  }

  browse(queue: string, state: State): Promise<StoredMessage[]> {
    return allPages((after) => this.engine.browse({ queue, state, after, limit: 100 }))
  }

  async depth(queue: string): Promise<QueueDepth> {
    const [depth] = await this.engine.depth([queue])
    ok(depth, `queue ${queue} is known`)
    return depth
  }

  /** Takes and acks what waits in a report queue. */
  async reports(queue: string): Promise<Report[]> {
    const deliveries = await this.lease(queue)
    for (const { token } of deliveries) await this.ack(token)
    return deliveries.map(({ stored }) => fromJsonBytes(stored.message.body) as Report)
  }
}
