import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { Hint } from '../../../core/engine.ts'
import { channelOfQueue, KEYS } from './channel.ts'
import { Watchers } from './hint.ts'

test('whether keys are watched is known, and who watches one is told', async () => {
  const watchers = new Watchers(() => {})
  const told: Hint[] = []
  equal(watchers.hasKeys, false)
  const queues = watchers.watch({ queues: ['q'] }, () => {})
  equal(watchers.hasKeys, false)
  const one = watchers.watch({ keys: ['a', 'b'] }, (hint) => void told.push(hint))
  const other = watchers.watch({ keys: ['a'] }, (hint) => void told.push(hint))
  one[Symbol.dispose]()
  one[Symbol.dispose]()
  equal(watchers.hasKeys, true)
  watchers.give([{ key: 'a' }, { key: 'b' }])
  await Promise.resolve()
  deepEqual(told, [{ key: 'a' }])
  other[Symbol.dispose]()
  equal(watchers.hasKeys, false)
  queues[Symbol.dispose]()
})

test('channels are those of what is watched, and the first of each is noticed', () => {
  let noticed = 0
  const watchers = new Watchers(
    () => {},
    () => noticed++,
  )
  const one = watchers.watch({ queues: ['q'], keys: ['a'] }, () => {})
  equal(noticed, 1)
  const other = watchers.watch({ keys: ['a', 'b'] }, () => {})
  equal(noticed, 1)
  deepEqual(watchers.channels, new Set([channelOfQueue('q'), KEYS]))
  one[Symbol.dispose]()
  one[Symbol.dispose]()
  deepEqual(watchers.channels, new Set([KEYS]))
  other[Symbol.dispose]()
  deepEqual(watchers.channels, new Set())
  watchers.watch({ topics: ['t'] }, () => {})
  equal(noticed, 2)
})
