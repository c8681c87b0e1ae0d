// A commit whose answer was lost, and statements that fail while it is looked up: it happened once, and is answered so.

import { deepEqual, equal, rejects } from 'node:assert/strict'
import { ManualClock } from '../../src/core/clock.ts'
import { loadPg, type Driver } from '../../src/engine/postgres/connection/driver.ts'
import type { Change } from '../../src/core/engine.ts'
import { commit, message, onPostgres, type World } from './world.ts'

const CANCELLED = Object.assign(new Error('canceling statement due to user request'), { code: '57014' })

onPostgres('once: a lookup that is cancelled does not make what it looks for happen again', async (world) => {
  const pg = await loadPg(world.url)
  let isArmed = false
  let cancels = 8
  const driver: Driver = {
    async connect() {
      const connection = await pg.connect()
      return {
        ...connection,
        query: async (statement, values) => {
          if (isArmed && cancels > 0 && statement.text.includes('is_fence from')) {
            cancels--
            throw CANCELLED
          }
          const answer = await connection.query(statement, values)
          if (!isArmed && statement.text === 'commit') {
            isArmed = true
            await connection.end(true)
            throw new Error('the answer is lost')
          }
          return answer
        },
      }
    },
  }
  const setup = await world.open()
  await commit(setup, { do: 'put', key: 'other', value: new Uint8Array() })
  isArmed = true
  const engine = await world.open({ driver, pollMs: 3_600_000, connections: 1 })
  isArmed = false
  const result = await commit(engine, { do: 'put', key: 'k', value: new Uint8Array(), ifVersion: null })
  equal(result.status, 'committed')
  equal(cancels, 0)
})

const FULL = Object.assign(new Error('could not extend file: No space left on device'), { code: '53100' })

/** Loses the answer to the first statement of that name, after the server has done it, and has it refuse to look it up. */
async function refusing(world: World, lost: string): Promise<Driver> {
  const pg = await loadPg(world.url)
  let isLost = false
  return {
    async connect() {
      const connection = await pg.connect()
      return {
        ...connection,
        query: async (statement, values) => {
          if (isLost && statement.name === 'posthorn fence') throw FULL
          const answer = await connection.query(statement, values)
          if (isLost || statement.name !== lost) return answer
          isLost = true
          await connection.end(true)
          throw new Error('the answer is lost')
        },
      }
    },
  }
}

const send = (): Change => ({ do: 'send', queue: 'a', message: message() })

onPostgres('whether it happened is unknown where the server refuses to say it', async (world) => {
  const setup = await world.open()
  await commit(setup, send())
  for (const lost of ['posthorn send', 'posthorn settle']) {
    const engine = await world.open({ driver: await refusing(world, lost) })
    const request = { id: lost, worker: 'w', holder: 'client', leaseMs: 60_000 } as const
    const { deliveries } = await engine.lease({ ...request, wants: [{ queue: 'a', max: 1 }] })
    const [{ token }] = deliveries as [(typeof deliveries)[number]]
    // The first of each is decided, and from then on its queue is known.
    await commit(engine, send())
    const change: Change = lost === 'posthorn send' ? send() : { do: 'ack', token }
    const before = await world.ask('select from {schema}.message')
    await rejects(commit(engine, change), { code: 'unknown' })
    const after = await world.ask('select from {schema}.message')
    equal(after.length - before.length, lost === 'posthorn send' ? 1 : -1, 'it happened')
  }
})

/** Does the first statement of that name once it is armed, and ends the session as a pooler does that has lost the one behind it. */
async function exiting(world: World, lost: string) {
  const pg = await loadPg(world.url)
  const parts = { isArmed: false }
  const driver: Driver = {
    async connect() {
      const connection = await pg.connect()
      return {
        ...connection,
        query: async (statement, values) => {
          const answer = await connection.query(statement, values)
          if (!parts.isArmed || (statement.name ?? statement.text) !== lost) return answer
          parts.isArmed = false
          await connection.end(true)
          throw Object.assign(new Error('DbHandler exited'), { code: 'XX000', severity: 'FATAL' })
        },
      }
    },
  }
  return { driver, parts }
}

onPostgres('what was done as the session ended happened once, under whatever code it ended', async (world) => {
  const one = { id: 'x', worker: 'w', holder: 'client', leaseMs: 60_000, wants: [{ queue: 'a', max: 1 }] } as const
  const put: Change = { do: 'put', key: 'k', value: new Uint8Array(), ifVersion: null }
  for (const [lost, change] of [
    ['posthorn hand-out', null],
    ['posthorn send', send()],
    ['commit', put],
  ] as const) {
    const { driver, parts } = await exiting(world, lost)
    // Its time stands still, so that it asks for nothing by itself.
    const engine = await world.open({ driver, clock: new ManualClock() })
    await commit(engine, send(), send())
    await engine.lease({ ...one, wants: [{ queue: 'a', max: 0 }] })
    const [before] = await engine.depth(['a'])
    parts.isArmed = true
    if (change === null) equal((await engine.lease({ ...one, id: lost })).deliveries.length, 1)
    else equal((await commit(engine, change)).status, 'committed')
    equal(parts.isArmed, false)
    const [after] = await engine.depth(['a'])
    deepEqual(
      [after!.ready + after!.leased - before!.ready - before!.leased, after!.leased - before!.leased],
      [change?.do === 'send' ? 1 : 0, change === null ? 1 : 0],
      lost,
    )
  }
})
