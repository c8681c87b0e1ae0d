import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../core/clock.ts'
import type { Answer } from '../connection/driver.ts'
import { Floor } from './floor.ts'

const NOW = 100_000
const TOP = NOW - 250

function floorOf() {
  const looks: PromiseWithResolvers<void>[] = []
  const floor = new Floor({
    clock: new ManualClock(),
    now: () => NOW,
    atRest: async (use) => {
      const look = Promise.withResolvers<void>()
      looks.push(look)
      await look.promise
      await use(async (name) => ({ rows: name === 'oldest-work' ? [{ at: NOW }] : [] }) as unknown as Answer)
    },
  })
  const giveMany = (): void => {
    floor.gave(1, 100)
  }
  const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
  return { floor, looks, giveMany, turn }
}

test('what has come back to its old place is not below a floor that was found before', async () => {
  const { floor, looks, giveMany, turn } = floorOf()
  giveMany()
  looks[0]!.resolve()
  await turn()
  deepEqual(floor.of([1]), Array(10).fill(TOP))
  equal(floor.until, TOP)
  floor.drop()
  equal(floor.of([1]), null)
  equal(floor.until, 0)
})

test('nor below one that was just looked for', async () => {
  const { floor, looks, giveMany, turn } = floorOf()
  giveMany()
  floor.drop()
  looks[0]!.resolve()
  await turn()
  equal(floor.of([1]), null)
})
