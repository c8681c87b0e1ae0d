// What users' own transactions have brought to a schema is decided before it is copied: nothing that was there is left behind.

import { deepEqual, equal } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copy } from '../../src/copy.ts'
import type { Change } from '../../src/core/engine.ts'
import { openPostgresTransfer } from '../../src/engine/postgres/transfer/open-transfer.ts'
import { connect } from '../postgres/client.ts'
import { message, onPostgres, type World } from '../postgres/world.ts'
import { drain } from './fill.ts'
import { withEngine } from './place.ts'

/** A round decides a thousand. */
const MORE_THAN_A_ROUND = 1_100
const MULTIPLY = `
  insert into {schema}.arrival (at, dedupes, changes)
  select a.at, a.dedupes, replace(a.changes, $1, i.id)
  from {schema}.arrival a, unnest($2::text[]) with ordinality i (id, n) order by i.n`

/** A transaction that has given so many messages, each as an arrival of its own, while nobody has the schema open. */
async function brings(
  world: World,
  count: number,
): Promise<{ readonly ids: readonly string[]; readonly commit: () => Promise<void> }> {
  const engine = await world.open()
  const client = await connect(world.url)
  await client.query('begin')
  const ids: string[] = []
  for (let n = 0; n < count; n++) {
    const send = { do: 'send', queue: 'a', message: message() } satisfies Change
    await engine.join!(client).commit({ changes: [send] })
    ids.push(send.message.id)
  }
  await engine.close()
  return {
    ids,
    commit: async () => {
      await client.query('commit')
      await client.end()
    },
  }
}

onPostgres('all that has arrived is copied, in its order, more than one round decides included', async (world) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-copy-'))
  const [source, target] = [`${world.url}?schema=${world.schema}`, `file:${join(folder, 'engine')}`]
  const { ids, commit } = await brings(world, 1)
  await commit()
  const more = Array.from({ length: MORE_THAN_A_ROUND }, () => message().id)
  await world.ask(MULTIPLY, [ids[0], more])
  const { counts } = await copy(source, target)
  equal(counts.messages.ready, 1 + MORE_THAN_A_ROUND)
  deepEqual(
    await withEngine(target, drain),
    [...ids, ...more].map((id) => `a ${id} 1`),
  )
  rmSync(folder, { recursive: true })
})

onPostgres('what arrives after the source was opened and before it is read is copied as well', async (world) => {
  const { ids, commit } = await brings(world, 3)
  const source = await openPostgresTransfer(`${world.url}?schema=${world.schema}`, 'source')
  await commit()
  const copied: string[] = []
  for await (const piece of source.pieces(await source.now())) if (piece.is === 'message') copied.push(piece.message.id)
  await source.close()
  deepEqual(copied, ids)
})
