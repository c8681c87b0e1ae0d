import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import type { Engine } from '../../core/engine.ts'
import { StreamSource } from './source.ts'

test('a reader that goes while the gaps are read ends at once: it is leased nothing, and no pause is slept through', async () => {
  const read = Promise.withResolvers<[null]>()
  const calls: string[] = []
  const engine: Pick<Engine, 'get' | 'watch'> = {
    get: () => read.promise,
    watch: () => ({ [Symbol.dispose]() {} }),
  }
  const gone = new AbortController()
  const source = new StreamSource(
    {
      engine: engine as Engine,
      // It stands still: who sleeps is never woken.
      clock: new ManualClock(),
      subscription: { topic: 't', name: 's', queue: 'topic:t:s' },
      signal: gone.signal,
      room: () => 1,
      lease() {
        calls.push('lease')
        return Promise.resolve({ deliveries: [], nextReadyInMs: null })
      },
      give: () => '',
      isOver: () => false,
      gapsSince: 0,
    },
    [],
  )
  const next = source.next()
  gone.abort()
  read.resolve([null])
  equal(await next, null)
  deepEqual(calls, [])
})
