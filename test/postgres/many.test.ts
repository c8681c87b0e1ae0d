// Several engines on one schema at once: nothing is lost, doubled or handed to two, and of a key one is handled at a time, in order.

import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Engine } from '../../src/core/engine.ts'
import { commit, message, onPostgres } from './world.ts'

const KEYS = 12
const EACH = 15

onPostgres('key-order, one-holder: three engines send, lease, retry and ack at once', async (world) => {
  const engines = await Promise.all([world.open(), world.open(), world.open()])
  const handled = new Map<string, string[]>()
  const held = new Set<string>()
  const wrong: string[] = []
  const left = { count: KEYS * EACH }
  let lease = 0
  const produce = async (engine: Engine, at: number): Promise<void> => {
    for (let key = at; key < KEYS; key += engines.length) {
      // One after the other: only then is their order said.
      for (let n = 0; n < EACH; n++) {
        const result = await commit(engine, {
          do: 'send',
          queue: 'a',
          message: message({ key: `k${key}`, text: `${n}` }),
        })
        equal(result.status, 'committed')
      }
    }
  }
  const work = async (engine: Engine, at: number): Promise<void> => {
    while (left.count > 0) {
      const { deliveries } = await engine.lease({
        id: `${at} ${lease++}`,
        worker: `${at}`,
        holder: 'client',
        leaseMs: 60_000,
        wants: [{ queue: 'a', max: 5 }],
      })
      await Promise.all(
        deliveries.map(async ({ token, stored }) => {
          const key = stored.message.key!
          if (held.has(key)) wrong.push(`two of ${key} at once`)
          held.add(key)
          await new Promise((resolve) => setImmediate(resolve))
          held.delete(key)
          const isRetried = stored.acquired === 1 && stored.id.endsWith('0')
          const error = { code: 'flaky', message: '' }
          const result = await commit(
            engine,
            isRetried ? { do: 'retry', token, delay: { afterMs: 0 }, error } : { do: 'ack', token },
          )
          equal(result.status, 'committed')
          if (isRetried) return
          handled.set(key, [...(handled.get(key) ?? []), new TextDecoder().decode(stored.message.body)])
          left.count--
        }),
      )
    }
  }
  await Promise.all(engines.flatMap((engine, at) => [produce(engine, at), work(engine, at)]))
  deepEqual(wrong, [])
  const order = Array.from({ length: EACH }, (_, n) => `${n}`)
  for (const [key, texts] of handled) deepEqual(texts, order, key)
  const [depth] = await engines[0].depth(['a'])
  deepEqual([depth!.ready, depth!.held, depth!.leased, depth!.ended.acked], [0, 0, 0, KEYS * EACH])
})

onPostgres('versioned: of puts by several engines at once one wins', async (world) => {
  const engines = await Promise.all([world.open(), world.open(), world.open()])
  let version: string | null = null
  for (let round = 0; round < 10; round++) {
    const changes = engines.map((_, n) => ({
      do: 'put' as const,
      key: 'k',
      value: new Uint8Array([round, n]),
      ifVersion: version,
    }))
    const results = await Promise.all(engines.map((engine, at) => commit(engine, changes[at]!)))
    equal(results.filter(({ status }) => status === 'committed').length, 1)
    const [record] = await engines[0].get(['k'])
    version = record!.version
  }
})

onPostgres('bounded: a limit holds for all who send at once', async (world) => {
  const engines = await Promise.all([world.open(), world.open()])
  const [settings] = await engines[0].commit([{ changes: [] }])
  ok(settings)
  const { DEFAULT_QUEUE } = await import('../../src/core/settings.ts')
  await commit(engines[0], {
    do: 'configure',
    queue: 'a',
    settings: { ...DEFAULT_QUEUE, limit: { messages: 10, bytes: null } },
  })
  const results = await Promise.all(
    Array.from({ length: 40 }, (_, n) => commit(engines[n % 2]!, { do: 'send', queue: 'a', message: message() })),
  )
  equal(results.filter(({ status }) => status === 'committed').length, 10)
  equal((await engines[1].depth(['a']))[0]!.ready, 10)
})
