// What is left of a connection when it has ended.
import { deepEqual, equal } from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import { createIds } from '../../core/id.ts'
import { createLog } from '../../runtime/log.ts'
import { keepConnected } from './dial.ts'

test('whoever dials a hundred times is held by the last connection only', async () => {
  const clock = new ManualClock()
  const signals: AbortSignal[] = []
  const aborted: number[] = []
  const config = { name: 'feed', field: 'feed', clock, ids: createIds(clock), log: createLog(() => {}) }
  const end = keepConnected(config, async (signal) => {
    const number = signals.push(signal)
    signal.addEventListener('abort', () => aborted.push(number), { once: true })
    return number < 100 || new Promise<boolean>((resolve) => signal.addEventListener('abort', () => resolve(true)))
  })
  while (signals.length < 100) {
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(80_000)
  }
  equal(getEventListeners(signals.at(-1)!, 'abort').length, 2)
  await end()
  deepEqual(aborted, [100])
})
