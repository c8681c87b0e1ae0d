import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import type { Run } from '../../delivery/binding.ts'
import { createAllowance } from '../call/allowance.ts'
import { bindCallbacks } from './binding.ts'

/** When what a paused app asked for is looked at again. */
async function waitMs(released: number, drawn: number): Promise<number> {
  const binding = bindCallbacks('callback', {
    clock: new ManualClock(),
    random: () => drawn,
    agent: { dispatch: () => assertNoCall() },
    allowance: createAllowance(['https://a.example']),
    holds: (app) => app === 'paused',
  })
  const message = { notes: { callback: 'https://a.example/', app: 'paused' } }
  const outcome = (await binding.run({ delivery: { stored: { message, released } } } as unknown as Run)) as {
    readonly kind: string
    readonly afterMs: number
  }
  equal(outcome.kind, 'snooze')
  return outcome.afterMs
}

function assertNoCall(): never {
  throw new Error('a paused app was called')
}

test('what a paused app asked for looks again later and later, within a minute, and not all of it at once', async () => {
  deepEqual(await Promise.all([waitMs(0, 0), waitMs(0, 1)]), [2_500, 5_000])
  deepEqual(await Promise.all([waitMs(2, 0), waitMs(2, 1)]), [10_000, 20_000])
  deepEqual(await Promise.all([waitMs(50, 0), waitMs(50, 0.5), waitMs(50, 1)]), [30_000, 45_000, 60_000])
})
