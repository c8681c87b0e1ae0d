import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../core/clock.ts'
import type { LeaseRequest } from '../../../core/engine.ts'
import type { Message } from '../../../core/message.ts'
import type { Answer } from '../connection/driver.ts'
import type { KnownQueue } from '../plain/known-queues.ts'
import type { Floor } from '../session/floor.ts'
import { Hatch } from './hatch.ts'
import type { LateHandOuts } from './late.ts'
import type { LeaseNumber, LeaseNumbers } from './lease-numbers.ts'
import { SendOuts } from './send-outs.ts'

const queue = { name: 'a', number: 1, isPlain: true } as KnownQueue
const LEASE: LeaseNumber = { number: 7, server: 'one' }
const messages = ['one', 'other'].map((id) => ({ id, priority: 4 }) as Message)
const request: LeaseRequest = {
  id: 'r',
  worker: 'w',
  holder: 'process',
  leaseMs: 1_000,
  wants: [{ queue: 'a', max: 9 }],
}

function outsOf() {
  const hatch = new Hatch({
    clock: new ManualClock(),
    isWatched: () => true,
    wake: () => {},
    takeBack: async (lease) => void taken.push(lease),
  })
  const given: unknown[] = []
  const taken: LeaseNumber[] = []
  const late: unknown[] = []
  const outs = new SendOuts({
    hatch,
    late: { expect: (...args: unknown[]) => void late.push(args) } as unknown as LateHandOuts,
    numbers: { takeAtOnce: () => LEASE } as unknown as LeaseNumbers,
    floor: { gave: (...args: unknown[]) => void given.push(args) } as unknown as Floor,
    holder: null,
    moment: () => ({ now: null, wall: null }),
  })
  hatch.answered(hatch.fetch(request), { deliveries: [], nextReadyInMs: null })
  return { outs, given, taken, late }
}

const sendings = [{ queue, messages, bytes: 2 }]

test('what is handed out with its send counts as much as what is leased: it leaves as much behind', () => {
  const { outs, given } = outsOf()
  const head = { past: JSON.stringify({ isSent: true, queues: [1] }), sent_at: 0 }
  equal(outs.land(outs.begin(sendings)!, { rows: [head] } as unknown as Answer, sendings).size, 0)
  deepEqual(given, [[1, 2]])
})

test('what may have been handed out goes back; where nobody knows whether it was or will be, later again', () => {
  for (const [isDone, taken, late] of [
    [false, [], []],
    // The send is there, so its hand-out is.
    [true, [{ number: 7, server: null }], []],
    [null, [LEASE], [[LEASE, ['a']]]],
  ] as const) {
    const parts = outsOf()
    parts.outs.abandon(parts.outs.begin(sendings)!, isDone)
    deepEqual([parts.taken, parts.late], [taken, late])
  }
})
