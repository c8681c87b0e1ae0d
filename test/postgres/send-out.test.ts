// A send whose own process has free places for its queue hands out what it sends: without a lease, behind all that waits, and never for nobody.

import { deepEqual, equal } from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import type { Engine, LeaseResult } from '../../src/core/engine.ts'
import { loadPg, type Connection, type Driver } from '../../src/engine/postgres/connection/driver.ts'
import { withSettings } from '../../src/engine/postgres/connection/setting.ts'
import { DEFAULT_QUEUE } from '../../src/core/settings.ts'
import { commit, message, onPostgres, type World } from './world.ts'

let requests = 0

function lease(engine: Engine, max = 10, queue = 'a'): Promise<LeaseResult> {
  const wants = [{ queue, max }]
  return engine.lease({ id: `request ${requests++}`, worker: 'w', holder: 'process', leaseMs: 30_000, wants })
}

/** State, hand-outs and whether somebody holds it, in the order of arrival. */
async function stored(world: World): Promise<readonly unknown[]> {
  const rows = await world.ask('select state, acquired, lease is not null as held from {schema}.message order by seq')
  return rows.map(({ state, acquired, held }) => [state, acquired, held])
}

const messages = (count: number) =>
  Array.from({ length: count }, () => ({ do: 'send', queue: 'a', message: message() }) as const)

const READY = [0, 0, false]
const LEASED = [1, 1, true]
const isHeld = (row: unknown): boolean => String(row) === String(LEASED)
const idsOf = ({ deliveries }: LeaseResult): string[] => deliveries.map(({ stored: { id } }) => id)

/** An engine on which a worker waits for the queue `a` in vain. */
async function waiting(world: World, hint: () => void = () => {}): Promise<Engine> {
  const engine = await world.open()
  await commit(engine, { do: 'configure', queue: 'a', settings: DEFAULT_QUEUE })
  engine.watch({ queues: ['a'] }, hint)
  // The first learns of the queue.
  await lease(engine)
  await lease(engine)
  return engine
}

onPostgres('what is sent where a worker waits is handed out with it', async (world) => {
  const { promise: told, resolve: tell } = Promise.withResolvers<void>()
  const engine = await waiting(world, tell)
  const one = message({ report: 'reports' })
  const result = await commit(engine, { do: 'send', queue: 'a', message: one })
  equal(result.status, 'committed')
  deepEqual(await stored(world), [LEASED])
  await told
  const { deliveries } = await lease(engine)
  deepEqual(
    deliveries.map((each) => each.stored.message),
    [one],
  )
  const [delivery] = deliveries
  const [found] = await engine.find([{ queue: 'a', id: one.id }])
  const { leaseUntil, ...others } = found!
  deepEqual({ ...delivery!.stored, leaseUntil: null }, { ...others, message: one, leaseUntil: null })
  equal(leaseUntil! >= delivery!.leaseUntil, true, 'it lasts at least as long as was told')
  deepEqual(await engine.extend([delivery!.token], 60_000), ['kept'])
  equal((await commit(engine, { do: 'ack', token: delivery!.token })).status, 'committed')
  deepEqual(await stored(world), [])
  const { deliveries: none } = await lease(engine)
  deepEqual(none, [])
})

onPostgres('what waits is handed out before what is sent, and the higher priority first', async (world) => {
  const engine = await waiting(world)
  const other = await world.open({ isTelling: false })
  const older = [message(), message({ priority: 1 })]
  await commit(other, ...older.map((each) => ({ do: 'send', queue: 'a', message: each }) as const))
  const high = message({ priority: 9 })
  const low = message({ priority: 0 })
  await commit(engine, { do: 'send', queue: 'a', message: low }, { do: 'send', queue: 'a', message: high })
  deepEqual(await stored(world), [LEASED, LEASED, LEASED, LEASED])
  deepEqual(idsOf(await lease(engine)), [high.id, older[0]!.id, older[1]!.id, low.id])
})

onPostgres('places are promised once: what has none is ready for whoever asks', async (world) => {
  const engine = await waiting(world)
  await lease(engine, 3)
  await commit(engine, { do: 'send', queue: 'a', message: message() }, { do: 'send', queue: 'a', message: message() })
  await commit(engine, { do: 'send', queue: 'a', message: message() }, { do: 'send', queue: 'a', message: message() })
  deepEqual(await stored(world), [LEASED, LEASED, READY, READY])
  await commit(engine, { do: 'send', queue: 'a', message: message() })
  // One place was left, and what waited has it.
  deepEqual(await stored(world), [LEASED, LEASED, LEASED, READY, READY])
  const first = await lease(engine, 3)
  const second = await lease(engine, 3)
  equal(first.deliveries.length, 3)
  equal(second.deliveries.length, 2)
  equal(new Set([...idsOf(first), ...idsOf(second)]).size, 5)
})

onPostgres('what nobody fetches is ready again, as if it had not been handed out, and is told of', async (world) => {
  let hints = 0
  const { promise: twice, resolve } = Promise.withResolvers<void>()
  const engine = await waiting(world, () => {
    if (++hints === 2) resolve()
  })
  const other = await world.open()
  const one = message()
  await commit(engine, { do: 'send', queue: 'a', message: one })
  deepEqual(await stored(world), [LEASED])
  await twice
  deepEqual(await stored(world), [READY])
  // Nobody has a place any more.
  await commit(engine, { do: 'send', queue: 'a', message: message() })
  deepEqual(await stored(world), [READY, READY])
  const { deliveries } = await lease(other)
  deepEqual([deliveries.length, deliveries[0]!.stored.id, deliveries[0]!.stored.acquired], [2, one.id, 1])
})

onPostgres('what a busy process has given back is seen by it at once, however old it is', async (world) => {
  let told = Promise.withResolvers<void>()
  const engine = await waiting(world, () => told.resolve())
  await lease(engine, 200)
  const other = await world.open({ isTelling: false })
  await commit(other, ...messages(110))
  await world.ask('update {schema}.message set place = place - 10000')
  // So many are handed out that it is looked from where on anything is ready.
  await commit(engine, ...messages(50))
  // Whoever is told of it sees it.
  do {
    await told.promise
    told = Promise.withResolvers<void>()
  } while ((await stored(world)).some(isHeld))
  equal((await lease(engine, 200)).deliveries.length, 160)
})

onPostgres('what is cancelled before anybody fetches it is ended, and waits for no lease to lapse', async (world) => {
  const engine = await waiting(world)
  const other = await world.open({ pollMs: 20 })
  const one = message()
  await commit(engine, { do: 'send', queue: 'a', message: one })
  await commit(other, { do: 'cancel', messages: [{ queue: 'a', id: one.id }] })
  const withinMs = performance.now() + 10_000
  while ((await world.ask('select 1 from {schema}.message')).length > 0 && performance.now() < withinMs);
  deepEqual(await stored(world), [])
})

onPostgres('who closes gives back what it handed out to nobody', async (world) => {
  const engine = await waiting(world)
  await commit(engine, { do: 'send', queue: 'a', message: message() })
  deepEqual(await stored(world), [LEASED])
  await engine.close()
  deepEqual(await stored(world), [READY])
})

onPostgres(
  'nothing is handed out where nobody is told of it, of a queue that is paused, nor before what is due',
  async (world) => {
    const engine = await waiting(world)
    const silent = await world.open()
    await lease(silent)
    await lease(silent)
    await commit(silent, { do: 'send', queue: 'a', message: message() })
    deepEqual(await stored(world), [READY])
    await commit(silent, { do: 'configure', queue: 'a', settings: { ...DEFAULT_QUEUE, paused: true } })
    equal((await lease(engine)).deliveries.length, 0)
    await commit(engine, { do: 'send', queue: 'a', message: message() })
    deepEqual(await stored(world), [READY, READY])
  },
)

/** A driver whose sends wait until they are let go, and what the server refuses. */
async function holdingBack(world: World) {
  const refused: unknown[] = []
  let going = Promise.resolve()
  const plain = withSettings(await loadPg(world.url))
  const driver: Driver = {
    connect: async () => {
      const connection = await plain.connect()
      const query: Connection['query'] = async (statement, values) => {
        if (statement.name?.startsWith('posthorn send') === true) await going
        try {
          return await connection.query(statement, values)
        } catch (error) {
          refused.push((error as { readonly code: unknown }).code)
          throw error
        }
      }
      return { ...connection, query }
    },
  }
  const hold = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    going = promise
    return resolve
  }
  return { driver, refused, hold }
}

/** Four sends of which the last two are one fold, and between these the queue was looked at anew; `release` lets them go. */
async function sendBeforeAndAfter(engine: Engine, release: () => void | Promise<void>): Promise<void> {
  const sent: Promise<unknown>[] = []
  const send = async (): Promise<void> => {
    sent.push(engine.commit([{ changes: messages(1) }]))
    await setImmediate()
  }
  // Two are on their way, and the third waits.
  for (let n = 0; n < 3; n++) await send()
  // Of `b` nothing is known, so both are read from the database.
  await engine.lease({
    id: 'both',
    worker: 'w',
    holder: 'client',
    leaseMs: 1_000,
    wants: ['a', 'b'].map((queue) => ({ queue, max: 1 })),
  })
  await send()
  await release()
  await Promise.all(sent)
}

onPostgres('sends that were read before and after their queue was looked at anew are one fold', async (world) => {
  const { driver, refused, hold } = await holdingBack(world)
  const engine = await waiting({ ...world, open: () => world.open({ driver }) })
  // Room for more than one send asks for.
  await lease(engine, 1_000)
  await sendBeforeAndAfter(engine, hold())
  deepEqual(refused, [])
  equal((await stored(world)).length, 4)
})

onPostgres('what waits is handed out once, also where its queue was looked at anew meanwhile', async (world) => {
  const { driver, hold } = await holdingBack(world)
  const engine = await waiting({ ...world, open: () => world.open({ driver }) })
  const other = await world.open({ isTelling: false })
  await lease(engine, 1_000)
  const release = hold()
  await sendBeforeAndAfter(engine, async () => {
    // More than the first two have places for, and so much that the last two have none for themselves.
    await commit(other, ...messages(192))
    release()
  })
  const ids: string[] = []
  while (new Set(ids).size < 196) ids.push(...idsOf(await lease(engine, 1_000)))
  equal(ids.length, 196)
})
