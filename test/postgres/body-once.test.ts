// The body of an event is stored once, however many get it, and goes when nobody refers to it any more.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Change, Delivery, Engine } from '../../src/core/engine.ts'
import type { Message } from '../../src/core/message.ts'
import type { Subscription } from '../../src/core/settings.ts'
import { commit, message, onPostgres, type World } from './world.ts'

const bodyOf = (n: number, bytes: number): Uint8Array => new Uint8Array(bytes).fill(n + 1)

const namesOf = (count: number): readonly string[] => Array.from({ length: count }, (_, n) => `s${n}`)

async function bind(engine: Engine, names: readonly string[], other: Partial<Subscription> = {}): Promise<void> {
  const changes = names.map((name): Change => ({
    do: 'bind',
    subscription: { topic: 't', name, types: [], filters: [], from: 'now', order: 'none', ...other },
  }))
  equal((await commit(engine, ...changes)).status, 'committed')
}

async function publish(engine: Engine, count: number, bytes: number): Promise<readonly Message[]> {
  const messages = Array.from({ length: count }, (_, n) => ({ ...message(), body: bodyOf(n, bytes) }))
  const commits = messages.map((each) => ({ changes: [{ do: 'publish', topic: 't', message: each }] as const }))
  for (const { status } of await engine.commit(commits)) equal(status, 'committed')
  return messages
}

async function take(engine: Engine, name: string, max: number): Promise<readonly Delivery[]> {
  const wants = [{ queue: `topic:t:${name}`, max }]
  const request = { id: message().id, worker: 'w', holder: 'client' as const, leaseMs: 60_000, wants }
  return (await engine.lease(request)).deliveries
}

const ack = async (engine: Engine, deliveries: readonly Delivery[]): Promise<void> => {
  const result = await commit(engine, ...deliveries.map(({ token }): Change => ({ do: 'ack', token })))
  equal(result.status, 'committed')
}

/** How much is stored of bodies, over all tables. */
async function stored(world: World): Promise<{ readonly bodies: number; readonly bytes: number }> {
  const sum = (table: string): string => `(select coalesce(sum(length(body)), 0)::int from {schema}.${table})`
  const bytes = ['message', 'past', 'event', 'shared'].map(sum).join(' + ')
  const [row] = await world.ask(`select (select count(*)::int from {schema}.shared) as bodies, ${bytes} as bytes`)
  return row as unknown as { readonly bodies: number; readonly bytes: number }
}

/** Until so many bodies are left that are shared. */
async function isLeft(world: World, bodies: number): Promise<void> {
  for (let tries = 0; tries < 400 && (await stored(world)).bodies !== bodies; tries++) await sleep(10)
  equal((await stored(world)).bodies, bodies)
}

/** Looks at once again for what is to be forgotten. */
const forgetting = { pollMs: 5, forgetMs: 5 }

onPostgres('one body for a thousand deliveries of an event, gone with the last', async (world) => {
  const engine = await world.open(forgetting)
  const names = namesOf(1_000)
  for (let from = 0; from < names.length; from += 250) await bind(engine, names.slice(from, from + 250))
  const [{ id } = message()] = await publish(engine, 1, 10_000)
  deepEqual(await stored(world), { bodies: 1, bytes: 10_000 })
  const refs = names.map((name) => ({ queue: `topic:t:${name}`, id }))
  const found = await engine.find(refs)
  ok(found.every((each) => Buffer.from(each!.message.body).equals(bodyOf(0, 10_000))))
  const some = (from: number): Change => ({ do: 'cancel', messages: refs.slice(from, from + 333) })
  equal((await commit(engine, some(0), some(333), some(666))).status, 'committed')
  equal((await stored(world)).bytes, 10_000)
  const last = await take(engine, 's999', 1)
  deepEqual(last[0]!.stored.message.body, bodyOf(0, 10_000))
  await world.ask('delete from {schema}.past')
  await sleep(50)
  equal((await stored(world)).bodies, 1, 'one still has it')
  await ack(engine, last)
  await isLeft(world, 0)
})

onPostgres('whatever becomes of a delivery, it has its body', async (world) => {
  const engine = await world.open({ ...forgetting, limits: { forget: 7 } })
  const names = namesOf(5)
  await bind(engine, names)
  await publish(engine, 40, 3_000)
  deepEqual(await stored(world), { bodies: 40, bytes: 120_000 })
  for (const name of names) {
    const deliveries = await take(engine, name, 30)
    deepEqual(
      deliveries.map(({ stored: { message: each } }) => each.body),
      Array.from({ length: 30 }, (_, n) => bodyOf(n, 3_000)),
    )
    // Some go, some come back, one is dead and driven again.
    const [first, second, third, ...rest] = deliveries
    const error = { code: 'x', message: '' }
    equal(
      (
        await commit(
          engine,
          { do: 'bury', token: first!.token, error },
          { do: 'retry', token: second!.token, delay: { afterMs: 0 }, error },
          { do: 'release', token: third!.token, delay: { afterMs: 0 } },
          ...rest.map(({ token }): Change => ({ do: 'ack', token })),
        )
      ).status,
      'committed',
    )
    const queue = `topic:t:${name}`
    const dead = await engine.browse({ queue, state: 'dead', after: null, limit: 9 })
    deepEqual(
      dead.items.map(({ message: each }) => each.body),
      [bodyOf(0, 3_000)],
    )
    await commit(engine, { do: 'redrive', messages: [{ queue, id: first!.stored.id }] })
    const waiting = await engine.browse({ queue, state: 'ready', after: null, limit: 99 })
    equal(waiting.items.length, 13)
    ok(waiting.items.every(({ message: each }) => each.body.byteLength === 3_000))
    const left = await take(engine, name, 40)
    deepEqual(
      left.map(({ stored: { message: each } }) => each.body[0]!).sort((one, other) => one - other),
      [1, 2, 3, ...Array.from({ length: 10 }, (_, n) => n + 31)],
    )
    await ack(engine, left)
  }
  await isLeft(world, 0)
  deepEqual(await stored(world), { bodies: 0, bytes: 0 })
})

onPostgres('who catches up later has the body that its topic keeps', async (world) => {
  const engine = await world.open(forgetting)
  await commit(engine, { do: 'retain', topic: 't', retention: { ms: null, count: 10 } })
  const messages = await publish(engine, 10, 5_000)
  await bind(engine, namesOf(3), { from: 'beginning' })
  deepEqual(await stored(world), { bodies: 10, bytes: 50_000 })
  const { items } = await engine.read({ topic: 't', from: 'beginning', limit: 99 })
  deepEqual(
    items.map(({ message: each }) => each.body),
    messages.map(({ body }) => body),
  )
  await commit(engine, { do: 'retain', topic: 't', retention: null })
  for (const name of ['s0', 's1']) await ack(engine, await take(engine, name, 99))
  await sleep(50)
  equal((await stored(world)).bodies, 10, 'one has not handled them yet')
  const last = await take(engine, 's2', 99)
  deepEqual(
    last.map(({ stored: { message: each } }) => each.body),
    messages.map(({ body }) => body),
  )
  await ack(engine, last)
  await isLeft(world, 0)
})

onPostgres(
  'copies that are small together are left to those who get them, and one alone has its own',
  async (world) => {
    const engine = await world.open()
    await bind(engine, ['s0'])
    await publish(engine, 1, 100_000)
    equal((await stored(world)).bodies, 0)
    await bind(engine, ['s1', 's2'])
    await publish(engine, 1, 100)
    equal((await stored(world)).bodies, 0)
    await publish(engine, 1, 10_000)
    equal((await stored(world)).bodies, 1)
  },
)
