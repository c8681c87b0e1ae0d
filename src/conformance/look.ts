/** Compares all that can be seen of an engine (queues, messages, records, retained events) with what the oracle holds. */
import { deepStrictEqual, ok } from 'node:assert/strict'
import type { Engine, Page } from '../core/engine.ts'
import { fromJsonBytes } from '../core/json.ts'
import { ENDED_STATES, WAITING_STATES, type State, type StoredMessage } from '../core/message.ts'
import type { StoredRecord } from '../core/record.ts'
import { settingsKey, subscriptionKey, subscriptionQueue, topicKey, type StoredSubscription } from '../core/settings.ts'
import { isPosthornError } from '../core/error.ts'
import type { Matching } from './matching.ts'
import type { Message, Model, State as ModelState } from './model.ts'

const STATES: readonly State[] = [...WAITING_STATES, 'leased', 'dead', ...ENDED_STATES]
/** Small, so that paging is always at work. */
const PAGE = 3
const MOST_TURNS = 10_000

export interface Sides {
  readonly engine: Engine
  readonly model: Model
  readonly matching: Matching
  /** Queues of which the engine may say what it likes of ended messages. */
  readonly unbound: ReadonlySet<string>
}

/** @param isFresh after a restart, where the engine may say of what was due meanwhile that it became ready earlier */
export async function compareAll(sides: Sides, topics: readonly string[], isFresh = false): Promise<void> {
  await compareMessages(sides, isFresh)
  await compareDepth(sides)
  await compareRecords(sides)
  for (const topic of topics) await compareRetained(sides, topic)
}

async function compareMessages({ engine, model, matching, unbound }: Sides, isFresh: boolean): Promise<void> {
  for (const name of queuesOf(model)) {
    for (const state of STATES.filter((each) => !unbound.has(name) || !ENDED_STATES.includes(each))) {
      const shown = await allPages((after) => engine.browse({ queue: name, state, after, limit: PAGE }))
      const expected = model.state.messages.filter((each) => each.queue === name && each.state === state && each.isKept)
      const ids = shown.map((stored) => matching.idOf(stored, model))
      deepStrictEqual([...ids].sort(), expected.map(({ id }) => id).sort(), `queue ${name} shows these as ${state}`)
      for (const [at, id] of ids.entries()) {
        const item = expected.find((each) => each.id === id)!
        if (isFresh && state === 'ready' && shown[at]!.readyAt! <= model.nowMs) item.readyAt = shown[at]!.readyAt
        deepStrictEqual(shape(shown[at]!, id), shape(item, id), `message ${id} of ${name}`)
      }
      const [found] = await engine.find(shown.slice(0, 1).map(({ queue, id }) => ({ queue, id })))
      deepStrictEqual(found, shown[0], `find and browse show the same`)
    }
  }
}

async function compareDepth({ engine, model, unbound }: Sides): Promise<void> {
  const depths = await engine.depth('all')
  const names = depths.map(({ queue }) => queue)
  const known = [...new Set([...queuesOf(model), ...unbound])]
  const expected = known.filter((name) => !model.isUnbound(name) || names.includes(name))
  deepStrictEqual([...names].sort(), expected.sort(), 'queues')
  for (const { bytes, ...depth } of depths) {
    const items = model.state.messages.filter(({ queue }) => queue === depth.queue)
    const count = (state: State) => items.filter((each) => each.state === state).length
    const ended = {
      acked: count('acked'),
      expired: count('expired'),
      cancelled: count('cancelled'),
      discarded: count('discarded'),
    }
    const sum = (counts: Readonly<Record<string, number>>) =>
      Object.values(counts).reduce((total, each) => total + each, 0)
    ok(sum(depth.ended) <= sum(ended), `${depth.queue} counts no message twice`)
    const readyAts = items.flatMap(({ state, readyAt }) => (state === 'ready' ? [readyAt!] : []))
    deepStrictEqual(depth, {
      queue: depth.queue,
      arrived: 0,
      ready: count('ready'),
      held: count('held'),
      delayed: count('delayed'),
      leased: count('leased'),
      dead: count('dead'),
      oldestReadyAt: readyAts.length === 0 ? null : Math.min(...readyAts),
      paused: model.settingsOf(depth.queue).paused,
      ended: unbound.has(depth.queue) ? depth.ended : ended,
    })
    const living = items.filter(({ state }) => WAITING_STATES.includes(state) || state === 'leased')
    const bodies = living.flatMap(({ id, message }) => (id.startsWith('made-') ? [] : [message.body.byteLength]))
    ok(bytes >= bodies.reduce((sum, each) => sum + each, 0), `${depth.queue} counts its bytes`)
    if (living.length === 0) deepStrictEqual(bytes, 0, `bytes of ${depth.queue}, in which nothing waits`)
  }
}

async function compareRecords({ engine, model, matching }: Sides): Promise<void> {
  const shown = await allPages((after) => engine.list({ prefix: '', after, limit: PAGE }))
  const texts = model.state.records.flatMap((record) =>
    [record.key, ...record.aliases].map((text) => ({ text, record })),
  )
  const expected = texts.sort((a, b) => (a.text < b.text ? -1 : 1))
  deepStrictEqual(
    shown.map(({ key }) => key),
    expected.map(({ record }) => record.key),
    'records, in the order of their keys and aliases',
  )
  for (const [at, record] of shown.entries()) compareRecord(record, expected[at]!.record, model, matching)
  const asked = expected.map(({ text }) => text)
  deepStrictEqual(
    asked.length === 0 ? [] : await engine.get(asked),
    shown,
    'get finds what list shows, by key and by alias',
  )
}

function compareRecord(
  shown: StoredRecord,
  expected: ModelState['records'][number],
  model: Model,
  matching: Matching,
): void {
  const { key } = expected
  deepStrictEqual(shown.expiresAt, expected.expiresAt, `record ${key} expires`)
  ok(matching.hasVersion(key, shown.version, expected.version), `record ${key} has the version of another put`)
  if (expected.value instanceof Uint8Array)
    return deepStrictEqual(Buffer.from(shown.value), Buffer.from(expected.value), `value of record ${key}`)
  const value = fromJsonBytes(shown.value)
  const bound = model.state.subscriptions.find(({ topic, name }) => subscriptionKey(topic, name) === key)
  if (!bound) return deepStrictEqual(value, expected.value, `value of record ${key}`)
  const { cursor: _, status, ...rest } = bound
  const { status: shownStatus, gaps: __, ...shownRest } = value as StoredSubscription
  deepStrictEqual(shownRest, rest, `record ${key}`)
  deepStrictEqual(shownStatus, status, `status in record ${key}`)
}

async function compareRetained({ engine, model }: Sides, topic: string): Promise<void> {
  const isKept = model.state.records.some(({ key, value }) => key === topicKey(topic) && value !== null)
  const events = model.state.events.filter((event) => event.topic === topic && event.isKept)
  try {
    const shown = await allPages((after) =>
      engine.read({ topic, from: after === null ? 'beginning' : { position: after }, limit: PAGE }),
    )
    deepStrictEqual(
      shown.map(({ message }) => message.id),
      isKept && events.map(({ message }) => message.id),
      `events kept of topic ${topic}`,
    )
  } catch (error) {
    if (!isPosthornError(error) || error.code !== 'unsupported') throw error
    ok(!isKept, `topic ${topic} keeps its events`)
  }
}

/** Queues are made by the first message, by their settings or by a subscription. */
function queuesOf({ state: { messages, records, subscriptions } }: Model): string[] {
  const configured = records.flatMap(({ key }) =>
    key.startsWith(settingsKey('')) ? [key.slice(settingsKey('').length)] : [],
  )
  const bound = subscriptions.map(({ topic, name }) => subscriptionQueue(topic, name))
  return [...new Set([...messages.map(({ queue }) => queue), ...configured, ...bound])]
}

/** What two sides must agree on in a message, whatever they call it. */
export function shape(stored: StoredMessage | Message, id: string): Record<string, unknown> {
  const { queue, state, sentAt, leaseUntil, endedAt, acquired, failed, released, cancelRequested, reason } = stored
  const told = { queue, state, sentAt, leaseUntil, endedAt, acquired, failed, released, cancelRequested, reason }
  const { id: _, event, body, ...attributes } = stored.message
  const isMade = id.startsWith('made-')
  return {
    ...told,
    id,
    readyAt: state === 'ready' ? stored.readyAt : null,
    failures: stored.failures.map(({ code, message, at, delayMs }) => ({ code, message, at, delayMs })),
    message: isMade ? null : Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined)),
    event: isMade ? event.type : { ...event },
    body: isMade ? null : Buffer.from(body).toString('hex'),
  }
}

/** Resolves when no message is `arrived` any more. */
export async function isPlaced(engine: Engine): Promise<void> {
  for (let turn = 0; (await engine.depth('all')).some(({ arrived }) => arrived > 0); turn++) {
    ok(turn < MOST_TURNS, 'what has arrived is placed at last')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Resolves when no subscription has events to take that may have to be fetched for it first. */
export async function isCaughtUp(engine: Engine): Promise<void> {
  for (let turn = 0; (await subscriptionsOf(engine)).some(({ status }) => status === 'catching-up'); turn++) {
    ok(turn < MOST_TURNS, 'who catches up has caught up at last')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function subscriptionsOf(engine: Engine): Promise<StoredSubscription[]> {
  const records = await allPages((after) =>
    engine.list({ prefix: subscriptionKey('', '').slice(0, -1), after, limit: PAGE }),
  )
  return records.map(({ value }) => fromJsonBytes(value) as StoredSubscription)
}

export async function allPages<T>(page: (after: string | null) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = []
  for (let after: string | null = null, more = true; more; more = after !== null) {
    const { items: some, next }: Page<T> = await page(after)
    items.push(...some)
    after = next
  }
  return items
}
