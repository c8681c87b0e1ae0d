import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { RetainedLog } from './retained-log.ts'

const positions = (items: Iterable<{ readonly position: number }>): number[] =>
  [...items].map(({ position }) => position)

test('events are found by position and time over pages that come and go', () => {
  const log = new RetainedLog()
  const kept: number[] = []
  for (let count = 1; count <= 20_000; count++) {
    log.append(count * 3, count, count, 1)
    kept.push(count * 3)
    if (count % 2 === 0) {
      log.removeFirst()
      kept.shift()
    }
  }
  equal(log.length, kept.length)
  equal(log.firstPosition, kept[0])
  deepEqual(
    positions(log.after(59_990)),
    kept.filter((position) => position > 59_990),
  )
  deepEqual(positions(log.after(0)), kept)
  deepEqual(positions(log.since(19_999)), [59_997, 60_000])
  deepEqual(positions(log.after(60_000)), [])
})

test('a log that was emptied goes on', () => {
  const log = new RetainedLog()
  for (const position of [1, 2]) log.append(position, position, position, 1)
  log.removeFirst()
  log.removeFirst()
  deepEqual([log.length, log.first(), log.firstPosition, log.lastPosition], [0, undefined, Infinity, 2])
  log.append(5, 5, 5, 1)
  deepEqual(positions(log.after(0)), [5])
  equal(log.pages.size, 1)
})
