// What is remembered is forgotten in time, in pieces, whoever is at work.

import { deepEqual } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { commit, message, onPostgres } from './world.ts'

onPostgres(
  'what is remembered no longer is forgotten in pieces, one after the other, and the rest is kept',
  async (world) => {
    const engine = await world.open({ pollMs: 3_600_000 })
    await commit(engine, { do: 'send', queue: 'a', message: message({ dedupe: 'young' }) })
    await world.ask(
      "insert into {schema}.fold (serial, at) select -n, now() - interval '2 hours' from generate_series(1, 45) n",
    )
    // As processes number them that have been at work for long: the younger the lower, and of two of them the second's lower still.
    await world.ask(
      "insert into {schema}.fold (serial, at) select -(process * 1073741824::bigint + n), now() - (100 - n) * interval '2 minutes' from generate_series(7, 8) process, generate_series(0, 99) n",
    )
    await world.ask(
      'insert into {schema}.dedupe select scope, text || n, n, id from {schema}.dedupe, generate_series(1, 45) n',
    )
    await world.open({ pollMs: 5, limits: { forget: 10 } })
    const left = () =>
      world.ask(
        "select (select count(*)::int from {schema}.dedupe) as dedupes, (select count(*)::int from {schema}.fold where at < now() - interval '1 hour') as folds",
      )
    for (let tries = 0; tries < 400; tries++) {
      const [row] = await left()
      if (row!['dedupes'] === 1 && row!['folds'] === 0) break
      await sleep(10)
    }
    deepEqual(await left(), [{ dedupes: 1, folds: 0 }])
  },
)
