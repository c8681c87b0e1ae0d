import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { Telemetry } from './telemetry.ts'

test('listeners come and go, and one that throws harms nobody', () => {
  const faults: unknown[] = []
  const telemetry = new Telemetry((error) => faults.push(String(error)))
  equal(telemetry.wants('leased'), false)
  const heard: number[] = []
  const first = telemetry.on('leased', () => {
    throw new Error('broken')
  })
  const second = telemetry.on('leased', ({ count }) => heard.push(count))
  equal(telemetry.wants('leased'), true)
  telemetry.emit('leased', { queue: 'a', count: 1 })
  first[Symbol.dispose]()
  telemetry.emit('leased', { queue: 'a', count: 2 })
  second[Symbol.dispose]()
  second[Symbol.dispose]()
  equal(telemetry.wants('leased'), false)
  deepEqual(heard, [1, 2])
  deepEqual(faults, ['Error: broken'])
})
