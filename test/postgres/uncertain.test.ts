// A commit whose answer was lost, and statements that fail while it is looked up: it happened once, and is answered so.

import { equal } from 'node:assert/strict'
import { loadPg, type Driver } from '../../src/engine/postgres/connection/driver.ts'
import { commit, onPostgres } from './world.ts'

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
