// What is remembered is forgotten in time, in pieces, whoever is at work.

import { deepEqual, equal } from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { Statements } from '../../src/engine/postgres/sql/statement.ts'
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
      "insert into {schema}.fold (serial, at) select -(process * 68719476736::bigint + n), now() - (100 - n) * interval '2 minutes' from generate_series(7, 8) process, generate_series(0, 99) n",
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

/** Bodies that several have had, to which nobody refers. */
const share = (count: number, bytes: number): string =>
  `insert into {schema}.shared (n, body) select n, convert_to(repeat('x', ${bytes}), 'UTF8') from generate_series(1, ${count}) n`

onPostgres(
  'of bodies that several have had so many bytes go in one statement, and one body at least',
  async (world) => {
    // Its own look, just after it was opened, would take some of them.
    await (await world.open()).close()
    await world.ask(share(8, 10_000))
    await world.ask(
      `insert into {schema}.event (topic, position, at, attrs, body, shared) values ('t', 1, 1, '{}', '', 2)`,
    )
    const { text } = new Statements(world.schema, true).get('forget-shared')
    const steps: unknown[] = []
    for (let n = -1, isMore = true; isMore;) {
      const [row] = await world.ask(text, [n, 100, 1, 25_000])
      steps.push({ n: Number(row!['n']), gone: Number(row!['gone']) })
      n = Number(row!['n'])
      isMore = row!['is_more'] as boolean
    }
    deepEqual(steps, [
      { n: 4, gone: 3 },
      { n: 7, gone: 3 },
      { n: 8, gone: 1 },
    ])
    equal((await world.ask('select n from {schema}.shared')).length, 1)
  },
)

onPostgres('where the server has no time for many of them at once, fewer go at once', async (world) => {
  await world.open({ pollMs: 3_600_000, forgetMs: 3_600_000 })
  await world.ask(share(8, 10_000))
  await world.ask(
    `create function {schema}.slow() returns trigger language plpgsql as $$
    begin
      if (select count(*) from gone) > 3 then raise exception 'canceling statement due to statement timeout' using errcode = '57014'; end if;
      return null;
    end $$`,
  )
  await world.ask(
    'create trigger slow after delete on {schema}.shared referencing old table as gone for each statement execute function {schema}.slow()',
  )
  await world.open({ pollMs: 5, forgetMs: 5, limits: { forgetBytes: 100_000 } })
  const left = async (): Promise<number> => (await world.ask('select n from {schema}.shared')).length
  for (let tries = 0; tries < 400 && (await left()) > 0; tries++) await sleep(10)
  equal(await left(), 0)
})
