import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { ManualClock } from '../../../core/clock.ts'
import type { Answer } from '../connection/driver.ts'
import { Watchers } from '../hint/hint.ts'
import { DEFAULT_ENGINE_LIMITS } from '../session/limit.ts'
import type { Query, Session } from '../session/session.ts'
import type { Transactor } from '../session/transact.ts'
import { Upkeep } from './upkeep.ts'

/** Of a queue in which something new is found at every look, and of a process whose session is refused as often as is said. */
function upkeepOf(parts: { refusals: number }) {
  const clock = new ManualClock()
  const said = { looks: 0, tries: 0, forgets: 0, sharedForgets: 0, failures: 0 }
  const answers: Readonly<Record<string, () => object>> = {
    'look': () => ({ kind: 'queue', name: 'a', mark: said.looks++ }),
    'forget': () => {
      said.forgets++
      return { is_more: false }
    },
    'forget-shared': () => {
      said.sharedForgets++
      return { count: 0, n: null, gone: 0, is_more: false }
    },
  }
  const query: Query = async (name) => ({ rows: [answers[name]!()] }) as unknown as Answer
  const session = {
    limits: DEFAULT_ENGINE_LIMITS,
    burst: (use: (query: Query) => Promise<unknown>) => use(query),
    now: async () => ({ now: 0, wall: 0, isDue: false, isLapsed: false }),
  } as unknown as Session
  const watchers = new Watchers(
    () => {},
    () => {},
  )
  watchers.watch({ queues: ['a'] }, () => {})
  const upkeep = new Upkeep({
    session,
    lockKey: 1,
    transactor: {} as Transactor,
    watchers,
    clock,
    findGone: async () => {
      said.tries++
      if (parts.refusals-- > 0) throw new Error('sorry, too many clients already')
    },
    isTold: () => false,
    pollMs: () => 250,
    forgetMs: 1_000,
    failed: () => void said.failures++,
  })
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed++) {
      clock.advance(1)
      await setImmediate()
    }
  }
  upkeep.start()
  return { upkeep, said, pass }
}

test('who has just opened, and looked, looks for others after two seconds', async () => {
  const { upkeep, said, pass } = upkeepOf({ refusals: 0 })
  await pass(1_900)
  equal(said.tries, 0)
  await pass(200)
  equal(said.tries, 1)
  await upkeep.stop()
})

test('a busy process that is refused its session asks for it less and less often, and forgets what is old meanwhile', async () => {
  const { upkeep, said, pass } = upkeepOf({ refusals: Infinity })
  upkeep.beKnown()
  await pass(10_000)
  await upkeep.stop()
  ok(said.looks > 500, `it looked ${said.looks} times`)
  ok(said.tries >= 20 && said.tries < 30, `it asked ${said.tries} times`)
  ok(said.forgets >= 9 && said.sharedForgets >= 9, `it forgot ${said.forgets} and ${said.sharedForgets} times`)
  equal(said.failures, 1)
})

test('a process that is let in again looks for others as rarely as before', async () => {
  const { upkeep, said, pass } = upkeepOf({ refusals: 3 })
  upkeep.beKnown()
  // 20, 40 and 80 ms later it has it.
  await pass(200)
  equal(said.tries, 4)
  await pass(1_900)
  equal(said.tries, 4)
  await pass(200)
  equal(said.tries, 5)
  await upkeep.stop()
})
