// Statements that run for every message find it by the key of its table or in the order of what is ready, whatever the server believes of the
// tables: with none of its statistics, with those of a table full of leases, and with those of one that nearly nothing is in while all that was
// handled stands there still, because somebody's snapshot may see it: then a walk through a whole index seems as good as a search.

import { ok } from 'node:assert/strict'
import { Statements } from '../../src/engine/postgres/sql/statement.ts'
import { connect } from './client.ts'
import { commit, message, onPostgres } from './world.ts'

const SETTINGS = 'set jit = off; set plan_cache_mode = force_generic_plan; set enable_seqscan = off'
/** Which index of the table `message` a statement may use, and no other. */
const PLANS: readonly (readonly [statement: string, index: string])[] = [
  ['extend', 'message_pkey'],
  ['leased-by', 'message_pkey'],
  ['take-back', 'message_pkey'],
  ['find-lease', 'message_lease'],
  ['load-messages', 'message_pkey'],
  ['delete-messages', 'message_pkey'],
  ['lease-above', 'message_ready|message_pkey'],
  ['lease-by-priority', 'message_ready|message_pkey'],
  ['lease-by-merge', 'message_ready|message_pkey'],
  ['end-messages', 'message_pkey'],
  ['update-messages', 'message_pkey'],
  ['forget-shared', 'message_shared'],
]

/** What a function does inside is told where it is done. */
const TOLD = `load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on; set client_min_messages = log`
/** Of a message that is not there. */
const SETTLE = `settle_all(
  1, null, 1, '{}', '{}', '{}', '{1}', '{01a20003-5593-76eb-8fcf-e47e91fb1160}', '{1}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'
)`

/** Which indexes of the table `message` a plan uses. */
const usedBy = (plan: string): readonly (string | undefined)[] =>
  [...plan.matchAll(/using (message_\w+)/g), ...plan.matchAll(/Index Scan on (message_\w+)/g)].map(([, each]) => each)

/** Whether each use of the table's key is a search for one. */
function isSearched(plan: string): boolean {
  const uses = [...plan.matchAll(/message_pkey.*\n\s*(.*)/g)]
  return uses.every(([, after = '']) => /^Index Cond: .*\bid = /.test(after))
}

async function plansOfSettle(url: string, schema: string): Promise<string> {
  const client = await connect(url)
  const told: string[] = []
  client.on('notice', ({ message: text = '' }) => told.push(text))
  await client.query(SETTINGS)
  await client.query(TOLD)
  await client.query(`select ${schema}.${SETTLE}`)
  await client.end()
  return told.join('\n')
}

onPostgres('each message is found by its key', async (world) => {
  const engine = await world.open()
  const statements = new Statements(world.schema, true)
  const client = await connect(world.url)
  const holder = await connect(world.url)
  await client.query(SETTINGS)
  const planOf = async (name: string): Promise<string> => {
    const { text } = statements.get(name)
    const count = Math.max(...[...text.matchAll(/\$(\d+)/g)].map(([, at]) => Number(at)))
    await client.query(`prepare p as ${text}`)
    const nulls = Array.from({ length: count }, () => 'null').join()
    const { rows } = await client.query(`explain (costs off) execute p(${nulls})`)
    await client.query('deallocate p')
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  }
  const check = async (when: string): Promise<void> => {
    const sendOut = await planOf('send-out')
    ok(isSearched(sendOut) && /message_pkey/.test(sendOut), `send-out, ${when}:\n${sendOut}`)
    const handOut = await planOf('hand-out')
    // It has just found and locked what it changes, and does not look for it again.
    ok(/Tid Scan on message m/.test(handOut) && !/message_pkey/.test(handOut), `hand-out, ${when}:\n${handOut}`)
    for (const [name, index] of PLANS) {
      const plan = await planOf(name)
      const used = usedBy(plan)
      ok(used.length > 0 && used.every((each) => index.split('|').includes(each!)), `${name}, ${when}:\n${plan}`)
      ok(isSearched(plan), `${name}, ${when}:\n${plan}`)
    }
    const findLease = await planOf('find-lease')
    ok(/Index Cond: \(until > /.test(findLease), `find-lease, ${when}:\n${findLease}`)
    const plans = await plansOfSettle(world.url, world.schema)
    const used = usedBy(plans)
    ok(used.length === 1 && used[0] === 'message_pkey' && isSearched(plans), `settle, ${when}:\n${plans}`)
  }
  try {
    await check('empty')
    const sends = Array.from({ length: 2_000 }, () => ({ do: 'send' as const, queue: 'a', message: message() }))
    await commit(engine, ...sends)
    const request = { id: 'all', worker: 'w', holder: 'client', leaseMs: 60_000 } as const
    const { deliveries } = await engine.lease({ ...request, wants: [{ queue: 'a', max: 2_000 }] })
    await check('leased')
    await client.query(`analyze ${world.schema}.message`)
    await check('analyzed')
    await holder.query('begin isolation level repeatable read; select count(*) from pg_class')
    await commit(engine, ...deliveries.map(({ token }) => ({ do: 'ack' as const, token })))
    await client.query(`analyze ${world.schema}.message`)
    const [seen] = await world.ask("select reltuples, relpages from pg_class where oid = '{schema}.message'::regclass")
    ok(seen!['reltuples'] === 0 && (seen!['relpages'] as number) > 10, JSON.stringify(seen))
    await check('analyzed when all were gone')
  } finally {
    await holder.end()
    await client.end()
  }
})

onPostgres('of a large topic the subscriptions that have changed are found by their revision', async (world) => {
  const engine = await world.open()
  const client = await connect(world.url)
  await client.query(SETTINGS)
  const { text } = new Statements(world.schema, true).get('load-subscriptions')
  await client.query(`prepare p as ${text}`)
  const planOf = async (): Promise<string> => {
    const { rows } = await client.query(`explain (costs off) execute p('{t}', '{50000}')`)
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  }
  const check = async (when: string): Promise<void> => {
    const plan = await planOf()
    ok(/Index Scan (using|on) subscription_revision/.test(plan), `${when}:\n${plan}`)
    ok(/Index Cond: .*topic = .* AND .*revision > /.test(plan) && !/Join Filter/.test(plan), `${when}:\n${plan}`)
  }
  try {
    await check('empty')
    await world.ask(
      `insert into {schema}.subscription (topic, name, number, version, definition, status, cursor, has_gap, gaps, revision)
      select 't', n, n, 1, '{}', 'live', null, false, '[]', n from generate_series(1, 50000) n`,
    )
    await world.ask('analyze {schema}.subscription')
    await check('all of one topic')
  } finally {
    await client.end()
    await engine.close()
  }
})
