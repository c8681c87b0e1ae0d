import { equal, match, notEqual } from 'node:assert/strict'
import { test } from 'node:test'
import type { Dispatcher } from 'undici'
import { ManualClock } from '../../core/clock.ts'
import { createIds } from '../../core/id.ts'
import type { Run } from '../../delivery/binding.ts'
import type { Outcome } from '../../delivery/outcome.ts'
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

interface Scene {
  readonly round?: Partial<Round>
  readonly pen?: object
  /** Takes a call. */
  readonly dispatch: (asked: unknown, handler: Dispatcher.DispatchHandler) => void
}

const answering =
  (status: number): Scene['dispatch'] =>
  (_, handler) => {
    const controller = { abort() {} } as unknown as Dispatcher.DispatchController
    handler.onRequestStart?.(controller, {})
    handler.onResponseStart?.(controller, status, {})
    handler.onResponseData?.(controller, Buffer.from('answer'))
    handler.onResponseEnd?.(controller, {})
  }

/** What three events of one call come to. */
function outcomesOf({ round: parts, pen, dispatch }: Scene): Promise<readonly Outcome[]> {
  const clock = new ManualClock()
  let drawn = 0
  const random = (): number => (drawn++ % 10) / 10
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
      ...pen,
    }),
    checkUrl() {},
    topicOf: () => 'orders',
    tell() {},
    ...parts,
  } as unknown as Round
  const deps = {
    clock,
    random,
    agent: { dispatch },
    signal: null,
    ids: createIds(clock),
    origin: 'here.example',
  } as unknown as CourierDeps
  return deliverTogether(deps, round, ['a', 'b', 'c'].map(runOf))
}

/** When each is due again. */
async function delaysAfter(status: number): Promise<readonly number[]> {
  const outcomes = await outcomesOf({ dispatch: answering(status) })
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

const broken = (): never => {
  throw new Error('broken')
}

/** As from a socket. */
const later =
  (dispatch: Scene['dispatch']): Scene['dispatch'] =>
  (asked, handler) =>
    setImmediate(() => dispatch(asked, handler))

const unreadable = { secretTexts: { [Symbol.iterator]: broken } }
const signedLater = {
  signNow: null,
  sign: (unsigned: object) => Promise.resolve({ headers: {}, query: {}, ...unsigned }),
}
const sealed = { ...profileOf('cloudevents-batch'), ack: 'sealed' } as const
const faults: Readonly<Record<string, Scene>> = {
  'a call': { dispatch: broken },
  'a call that was signed later': { pen: signedLater, dispatch: broken },
  'the look at an answer': { pen: unreadable, dispatch: later(answering(200)) },
  'the look at a sealed answer': { pen: unreadable, round: { profile: sealed }, dispatch: later(answering(500)) },
}

for (const [where, scene] of Object.entries(faults))
  test(`a fault of our own in ${where} is an attempt that failed, and nobody's else`, async () => {
    for (const outcome of await outcomesOf(scene)) {
      equal(outcome.kind, 'retry')
      match(outcome.message, /broken/)
    }
  })
