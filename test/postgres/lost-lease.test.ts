// The answer to a lease is lost: what it handed out is not left to lapse, but given to whoever asks again.

import { deepEqual, equal, rejects } from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { ManualClock } from '../../src/core/clock.ts'
import { loadPg, type Driver } from '../../src/engine/postgres/connection/driver.ts'
import { isPosthornError } from '../../src/core/error.ts'
import { commit, message, onPostgres, type World } from './world.ts'

/** Loses the answers to so many leases, or to the commits of their transactions, after the server has done them. */
async function losing(world: World, times: { left: number }): Promise<Driver> {
  const pg = await loadPg(world.url)
  return {
    async connect() {
      const connection = await pg.connect()
      let isLease = false
      let isOpen = false
      return {
        ...connection,
        query: async (statement, values) => {
          const { text } = statement
          if (text.startsWith('begin')) isOpen = true
          if (text === 'commit' || text === 'rollback') isOpen = false
          isLease ||= text.includes('Hands out') || text.includes('was handed out under that number')
          const isEnd = text === 'commit' || (text.includes('Hands out') && !isOpen)
          const isLost = isLease && isEnd && times.left > 0
          const answer = await connection.query(statement, values)
          if (!isLost) return answer
          times.left--
          await connection.end(true)
          throw new Error('the answer is lost')
        },
      }
    },
  }
}

const REQUEST = { id: 'x', worker: 'w', holder: 'client', leaseMs: 3_600_000, wants: [{ queue: 'a', max: 2 }] } as const

onPostgres('counted: a lease whose answer was lost is answered when the connection is back', async (world) => {
  const times = { left: 1 }
  const engine = await world.open({ driver: await losing(world, times), connections: 1 })
  for (let n = 0; n < 5; n++) await commit(engine, { do: 'send', queue: 'a', message: message() })
  const { deliveries } = await engine.lease(REQUEST)
  equal(times.left, 0)
  deepEqual(
    deliveries.map(({ stored }) => stored.acquired),
    [1, 1],
  )
  equal((await engine.depth(['a']))[0]!.leased, 2)
})

onPostgres('counted: a request that failed and is repeated gets what it was given', async (world) => {
  const times = { left: 2 }
  const engine = await world.open({ driver: await losing(world, times), connections: 1, outageMs: 0 })
  for (let n = 0; n < 5; n++) await commit(engine, { do: 'send', queue: 'a', message: message() })
  await rejects(engine.lease(REQUEST), (error) => isPosthornError(error) && error.code === 'unknown')
  const { deliveries } = await engine.lease(REQUEST)
  equal(deliveries.length, 2)
  equal((await engine.depth(['a']))[0]!.leased, 2)
  for (const { token } of deliveries) equal((await commit(engine, { do: 'ack', token })).status, 'committed')
})

onPostgres('counted: what is handed out after it was looked for, and nobody was told of, goes back', async (world) => {
  const pg = await loadPg(world.url)
  /** The server is at work on it yet when its connection is lost, and done after all. */
  let finish: (() => Promise<number>) | null = null
  let isCutting = false
  const driver: Driver = {
    connect: async () => {
      const connection = await pg.connect()
      return {
        ...connection,
        query: async (statement, values) => {
          if (!isCutting || !statement.text.startsWith('-- Hands out the first of each queue in one'))
            return connection.query(statement, values)
          isCutting = false
          finish = async () => {
            const other = await pg.connect()
            const { rows } = await other.query({ ...statement, name: null }, values)
            await other.end()
            // The first row is none.
            return rows.length - 1
          }
          await connection.end(true)
          throw new Error('the answer is lost')
        },
      }
    },
  }
  const engine = await world.open({ driver })
  for (let n = 0; n < 4; n++) await commit(engine, { do: 'send', queue: 'a', message: message() })
  // It learns of the queue.
  await engine.lease({ ...REQUEST, wants: [{ queue: 'a', max: 0 }] })
  isCutting = true
  const { deliveries } = await engine.lease({ ...REQUEST, id: 'cut' })
  equal(deliveries.length, 2)
  equal(await finish!(), 2)
  while ((await engine.depth(['a']))[0]!.leased > 2) await setTimeout(20)
  const others = await engine.lease({ ...REQUEST, id: 'others' })
  deepEqual(
    others.deliveries.map(({ stored }) => stored.acquired),
    [1, 1],
  )
  for (const { token } of [...deliveries, ...others.deliveries])
    equal((await commit(engine, { do: 'ack', token })).status, 'committed')
})

onPostgres(
  'counted: what was lost, and is found when it is looked for again, stays with whoever was given it',
  async (world) => {
    const pg = await loadPg(world.url)
    let finish: (() => Promise<unknown>) | null = null
    let stage: 'whole' | 'cut' | 'looked for' | 'done' = 'whole'
    const driver: Driver = {
      connect: async () => {
        const connection = await pg.connect()
        return {
          ...connection,
          query: async (statement, values) => {
            const { text } = statement
            if (stage === 'cut' && text.startsWith('-- Hands out the first of each queue in one')) {
              stage = 'looked for'
              finish = async () => {
                const other = await pg.connect()
                await other.query({ ...statement, name: null }, values)
                await other.end()
              }
            } else if (stage === 'looked for' && statement.name === 'posthorn draw') {
              stage = 'done'
              // Now it is there, and who looks for it is cut off as well.
              await finish!()
            } else return connection.query(statement, values)
            await connection.end(true)
            throw new Error('the answer is lost')
          },
        }
      },
    }
    const engine = await world.open({ driver })
    for (let n = 0; n < 2; n++) await commit(engine, { do: 'send', queue: 'a', message: message() })
    await engine.lease({ ...REQUEST, wants: [{ queue: 'a', max: 0 }] })
    stage = 'cut'
    const { deliveries } = await engine.lease({ ...REQUEST, id: 'cut' })
    equal(deliveries.length, 2)
    // Longer than what nobody was told of stands.
    await setTimeout(800)
    for (const { token } of deliveries) equal((await commit(engine, { do: 'ack', token })).status, 'committed')
  },
)

onPostgres(
  'a lease that the server refuses, or cannot do just now, was not done: nobody looks whether it was',
  async (world) => {
    const pg = await loadPg(world.url)
    const said: (string | null)[] = []
    let code: string | null = null
    const driver: Driver = {
      connect: async () => {
        const connection = await pg.connect()
        return {
          ...connection,
          query: async (statement, values) => {
            said.push(statement.name)
            if (code === null || statement.name !== 'posthorn hand-out') return connection.query(statement, values)
            throw Object.assign(new Error('no'), { code, severity: 'ERROR' })
          },
        }
      },
    }
    const engine = await world.open({ driver, connections: 1, clock: new ManualClock() })
    await commit(engine, ...[1, 2, 3, 4].map(() => ({ do: 'send', queue: 'a', message: message() }) as const))
    await engine.lease({ ...REQUEST, wants: [{ queue: 'a', max: 0 }] })
    for (code of ['42501', '55P03']) {
      said.length = 0
      equal((await engine.lease({ ...REQUEST, id: code })).deliveries.length, 2)
      deepEqual([said.includes('posthorn hand-out'), said.includes('posthorn find-lease')], [true, false], code)
    }
  },
)

for (const server of ['first', 'second'])
  onPostgres(
    `stale-is-inert: what was handed out under the number of a lost lease, of a queue that nobody asked for, on the ${server} server`,
    async (world) => {
      let name = 'first'
      let isCutting = false
      const pg = await loadPg(world.url)
      const driver: Driver = {
        connect: async () => {
          const connection = await pg.connect()
          return {
            ...connection,
            server: name,
            query: async (statement, values) => {
              const answer = await connection.query(statement, values)
              if (!isCutting || statement.name !== 'posthorn hand-out') return answer
              isCutting = false
              name = server
              // As on a server that has taken over, and knows the number of the queue as that of another.
              await world.ask("update {schema}.queue set name = 'b'")
              await connection.end(true)
              throw new Error('the answer is lost')
            },
          }
        },
      }
      const engine = await world.open({ driver, connections: 1, clock: new ManualClock() })
      for (let n = 0; n < 2; n++) await commit(engine, { do: 'send', queue: 'a', message: message() })
      await engine.lease({ ...REQUEST, wants: [{ queue: 'a', max: 0 }] })
      isCutting = true
      deepEqual((await engine.lease({ ...REQUEST, id: 'cut' })).deliveries, [])
      equal(isCutting, false)
      const { ready, leased } = (await engine.depth(['b']))[0]!
      // On another the lease may be somebody else's.
      deepEqual([ready, leased], server === 'first' ? [2, 0] : [0, 2])
    },
  )
