// Random work on an engine, the same for the same seed: everything that a commit can do, leases, and time. And all that can be seen of it.

import { ManualClock } from '../../src/core/clock.ts'
import type { Change, Engine, Token } from '../../src/core/engine.ts'
import { createIds, type Ids, type Random } from '../../src/core/id.ts'
import type { Message, State } from '../../src/core/message.ts'
import { DEFAULT_QUEUE } from '../../src/core/settings.ts'

const QUEUES = ['a', 'b', 'topic:t:s', 'topic:t:strict']
const STATES: readonly State[] = [
  'arrived',
  'ready',
  'held',
  'delayed',
  'leased',
  'dead',
  'acked',
  'expired',
  'cancelled',
  'discarded',
]

export class Workload {
  readonly clock = new ManualClock()
  readonly ids: Ids
  readonly #random: Random
  readonly #sent: string[] = []
  #tokens: Token[] = []
  #leases = 0

  readonly #holders: readonly ('process' | 'client')[]

  constructor(random: Random, holders: readonly ('process' | 'client')[] = ['process', 'client']) {
    this.#random = random
    this.#holders = holders
    this.ids = createIds(this.clock, (bytes) =>
      bytes.forEach((_, index) => (bytes[index] = Math.floor(random() * 256))),
    )
  }

  async prepare(engine: Engine): Promise<void> {
    await engine.commit([
      {
        changes: [
          {
            do: 'configure',
            queue: 'a',
            settings: {
              ...DEFAULT_QUEUE,
              pick: { by: 'priority', agingMs: 1000 },
              keep: { ...DEFAULT_QUEUE.keep, acked: true, endedCount: 5 },
              maxLapses: 1,
            },
          },
          { do: 'retain', topic: 't', retention: { ms: null, count: 20 } },
          {
            do: 'bind',
            subscription: { topic: 't', name: 's', types: ['x.*'], filters: [], from: 'now', order: 'key' },
          },
          {
            do: 'bind',
            subscription: { topic: 't', name: 'strict', types: [], filters: [], from: 'beginning', order: 'strict' },
          },
        ],
      },
    ])
  }

  async step(engine: Engine): Promise<void> {
    const random = this.#random
    if (random() < 0.15) return this.clock.advance(Math.floor(random() * 400))
    if (random() < 0.2) return this.#lease(engine)
    const commits = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
      ...(random() < 0.1 ? { id: `commit ${Math.floor(random() * 30)}` } : {}),
      changes: Array.from({ length: 1 + Math.floor(random() * 3) }, () => this.#change()),
    }))
    await engine.commit(commits)
  }

  async #lease(engine: Engine): Promise<void> {
    const wants = QUEUES.map((queue) => ({ queue, max: Math.floor(this.#random() * 3) }))
    const { deliveries } = await engine.lease({
      id: `lease ${this.#leases++}`,
      worker: 'w',
      holder: this.#holders[Math.floor(this.#random() * this.#holders.length)]!,
      leaseMs: 300,
      wants,
    })
    this.#tokens.push(...deliveries.map(({ token }) => token))
    if (this.#random() < 0.3) await engine.extend(this.#tokens.slice(-3), 500)
  }

  #change(): Change {
    const random = this.#random
    const pick = Math.floor(random() * 15)
    const key = `record/${Math.floor(random() * 12)}`
    const messages = [
      { queue: this.#queue(), id: this.#known() },
      { queue: 'a', id: this.#known() },
    ]
    if (pick < 4) return { do: 'send', queue: random() < 0.7 ? 'a' : 'b', message: this.#message() }
    if (pick < 6) return { do: 'publish', topic: 't', message: this.#message() }
    if (pick === 6)
      return {
        do: 'put',
        key,
        value: new Uint8Array(Math.floor(random() * 200)).fill(pick),
        ...(random() < 0.3 ? { aliases: [`alias/${key}`] } : {}),
      }
    if (pick === 7) return { do: 'remove', key }
    if (pick === 8) return { do: 'redrive', messages }
    if (pick === 9) return { do: random() < 0.5 ? 'cancel' : 'discard', messages }
    const token = this.#tokens.splice(Math.floor(random() * this.#tokens.length), 1)[0] ?? 'none'
    if (pick === 10)
      return {
        do: 'retry',
        token,
        delay: { afterMs: random() * 200 },
        error: { code: 'oops', message: 'it failed', stack: 'somewhere' },
      }
    if (pick === 11) return { do: 'bury', token, error: { code: 'bad', message: 'it is bad' } }
    if (pick === 12) return { do: 'release', token, delay: { afterMs: 0 } }
    if (pick === 13) return { do: 'drop', token, reason: 'not wanted' }
    return { do: 'ack', token }
  }

  #message(): Message {
    const random = this.#random
    const id = this.ids.uuid()
    this.#sent.push(id)
    return {
      id,
      event: { id, source: '/test', type: random() < 0.5 ? 'x.one' : 'y.two', subject: 'subject', extra: random() },
      body: new Uint8Array(Math.floor(random() * 300)).fill(65),
      priority: Math.floor(random() * 10),
      ...(random() < 0.4 ? { key: `key ${Math.floor(random() * 4)}` } : {}),
      ...(random() < 0.2 ? { delay: { afterMs: random() * 500 } } : {}),
      ...(random() < 0.2 ? { expires: { afterMs: random() * 800 } } : {}),
      ...(random() < 0.2 ? { dedupe: `once ${Math.floor(random() * 20)}` } : {}),
      ...(random() < 0.3 ? { report: 'b' } : {}),
    }
  }

  #queue(): string {
    return QUEUES[Math.floor(this.#random() * QUEUES.length)]!
  }

  #known(): string {
    return this.#sent[Math.floor(this.#random() * this.#sent.length)] ?? this.ids.uuid()
  }
}

/** Everything that can be seen through the contract. */
export async function seenOf(engine: Engine): Promise<unknown> {
  // Whatever arrived is seated when this is answered.
  await engine.depth([])
  const depth = await engine.depth('all')
  const messages: unknown[] = []
  for (const { queue } of depth) {
    for (const state of STATES)
      messages.push({ queue, state, items: (await engine.browse({ queue, state, after: null, limit: 1000 })).items })
  }
  const records = (await engine.list({ prefix: '', after: null, limit: 1000 })).items
  const events = (await engine.read({ topic: 't', from: 'beginning', limit: 1000 })).items
  return { depth, messages, records, events }
}
