// Pages by what messages have: also of messages with texts that a database's JSON cannot hold.

import { deepEqual, equal } from 'node:assert/strict'
import type { BrowseQuery } from '../../src/core/engine.ts'
import { commit, message, onPostgres } from './world.ts'

const TEXTS = ['a\0b', 'a\ufffdb', '\ud800\udfff', '\udfff\ud800', '\\u0000', '\\\0', 'plain']

onPostgres('a message with a text that JSON in a database cannot hold is found, and hides no other', async (world) => {
  const engine = await world.open()
  for (const text of TEXTS) {
    const { event, ...others } = message({ key: text, group: text })
    await commit(engine, { do: 'send', queue: 'a', message: { ...others, event: { ...event, subject: text } } })
  }
  const found = async (
    match: NonNullable<BrowseQuery['match']>,
    state: 'dead' | 'leased',
  ): Promise<readonly unknown[]> =>
    (await engine.browse({ queue: 'a', state, after: null, limit: 10, match })).items.map(({ message }) => message.key)
  const { deliveries } = await engine.lease({
    id: 'x',
    worker: 'w',
    holder: 'client',
    leaseMs: 60_000,
    wants: [{ queue: 'a', max: 10 }],
  })
  equal(deliveries.length, TEXTS.length)
  deepEqual(await found({ type: 'test.made' }, 'leased'), TEXTS)
  for (const text of TEXTS) {
    deepEqual(await found({ key: text }, 'leased'), [text])
    deepEqual(await found({ group: text }, 'leased'), [text])
  }
  for (const { token, stored } of deliveries)
    await commit(engine, { do: 'bury', token, error: { code: `is ${stored.message.key}`, message: '\ud83d' } })
  deepEqual(await found({ type: 'test.made', key: 'plain' }, 'dead'), ['plain'])
  deepEqual(await found({ error: 'is plain' }, 'dead'), ['plain'])
  deepEqual(await found({ error: 'is \\u0000' }, 'dead'), ['\\u0000'])
  deepEqual(await found({ error: 'is none' }, 'dead'), [])
})
