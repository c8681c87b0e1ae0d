import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from '../connection/driver.ts'
import type { Floor } from '../session/floor.ts'
import type { Query, Session } from '../session/session.ts'
import { takingBack, type HandedOut } from './take-back.ts'

const LEASE = { number: 7, server: 'one' }

/** On a server that has handed out some, and changes so many of them; the first answers are lost. */
function takingBackOn(on: {
  readonly server?: string
  readonly handedOut?: readonly HandedOut[]
  readonly count?: number
  readonly lost?: number
  readonly isAway?: boolean
}) {
  const { server = 'one', handedOut = [{ queue: 1, id: 'x' }], count = handedOut.length, lost = 0 } = on
  const said: unknown[] = []
  const query: Query = async (name, values) => {
    said.push([name, ...values!])
    return { rows: name === 'find-lease' ? handedOut : [{ count }] } as unknown as Answer
  }
  const session = {
    now: async () => ({ now: 5, wall: 5 }),
    burst: async (use: (query: Query, last: () => void, server: string) => Promise<number>) => {
      if (on.isAway === true) throw new Error('the database is away')
      for (let n = 0; n < lost; n++) await use(query, () => {}, server)
      return use(query, () => {}, server)
    },
  } as unknown as Session
  const told: unknown[] = []
  const takeBack = takingBack({
    session,
    floor: { drop: () => void told.push('dropped') } as unknown as Floor,
    hint: (notices) => void told.push(...notices),
  })
  return { takeBack, said, told }
}

const ALL = ['dropped', { queue: 'a' }, { queue: 'b' }]

test('what was handed out under the number is found and taken back by its keys, and whoever watches is told', async () => {
  const { takeBack, said, told } = takingBackOn({})
  await takeBack(LEASE, null, ['a', 'b'])
  deepEqual(said, [
    ['find-lease', 7, 5],
    ['take-back', 7, [1], ['x'], 5],
  ])
  deepEqual(told, ALL)
})

test('where nothing was handed out, or nothing stands any more, nobody is told', async () => {
  for (const { on, given } of [
    { on: { handedOut: [] }, given: null },
    { on: { count: 0 }, given: null },
    { on: { count: 0 }, given: [{ queue: 1, id: 'x' }] },
  ]) {
    const { takeBack, told } = takingBackOn(on)
    await takeBack(LEASE, given, ['a', 'b'])
    deepEqual(told, [])
  }
})

test('that nothing is left where the first answer was lost, or that the database is away, says nothing: all are told', async () => {
  for (const on of [{ count: 0, lost: 1 }, { isAway: true }]) {
    const { takeBack, told } = takingBackOn(on)
    await takeBack(LEASE, null, ['a', 'b'])
    deepEqual(told, ALL)
  }
})

test("not on another server, where the number may be somebody else's; what is known by its id goes back there as well", async () => {
  const other = takingBackOn({ server: 'other' })
  await other.takeBack(LEASE, null, ['a'])
  deepEqual([other.said, other.told], [[], []])
  await other.takeBack(LEASE, [{ queue: 1, id: 'y' }], ['a'])
  deepEqual(other.said, [['take-back', 7, [1], ['y'], 5]])
  const known = takingBackOn({ server: 'other' })
  await known.takeBack({ number: 7, server: null }, null, ['a', 'b'])
  deepEqual(known.told, ALL)
})
