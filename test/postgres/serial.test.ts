// Numbers are drawn in blocks: a transaction that uses one up to its last number is as good as any other.

import { equal } from 'node:assert/strict'
import type { Change } from '../../src/core/engine.ts'
import { BLOCK } from '../../src/engine/postgres/unit/unit-of-work.ts'
import { commit, message, onPostgres } from './world.ts'

onPostgres('a commit that takes all numbers of a block is decided', async (world) => {
  const engine = await world.open()
  // Each takes two: its own, and its place behind its key.
  for (const count of [BLOCK / 2, BLOCK / 2 - 1, BLOCK]) {
    const sends = Array.from({ length: count }, (_, n): Change => {
      return { do: 'send', queue: 'a', message: message({ key: `${n % 100}` }) }
    })
    const result = await commit(engine, ...sends)
    equal(result.status, 'committed', `${count}: ${JSON.stringify(result).slice(0, 200)}`)
  }
})
