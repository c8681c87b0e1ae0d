// The same on the PostgreSQL engine: a server is killed under load and started again, while the database stays.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { newPlace } from '../copy/place.ts'
import { findPostgres } from '../postgres/server.ts'
import { seedOfRun } from '../seed.ts'
import { fire } from './fire.ts'

const ROUNDS = 4
const found = await findPostgres()
const name =
  'kill -9 of a server on postgres: loses no confirmed message, doubles no effect, hands out nothing after its confirmed ack'

if (typeof found === 'string') test(name, { skip: found }, () => {})
else
  test(name, async (context) => {
    context.after(() => found.stop())
    const seed = seedOfRun()
    context.diagnostic(`seed ${seed}`)
    const engine = await newPlace(context, 'postgres', found.url)
    const { sent, acked, kills, breaches } = await fire({ rounds: ROUNDS, seed, engine })
    context.diagnostic(`${kills} kills, ${sent} sends confirmed, ${acked} acks confirmed`)
    deepEqual(breaches, [])
    equal(kills, ROUNDS)
    ok(sent > ROUNDS && acked > 0, 'there was load')
  })
