// Looks at everything that an engine shows and compares it with what a history says must be there.

import { deepStrictEqual } from 'node:assert/strict'
import type { Engine } from '../../src/core/engine.ts'
import type { StoredMessage } from '../../src/core/message.ts'
import { MARK, QUEUES, SUBSCRIPTIONS, TOPIC, messageOf, type History, type Sent } from './history.ts'

const PAGE = 500
const STATE_SUM = ['arrived', 'ready', 'held', 'delayed', 'leased'] as const

/** @param isDurable what was confirmed must be there @throws Error naming the first thing that is not as it must be */
export async function look(engine: Engine, history: History, isDurable = true): Promise<void> {
  const records = await recordsOf(engine)
  const marks = [...records.keys()].filter((key) => key.startsWith(MARK))
  history.settle(new Set(marks.map((key) => Number(key.slice(MARK.length)))), isDurable)
  const expected = history.expected()
  sameContents('record', expected.records, records)
  await sameMessages(engine, [...expected.messages.values()])
  await sameDepths(engine, [...expected.messages.values()])
  deepStrictEqual(
    await eventsOf(engine),
    expected.events.map(({ id }) => id),
    'the retained events, in order',
  )
}

export async function recordsOf(engine: Engine): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  for (let after: string | null = null; ;) {
    const { items, next } = await engine.list({ prefix: '', after, limit: PAGE })
    for (const { key, value } of items) if (!/^(?:queue|topic|subscription)\//.test(key)) found.set(key, value)
    if (next === null) return found
    after = next
  }
}

async function eventsOf(engine: Engine): Promise<string[]> {
  const ids: string[] = []
  for (let from: Parameters<Engine['read']>[0]['from'] = 'beginning'; ;) {
    const { items, next } = await engine.read({ topic: TOPIC, from, limit: PAGE })
    for (const { message } of items) {
      sameMessage(message, { queue: TOPIC, id: message.id, bytes: 0 }, false)
      ids.push(message.id)
    }
    if (next === null) return ids
    from = { position: next }
  }
}

async function sameMessages(engine: Engine, expected: readonly (Sent & { readonly state: string })[]): Promise<void> {
  const found = await engine.find(expected.map(({ queue, id }) => ({ queue, id })))
  for (const [at, sent] of expected.entries()) {
    const stored = found[at] ?? null
    const state = stateOf(stored)
    if (state !== sent.state)
      throw new Error(`message ${sent.id} of ${sent.queue} is ${state}, it must be ${sent.state}`)
    if (stored !== null) sameMessage(stored.message, sent, true)
  }
}

/** One that ended is not kept. */
function stateOf(stored: StoredMessage | null): string {
  if (stored === null || stored.state === 'acked') return 'acked'
  return (STATE_SUM as readonly string[]).includes(stored.state) ? 'live' : stored.state
}

function sameMessage(message: StoredMessage['message'], sent: Sent, withBody: boolean): void {
  const must = messageOf(sent)
  if (withBody) deepStrictEqual(Buffer.from(message.body), Buffer.from(must.body), `body of ${sent.id}`)
  deepStrictEqual(message.event.id, must.event.id)
  deepStrictEqual([message.key, message.group, message.priority], [must.key, must.group, must.priority], sent.id)
}

async function sameDepths(engine: Engine, expected: readonly (Sent & { readonly state: string })[]): Promise<void> {
  const depths = await engine.depth('all')
  for (const queue of [...QUEUES, ...SUBSCRIPTIONS]) {
    const depth = depths.find((each) => each.queue === queue)
    const count = (state: string): number =>
      expected.filter((message) => message.queue === queue && message.state === state).length
    deepStrictEqual(
      {
        live: STATE_SUM.reduce((sum, state) => sum + (depth?.[state] ?? 0), 0),
        dead: depth?.dead ?? 0,
        ...depth?.ended,
      },
      { live: count('live'), dead: count('dead'), acked: count('acked'), expired: 0, cancelled: 0, discarded: 0 },
      `depth of ${queue}`,
    )
  }
}

function sameContents(
  what: string,
  expected: ReadonlyMap<string, Uint8Array>,
  found: ReadonlyMap<string, Uint8Array>,
): void {
  for (const [key, value] of expected) {
    const other = found.get(key)
    if (other === undefined) throw new Error(`${what} ${key} is gone`)
    if (Buffer.compare(value, other) !== 0)
      throw new Error(
        `${what} ${key} is ${new TextDecoder().decode(other).slice(0, 60)}, it must be ${new TextDecoder().decode(value).slice(0, 60)}`,
      )
  }
  for (const key of found.keys()) if (!expected.has(key)) throw new Error(`${what} ${key} is there, and must not be`)
}
