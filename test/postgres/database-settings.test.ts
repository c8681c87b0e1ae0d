// A database may have settings of its own, for whoever connects: none of them changes what is decided or read.

import { deepEqual, equal } from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { hashOf } from '../../src/engine/postgres/hash.ts'
import { connect } from './client.ts'
import { commit, message, onPostgres } from './world.ts'

/** The URL of sessions that begin with such a setting, as with one of their database or role. */
function withSetting(url: string, name: string, value: string): string {
  const some = new URL(url)
  some.searchParams.set('options', `-c ${name}=${value.replaceAll(' ', '\\ ')}`)
  return some.href
}

for (const isPooled of [false, true])
  onPostgres(
    `key-order: where transactions see one moment by default, and two processes send at once${isPooled ? ', pooled' : ''}`,
    async (world) => {
      const url = withSetting(world.url, 'default_transaction_isolation', 'repeatable read')
      const [one, other] = [await world.open({ url, isPooled }), await world.open({ url, isPooled })]
      await commit(one, { do: 'send', queue: 'a', message: message({ key: 'before' }) })
      const lockKey = hashOf(`posthorn ${world.schema}`)
      const holder = await connect(world.url)
      await holder.query('begin')
      await holder.query('select pg_advisory_xact_lock($1::int, 0)', [lockKey])
      const sent = []
      for (const [n, engine] of [one, other].entries()) {
        sent.push(commit(engine, { do: 'send', queue: 'a', message: message({ key: 'k' }) }))
        while ((await waiting(lockKey)) <= n) await turn()
      }
      await holder.query('commit')
      await holder.end()
      for (const each of sent) equal((await each).status, 'committed')
      const { deliveries } = await one.lease({
        id: 'x',
        worker: 'w',
        holder: 'client',
        leaseMs: 60_000,
        wants: [{ queue: 'a', max: 9 }],
      })
      deepEqual(
        deliveries.map(({ stored }) => stored.message.key),
        ['before', 'k'],
      )

      async function waiting(key: number): Promise<number> {
        const rows = await world.ask(
          "select count(*)::int as count from pg_locks where locktype = 'advisory' and not granted and classid::bigint = $1",
          [key >>> 0],
        )
        return rows[0]!['count'] as number
      }
    },
  )

onPostgres('bytes are read as they were sent, however the database writes them', async (world) => {
  const engine = await world.open({ url: withSetting(world.url, 'bytea_output', 'escape') })
  const body = Uint8Array.from({ length: 512 }, (_, at) => at % 256)
  const bodies = [body, new TextEncoder().encode('\\x41'), new TextEncoder().encode('\\\\'), new Uint8Array()]
  for (const each of bodies) await commit(engine, { do: 'send', queue: 'a', message: message({ body: each }) })
  const { deliveries } = await engine.lease({
    id: 'x',
    worker: 'w',
    holder: 'client',
    leaseMs: 60_000,
    wants: [{ queue: 'a', max: 9 }],
  })
  deepEqual(
    deliveries.map(({ stored }) => stored.message.body),
    bodies,
  )
})
