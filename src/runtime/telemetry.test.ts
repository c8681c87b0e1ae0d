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

test('who listens when an event is emitted is told of it, whoever comes or goes meanwhile', () => {
  const telemetry = new Telemetry()
  const heard: string[] = []
  const first = telemetry.on('leased', () => {
    heard.push('first')
    first[Symbol.dispose]()
    telemetry.on('leased', () => heard.push('third'))
  })
  telemetry.on('leased', () => heard.push('second'))
  telemetry.emit('leased', { queue: 'a', count: 1 })
  deepEqual(heard.splice(0), ['first', 'second'])
  telemetry.emit('leased', { queue: 'a', count: 1 })
  deepEqual(heard, ['second', 'third'])
})

test('a listener given twice is told twice, and each giving is ended by itself', () => {
  const telemetry = new Telemetry()
  let heard = 0
  const listener = () => void heard++
  const first = telemetry.on('leased', listener)
  telemetry.on('leased', listener)
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  telemetry.emit('leased', { queue: 'a', count: 1 })
  equal(heard, 1)
})
