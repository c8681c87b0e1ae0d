import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Connection } from '../connection/driver.ts'
import { Lane } from './lane.ts'
import type { Pool } from '../connection/pool.ts'

interface Begun {
  readonly on: number | null
  readonly items: readonly number[]
  end(isSound?: boolean): Promise<void>
}

/** A lane whose items are their weights, and what it begins. */
function laneOf(isBeside = (): boolean => false, isCrowded = isBeside) {
  const begun: Begun[] = []
  let used = 0
  const given: number[] = []
  const pool = {
    async with(use: (connection: Connection) => Promise<unknown>) {
      const number = given.shift() ?? used++
      await use({ pid: number } as Connection)
      given.push(number)
    },
  } as unknown as Pool
  const lane = new Lane<number>({
    pool,
    most: 1_000,
    weightOf: (weight) => weight,
    isBeside,
    isCrowded,
    fail: (_, error) => {
      throw error
    },
    fold: (connection, items) => {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const end = async (isSound = true): Promise<void> => {
        resolve(isSound)
        await turn()
        await turn()
      }
      begun.push({ on: connection.pid, items, end })
      return promise
    },
  })
  const add = async (...weights: readonly number[]): Promise<void> => {
    for (const weight of weights) lane.add(weight)
    await turn()
  }
  return { begun, add, lane }
}

const shape = (begun: readonly Begun[]): unknown => begun.map(({ on, items }) => [on, items.length])
const ones = (count: number): readonly number[] => Array.from({ length: count }, () => 1)

test('a lone caller is sent at once, and many are halved, two folds on one connection', async () => {
  const { begun, add } = laneOf()
  await add(1)
  deepEqual(shape(begun), [[0, 1]])
  await begun[0]!.end()
  await add(...ones(100))
  deepEqual(shape(begun.slice(1)), [
    [0, 50],
    [0, 50],
  ])
})

test('large folds are on their way two at once on one connection as well, and what is small goes behind them', async () => {
  const { begun, add } = laneOf()
  await add(500, 500, 500, 500)
  deepEqual(shape(begun), [
    [0, 2],
    [0, 2],
  ])
  await add(500)
  await add(1)
  equal(begun.length, 2, 'two are on their way')
  await begun[0]!.end()
  deepEqual(shape(begun.slice(2)), [[0, 2]])
})

test('after a fold that broke the connection the next goes over another, once all on it have ended', async () => {
  const { begun, add } = laneOf()
  await add(500, 500)
  await add(1)
  await begun[0]!.end(false)
  equal(begun.length, 2)
  await begun[1]!.end(false)
  deepEqual(shape(begun.slice(2)), [[1, 1]])
})

test('beside other work there is one fold at a time, and it takes all that waits', async () => {
  let isBeside = true
  const { begun, add } = laneOf(() => isBeside)
  await add(...ones(100))
  await add(...ones(10))
  deepEqual(shape(begun), [[0, 100]])
  await begun[0]!.end()
  equal(begun.length, 2)
  isBeside = false
  await add(...ones(5))
  deepEqual(shape(begun), [
    [0, 100],
    [0, 10],
    [0, 5],
  ])
})

test('beside other work, who was answered just now comes along with those who wait', async () => {
  const { begun, add, lane } = laneOf(() => true)
  await add(...ones(100))
  await add(...ones(10))
  const ended = begun[0]!.end()
  // Callers hear of it some microtasks later.
  for (let n = 0; n < 5; n++) await Promise.resolve()
  for (const weight of ones(100)) lane.add(weight)
  await ended
  deepEqual(shape(begun), [
    [0, 100],
    [0, 110],
  ])
})

test('where other processes share the server, many go in one fold at a time, with those who were answered just now, and few at once', async () => {
  const { begun, add, lane } = laneOf(
    () => false,
    () => true,
  )
  await add(1)
  await add(1)
  deepEqual(shape(begun), [
    [0, 1],
    [0, 1],
  ])
  await begun[0]!.end()
  await begun[1]!.end()
  await add(...ones(100))
  await add(1)
  deepEqual(shape(begun.slice(2)), [[0, 100]])
  const ended = begun[2]!.end()
  for (let n = 0; n < 5; n++) await Promise.resolve()
  for (const weight of ones(100)) lane.add(weight)
  await ended
  deepEqual(shape(begun.slice(3)), [[0, 101]])
})
