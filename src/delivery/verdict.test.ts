import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery } from '../core/engine.ts'
import type { StoredFailure, StoredMessage } from '../core/message.ts'
import type { RetryPolicy } from './binding.ts'
import { Handling } from './handling.ts'
import { bury, cancel, done, fail, isOutcome, retry, snooze } from './outcome.ts'
import { DEFAULT_RETRY, retryDelayMs } from './retry.ts'
import { ServedQueue } from './served-queue.ts'
import { faultOf, judgeFault, judgeOutcome } from './verdict.ts'

const half = () => 0.5

function handling(stored: Partial<StoredMessage> = {}, policy?: RetryPolicy): Handling {
  const served = new ServedQueue({ queue: 'inbox', concurrency: 1, retry: policy, run: () => {} })
  const delivery: Delivery = {
    token: 't',
    leaseUntil: 0,
    stored: {
      queue: 'inbox',
      id: 'i',
      failed: 0,
      acquired: 1,
      released: 0,
      failures: [],
      ...stored,
    } as unknown as StoredMessage,
  }
  return new Handling(delivery, served, 0, 0)
}

const failureOf = (delayMs: number): StoredFailure => ({ code: 'handler-failed', message: '', at: 0, delayMs })

test('outcomes are plain values that are recognised, and nothing else is', () => {
  for (const outcome of [done(1), fail('x'), retry(), snooze(5), bury('why'), cancel('why')]) ok(isOutcome(outcome))
  for (const other of [undefined, null, 1, 'done', {}, { kind: 'done', value: 1 }, new Error('done')])
    equal(isOutcome(other), false)
  deepEqual({ ...fail('too_big', { max: 3 }) }, { kind: 'fail', code: 'too_big', data: { max: 3 }, message: 'too_big' })
  deepEqual(
    { ...retry({ afterMs: 5 }) },
    { kind: 'retry', afterMs: 5, message: 'the handler asked for another attempt' },
  )
})

test('the table: each outcome, its change, its effects, its end', () => {
  const effects = [{ do: 'remove', key: 'k' }] as const
  const judge = (outcome: Parameters<typeof judgeOutcome>[1]) => judgeOutcome(handling(), outcome, effects, half)
  deepEqual(judge(done(7)), {
    outcome: 'done',
    code: null,
    settling: { do: 'ack', token: 't' },
    effects,
    ended: { status: 'succeeded', value: 7 },
  })
  deepEqual(judge(fail('too_big', 3)), {
    outcome: 'fail',
    code: 'too_big',
    settling: { do: 'ack', token: 't' },
    effects: [],
    ended: { status: 'failed', state: 'acked', code: 'too_big', message: 'too_big', data: 3 },
  })
  deepEqual(judge(snooze(9)), {
    outcome: 'snooze',
    code: null,
    settling: { do: 'release', token: 't', delay: { afterMs: 9 } },
    effects: [],
    ended: null,
  })
  deepEqual(judge(cancel('no')), {
    outcome: 'cancel',
    code: null,
    settling: { do: 'drop', token: 't', reason: 'no' },
    effects: [],
    ended: { status: 'cancelled', reason: 'no' },
  })
  const buried = judge(bury('broken'))
  deepEqual(buried.settling, { do: 'bury', token: 't', error: { code: 'buried', message: 'broken', stack: undefined } })
  deepEqual(buried.ended, { status: 'failed', state: 'dead', code: 'buried', message: 'broken', data: undefined })
  deepEqual(buried.effects, [])
  const again = judge(retry({ afterMs: 40 }))
  equal(again.settling.do === 'retry' && 'afterMs' in again.settling.delay && again.settling.delay.afterMs, 40)
  deepEqual([again.outcome, again.code, again.ended, again.effects], ['retry', 'handler-failed', null, []])
})

test('a failed run is retried by the policy until its attempts are used up', () => {
  const error = new Error('broken')
  const codes = [0, 1, 2, 3, 4].map((failed) =>
    judgeFault(handling({ failed }), faultOf('timed-out', error), DEFAULT_RETRY, half),
  )
  deepEqual(
    codes.map(({ outcome, settling }) =>
      settling.do === 'retry' ? [outcome, settling.delay] : [outcome, settling.do],
    ),
    [
      ['retry', { afterMs: 500 }],
      ['retry', { afterMs: 1_000 }],
      ['retry', { afterMs: 2_000 }],
      ['retry', { afterMs: 4_000 }],
      ['bury', 'bury'],
    ],
  )
  deepEqual(codes[4]!.ended, { status: 'failed', state: 'dead', code: 'timed-out', message: 'broken', data: undefined })
  equal(
    judgeOutcome(handling({ failed: 4 }), retry({ afterMs: 1 }), [], half).outcome,
    'bury',
    'an explicit retry counts too',
  )
})

const deciding = (decide: RetryPolicy['decide']): RetryPolicy => ({ ...DEFAULT_RETRY, decide })

const judgeError = (failed: number, decide: RetryPolicy['decide']) =>
  judgeFault(handling({ failed }), faultOf('handler-failed', new Error('gone')), deciding(decide), half)

test('a decision about the error comes before the policy, and attempts before a decision to retry', () => {
  equal(
    judgeError(0, (error) => (error instanceof Error && error.message === 'gone' ? bury('gone') : undefined)).outcome,
    'bury',
  )
  equal(judgeError(0, () => fail('gone')).outcome, 'fail')
  const later = judgeError(1, (_, attempt) => retry({ afterMs: attempt })).settling
  deepEqual(later.do === 'retry' && [later.delay, later.error.code, later.error.message], [
    { afterMs: 2 },
    'handler-failed',
    'gone',
  ])
  equal(judgeError(4, () => retry({ afterMs: 2 })).outcome, 'bury')
  equal(
    judgeError(0, () => {
      throw new Error('a broken decision')
    }).outcome,
    'retry',
  )
  equal(judgeError(0, () => undefined).outcome, 'retry')
})

const troubled = (failed: number) => handling({ failed, failures: [failureOf(50), failureOf(800)] }).delivery.stored

test('decorrelated jitter looks back at the delay before, but not into another life', () => {
  const policy: RetryPolicy = {
    attempts: 9,
    backoff: { kind: 'exponential', baseMs: 100, capMs: 10_000, factor: 2, jitter: 'decorrelated' },
  }
  equal(
    retryDelayMs(policy, troubled(2), () => 0.999_999),
    100 + 0.999_999 * 2_300,
  )
  equal(
    retryDelayMs(policy, troubled(0), () => 0.999_999),
    100 + 0.999_999 * 200,
  )
})

test('after a cancel request, only what was done, failed or buried on purpose stands', () => {
  const cancelled = handling()
  cancelled.cancelRequested = true
  const judge = (outcome: Parameters<typeof judgeOutcome>[1]) => judgeOutcome(cancelled, outcome, [], half).outcome
  deepEqual([done(1), fail('x'), bury('x'), retry(), snooze(1), cancel('x'), bury('x', 'invalid-output')].map(judge), [
    'done',
    'fail',
    'bury',
    'cancel',
    'cancel',
    'cancel',
    'cancel',
  ])
  equal(judgeFault(cancelled, faultOf('timed-out', new Error('late')), DEFAULT_RETRY, half).outcome, 'cancel')
})

test('a delay that is no time at all is at once', () => {
  for (const wrong of [Number.NaN, -5, Infinity]) {
    deepEqual(judgeOutcome(handling(), snooze(wrong), [], half).settling, {
      do: 'release',
      token: 't',
      delay: { afterMs: 0 },
    })
  }
})
