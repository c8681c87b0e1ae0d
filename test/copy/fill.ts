// Brings about, through the contract alone, one of everything that an engine can keep, with times so long that nothing falls due meanwhile.

import { deepEqual, ok } from 'node:assert/strict'
import type { Change, Delivery, Engine } from '../../src/core/engine.ts'
import { DEFAULT_QUEUE, type QueueSettings, type Subscription } from '../../src/core/settings.ts'
import { createIds } from '../../src/core/id.ts'
import { systemClock } from '../../src/core/clock.ts'
import { fromJsonBytes, toJsonBytes } from '../../src/core/json.ts'
import type { Message } from '../../src/core/message.ts'

const HOUR_MS = 3_600_000
const ids = createIds(systemClock)

/** Where two engines differ: what only one of them shows. */
export function isSame(one: readonly string[], other: readonly string[]): void {
  const [here, there] = [new Set(one), new Set(other)]
  const only = [one.filter((each) => !there.has(each)).slice(0, 3), other.filter((each) => !here.has(each)).slice(0, 3)]
  deepEqual(only[1], only[0])
  const at = one.findIndex((each, index) => each !== other[index])
  deepEqual([one.slice(at, at + 3), one.length], [other.slice(at, at + 3), other.length], 'in the same order')
}

export const message = (over: Partial<Message> & { readonly type?: string } = {}): Message => {
  const { type = 'test.made', ...rest } = over
  const id = over.id ?? ids.uuid()
  return { id, event: { id, source: '/test', type }, body: toJsonBytes({ id }), priority: 4, ...rest }
}

const settings = (over: Partial<QueueSettings>): QueueSettings => ({ ...DEFAULT_QUEUE, ...over })
const keepAll = { ...DEFAULT_QUEUE.keep, acked: true }
const subscription = (name: string, over: Partial<Subscription> = {}): Subscription => ({
  topic: 'orders',
  name,
  types: [],
  filters: [],
  from: 'now',
  order: 'key',
  ...over,
})

/** @param size how many messages, records and events of the plain kind */
export async function fill(engine: Engine, size: number): Promise<void> {
  let leases = 0
  const commit = async (...changes: readonly Change[]): Promise<void> => {
    for (let at = 0; at < changes.length; at += 200) {
      const [result] = await engine.commit([{ changes: changes.slice(at, at + 200) }])
      ok(result?.status === 'committed', JSON.stringify(result))
    }
  }
  const lease = async (queue: string, max = 1): Promise<readonly Delivery[]> => {
    const wants = [{ queue, max }]
    const id = `fill-${leases++}`
    return (await engine.lease({ id, worker: 'fill', holder: 'client', leaseMs: HOUR_MS, wants })).deliveries
  }
  const send = (queue: string, over: Parameters<typeof message>[0] = {}): Change => ({
    do: 'send',
    queue,
    message: message(over),
  })
  const many = <T>(make: (at: number) => T): T[] => Array.from({ length: size }, (_, at) => make(at))

  await commit({ do: 'configure', queue: 'plain', settings: settings({ pick: { by: 'fifo' } }) })
  await commit({ do: 'configure', queue: 'plain', settings: settings({ pick: { by: 'priority', agingMs: 500 } }) })
  await commit({ do: 'configure', queue: 'kept', settings: settings({ keep: keepAll }) })
  await commit({ do: 'configure', queue: 'paused', settings: settings({ paused: true }) })
  await commit(
    ...many((at) => send('plain', { priority: at % 10, body: new Uint8Array(at % 3000).fill(at), report: 'reports' })),
  )
  await commit(send('never-configured', { group: 'tenant', cost: 2.5, notes: { version: '3' }, replyTo: 'plain' }))
  await commit(
    send('paused', { event: { id: 'e', source: '/é\u{1F600}', type: 'x', subject: 'zwölf', extension: true } }),
  )
  await commit(
    send('later', { delay: { afterMs: HOUR_MS } }),
    send('later', { delay: { at: systemClock.wallMs() + HOUR_MS } }),
    send('later', { expires: { afterMs: 2 * HOUR_MS } }),
    send('later', { expires: { at: systemClock.wallMs() + 2 * HOUR_MS }, deadline: systemClock.wallMs() + HOUR_MS }),
  )
  // Lines: a head that is leased, one that was retried and waits, one that is ready; behind them a redriven one at the tail.
  await commit(
    ...Array.from({ length: Math.max(size, 20) }, (_, at) => send('lines', { key: `k${at % 5}`, priority: at % 3 })),
  )
  const [head, second, third] = await lease('lines', 3)
  await commit({
    do: 'retry',
    token: second!.token,
    delay: { afterMs: HOUR_MS },
    error: { code: 'flaky', message: 'it failed\n\0 twice', stack: 'at x' },
  })
  await commit({ do: 'bury', token: third!.token, error: { code: 'broken', message: 'for good' } })
  await commit({ do: 'redrive', messages: [third!.stored] })
  await commit({ do: 'cancel', messages: [head!.stored] })
  // Ends of every kind.
  await commit(...Array.from({ length: 8 }, () => send('kept')))
  const ends = await lease('kept', 6)
  await commit({ do: 'ack', token: ends[0]!.token }, { do: 'drop', token: ends[1]!.token, reason: 'not wanted \\0' })
  for (const { token } of ends.slice(2, 4))
    await commit({ do: 'bury', token, error: { code: 'broken', message: 'it broke' } })
  // Ready again later than the others by more than a copy's times are rounded by.
  await new Promise((resolve) => setTimeout(resolve, 5))
  await commit({ do: 'release', token: ends[4]!.token, delay: { afterMs: 0 } })
  await commit({ do: 'discard', messages: [ends[3]!.stored] })
  // Records.
  for (let round = 0; round < 2; round++)
    await commit(
      ...many((at): Change => ({
        do: 'put',
        key: `mine/${at}`,
        value: toJsonBytes({ at, round }),
        aliases: [`alias/${at % 7}/${at}`, 'alias/all'],
      })),
    )
  await commit({ do: 'put', key: 'mine/passing', value: new Uint8Array(), expiresAt: systemClock.wallMs() + HOUR_MS })
  await commit({ do: 'remove', key: 'mine/0' })
  // Topics: live, behind, suspended with a gap, ended; one that keeps nothing.
  await commit({ do: 'retain', topic: 'orders', retention: { ms: null, count: 50_000 } })
  await commit(
    ...many((at): Change => ({
      do: 'publish',
      topic: 'orders',
      message: message({ type: `order.${at % 4}`, key: `o${at % 9}` }),
    })),
  )
  await commit({ do: 'bind', subscription: subscription('strict', { order: 'strict', types: ['order.1'] }) })
  await commit({
    do: 'bind',
    subscription: subscription('any', { order: 'none', filters: [{ prefix: { type: 'order' } }] }),
  })
  await commit({
    do: 'configure',
    queue: 'topic:orders:slow',
    settings: settings({ limit: { messages: 3, bytes: null }, overflow: 'suspend' }),
  })
  await commit({ do: 'bind', subscription: subscription('slow', { from: 'beginning' }) })
  await commit({
    do: 'configure',
    queue: 'topic:news:gap',
    settings: settings({ limit: { messages: 1, bytes: null }, overflow: 'suspend' }),
  })
  await commit({ do: 'bind', subscription: subscription('gap', { topic: 'news' }) })
  await commit(...many((): Change => ({ do: 'publish', topic: 'news', message: message() })))
  await commit(
    ...many((at): Change => ({
      do: 'publish',
      topic: 'orders',
      message: message({ type: `order.${at % 4}`, key: `o${at % 9}` }),
    })),
  )
  await commit({ do: 'bind', subscription: subscription('gone', {}) })
  await commit({ do: 'publish', topic: 'orders', message: message() })
  await lease('topic:orders:gone')
  await commit({ do: 'unbind', topic: 'orders', name: 'gone' })
  // What is remembered.
  await commit(send('plain', { dedupe: 'once \\ \0 \u{1F600}' }), send('later', { dedupe: 'once' }))
  await commit({ do: 'publish', topic: 'orders', message: message({ dedupe: 'once' }) })
  const id = 'commit é \\'
  const [first] = await engine.commit([
    { id, changes: [{ do: 'put', key: 'mine/remembered', value: new Uint8Array([1]) }] },
  ])
  const [again] = await engine.commit([{ id, changes: [] }])
  deepEqual([first?.status, again?.status], ['committed', 'committed'])
}

/** Everything that can be seen through the contract. */
export async function seen(engine: Engine): Promise<readonly string[]> {
  const queues = (await engine.depth('all'))
    .map((depth) => ({ ...depth, ended: null }))
    .sort((one, other) => (one.queue < other.queue ? -1 : 1))
  const messages: string[] = []
  for (const { queue } of queues) {
    for (const state of [
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
    ] as const)
      messages.push(...(await all((after) => engine.browse({ queue, state, after, limit: 100 }))).map(plain))
  }
  const records = (await all((after) => engine.list({ prefix: '', after, limit: 100 }))).map(plain)
  const events = (
    await all((after) =>
      engine.read({ topic: 'orders', from: after === null ? 'beginning' : { position: after }, limit: 100 }),
    )
  ).map(plain)
  return [...queues.map(plain), ...messages, ...records, ...events]
}

async function all<T>(
  page: (after: string | null) => Promise<{ readonly items: readonly T[]; readonly next: string | null }>,
): Promise<T[]> {
  const found: T[] = []
  let after: string | null = null
  do {
    const { items, next }: { readonly items: readonly T[]; readonly next: string | null } = await page(after)
    found.push(...items)
    after = next
  } while (after !== null)
  return found
}

/** As a line of text, in whole milliseconds, as copies are: what was is rounded down, what will be up. */
function plain(value: object): string {
  const isDelayed = 'state' in value && value.state === 'delayed'
  const seen =
    'key' in value && String(value.key).startsWith('subscription/')
      ? { ...value, value: fromJsonBytes((value as unknown as { readonly value: Uint8Array }).value) }
      : value
  return JSON.stringify(seen, (key, each: unknown) => {
    if (each instanceof Uint8Array) return Buffer.from(each).toString('hex')
    if (typeof each === 'object' && each !== null && !Array.isArray(each))
      return Object.fromEntries(Object.entries(each).sort(([first], [next]) => (first < next ? -1 : 1)))
    if (typeof each !== 'number') return each
    if (key === 'leaseUntil' || (key === 'readyAt' && isDelayed)) return Math.ceil(each)
    return ['sentAt', 'endedAt', 'at', 'from', 'to', 'readyAt', 'oldestReadyAt'].includes(key) ? Math.floor(each) : each
  })
}

/** What is handed out, in order, of every queue until nothing is left. */
export async function drain(engine: Engine): Promise<readonly string[]> {
  const names = (await engine.depth('all')).map(({ queue }) => queue).sort()
  const order: string[] = []
  for (const queue of names) {
    for (;;) {
      const request = {
        id: ids.uuid(),
        worker: 'drain',
        holder: 'client' as const,
        leaseMs: HOUR_MS,
        wants: [{ queue, max: 50 }],
      }
      const { deliveries } = await engine.lease(request)
      if (deliveries.length === 0) break
      order.push(...deliveries.map(({ stored }) => `${queue} ${stored.id} ${stored.acquired}`))
      const results = await engine.commit(deliveries.map(({ token }) => ({ changes: [{ do: 'ack' as const, token }] })))
      ok(results.every(({ status }) => status === 'committed'))
    }
  }
  return order
}
