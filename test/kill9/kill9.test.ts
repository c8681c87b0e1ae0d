// The server is killed under load and started again, ten times; `npm run test:kill9 -- --rounds 200` does it for longer.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { fire } from './fire.ts'
import { seedOfRun } from '../seed.ts'

const ROUNDS = 10

test('kill -9 loses no confirmed message, doubles no effect, hands out nothing after its confirmed ack', async (context) => {
  const seed = seedOfRun()
  context.diagnostic(`seed ${seed}`)
  const { sent, acked, kills, breaches } = await fire({ rounds: ROUNDS, seed })
  context.diagnostic(`${kills} kills, ${sent} sends confirmed, ${acked} acks confirmed`)
  deepEqual(breaches, [])
  equal(kills, ROUNDS)
  ok(sent > ROUNDS && acked > 0, 'there was load')
})

test('the same on an engine that forgets is seen', async () => {
  // In one round of a busy machine too little is sent for all that can go wrong.
  const { breaches } = await fire({ rounds: 6, seed: 1, engine: 'memory:' })
  match(breaches.join('\n'), /confirmed and never counted/)
  match(breaches.join('\n'), /confirmed, never acked, and is gone/)
})
