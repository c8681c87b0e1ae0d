import { equal, notEqual } from 'node:assert/strict'
import { test } from 'node:test'
import type { Dispatcher } from 'undici'
import { ManualClock } from '../../core/clock.ts'
import { createIds } from '../../core/id.ts'
import type { Run } from '../../delivery/binding.ts'
import { AttemptRing } from '../endpoint/attempt.ts'
import { profileOf } from '../profile/profile.ts'
import { deliverTogether } from './courier.ts'
import { EndpointGate } from './gate.ts'
import type { CourierDeps, Round } from './round.ts'

const runOf = (id: string): Run =>
  ({
    attempt: 1,
    delivery: {
      stored: {
        id,
        queue: 'topic:orders:e',
        failed: 0,
        released: 0,
        sentAt: 0,
        failures: [],
        message: { id, event: { id, source: 's', type: 't' }, body: new Uint8Array(0) },
      },
    },
    note() {},
  }) as unknown as Run

/** When each of three events of one call is due again. */
async function delaysAfter(status: number): Promise<readonly number[]> {
  const clock = new ManualClock()
  let drawn = 0
  const random = (): number => (drawn++ % 10) / 10
  const agent = {
    dispatch(_: unknown, handler: Dispatcher.DispatchHandler) {
      const controller = { abort() {} } as unknown as Dispatcher.DispatchController
      handler.onRequestStart?.(controller, {})
      handler.onResponseStart?.(controller, status, {})
      handler.onResponseEnd?.(controller, {})
    },
  }
  const round = {
    endpoint: { id: 'e', url: 'https://acme.example/', payload: 'full', timeoutMs: 1_000, answerTo: null },
    profile: profileOf('cloudevents-batch'),
    attempts: 3,
    delaysMs: [5_000],
    gate: new EndpointGate(clock, random, { concurrency: 10, ratePerSecond: null }),
    ring: new AttemptRing({ id: 'e', incarnation: '1' }, 0),
    address: { origin: 'https://acme.example', path: '/' },
    pen: () => ({
      signNow: ({ body }: { readonly body: string }) => ({ headers: {}, query: {}, body }),
      headerList: [],
      secretTexts: [],
      sealsBody: false,
    }),
    checkUrl() {},
    topicOf: () => 'orders',
    tell() {},
  } as unknown as Round
  const deps = {
    clock,
    random,
    agent,
    signal: null,
    ids: createIds(clock),
    origin: 'here.example',
  } as unknown as CourierDeps
  const outcomes = await deliverTogether(deps, round, ['a', 'b', 'c'].map(runOf))
  return outcomes.map((outcome) => ('afterMs' in outcome ? outcome.afterMs! : Number.NaN))
}

test('what a receiver wants to be sent later is due together again: one call, not one for each event', async () => {
  const delays = await delaysAfter(429)
  equal(delays.length, 3)
  equal(new Set(delays).size, 1)
  equal(Number.isFinite(delays[0]), true)
})

test('what failed goes alone, and not all at once', async () => {
  const [one, other] = await delaysAfter(500)
  notEqual(one, other)
})
