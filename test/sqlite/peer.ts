// One of several processes on one database: sends, takes, and settles with effects until its standard input ends. Says on stdout, before it goes
// on, what was confirmed, and what should never be seen.

import { writeSync } from 'node:fs'
import { systemClock } from '../../src/core/clock.ts'
import type { Commit, Delivery, Engine } from '../../src/core/engine.ts'
import { createIds } from '../../src/core/id.ts'
import { openSqliteEngine } from '../../src/engine/sqlite/engine.ts'

export const QUEUE = 'q'
export const KEYS = 5

/** A line of a peer. */
export type Said =
  | { readonly sent: string }
  | { readonly done: string }
  | { readonly refused: string; readonly id: string }
  | { readonly disorder: string }

const ids = createIds(systemClock)
const encoder = new TextEncoder()
const decoder = new TextDecoder()

const say = (said: Said): void => void writeSync(1, `${JSON.stringify(said)}\n`)

export async function sendOne(engine: Engine, number: number): Promise<string> {
  const id = ids.uuid()
  const message = {
    id,
    event: { id, source: '/peer', type: 'peer.sent' },
    body: encoder.encode('x'.repeat((number * 97) % 3_000)),
    priority: 4,
    key: `key-${number % KEYS}`,
  }
  const [result] = await engine.commit([{ id: `send ${id}`, changes: [{ do: 'send', queue: QUEUE, message }] }])
  if (result?.status !== 'committed') throw new Error(`refused: ${JSON.stringify(result)}`)
  return id
}

export async function take(engine: Engine, max: number): Promise<readonly Delivery[]> {
  const wants = [{ queue: QUEUE, max }]
  const request = { id: ids.uuid(), worker: 'peer', holder: 'process' as const, leaseMs: 60_000, wants }
  return (await engine.lease(request)).deliveries
}

/** Acks with two effects that would conflict if the message were handled twice, or its key twice at a time. */
export async function settle(engine: Engine, { token, stored }: Delivery): Promise<Said> {
  const { id, message, sentAt } = stored
  const last = `last/${message.key}`
  const [before] = await engine.get([last])
  const earlier = before === null || before === undefined ? 0 : Number(decoder.decode(before.value))
  if (earlier > sentAt) return { disorder: `${id} of ${message.key}: sent at ${sentAt}, after one of ${earlier}` }
  const commit: Commit = {
    id: `ack ${token}`,
    changes: [
      { do: 'put', key: `done/${id}`, value: encoder.encode(token), ifVersion: null },
      { do: 'put', key: last, value: encoder.encode(String(sentAt)), ifVersion: before?.version ?? null },
      { do: 'ack', token },
    ],
  }
  const [result] = await engine.commit([commit])
  return result?.status === 'committed' ? { done: id } : { refused: result?.code ?? 'nothing', id }
}

async function work(file: string): Promise<void> {
  const engine = await openSqliteEngine(file)
  const ending = new AbortController()
  process.stdin.on('end', () => ending.abort()).resume()
  for (let number = process.pid; !ending.signal.aborted; number++) {
    const sent = await Promise.all([0, 1, 2].map((step) => sendOne(engine, number * 3 + step)))
    for (const id of sent) say({ sent: id })
    const deliveries = await take(engine, 4)
    for (const said of await Promise.all(deliveries.map((delivery) => settle(engine, delivery)))) say(said)
  }
  await engine.close()
}

const [file] = process.argv.slice(2)
if (process.argv[1] === import.meta.filename && file !== undefined) await work(file)
