// Listening in the process: order, errors, backpressure and its policies, coalescing, and the ends of it.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { on, source, timer } from '../../src/event/index.ts'
import { isPosthornError } from '../../src/core/error.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { createTestLog, Gate, until } from './workbench.ts'

const { log: silent } = createTestLog()
const counts = {
  'count.up': z.object({ n: z.number() }),
  'count.down': z.object({ n: z.coerce.number<string | number>() }),
}
const counting = (options = {}) => source('counting', counts, { log: silent, ...options })

const isCode = (code: string) => (error: unknown) => isPosthornError(error) && error.code === code

test('a handler gets every event that it wants, parsed, one at a time and in order', async () => {
  const told = counting()
  const seen: unknown[] = []
  let running = 0
  await using all = await on(told, async (event) => {
    equal(++running, 1)
    await new Promise(setImmediate)
    seen.push([event.type, event.data.n, event.source])
    running--
  })
  await using down = await on(told, ({ type }) => seen.push(type), { types: 'count.down' })
  await told.emit('count.up', { n: 1 })
  await told.emit('count.down', { n: '2' })
  await all.stop()
  await down.stop()
  deepEqual(seen.filter(Array.isArray), [
    ['count.up', 1, 'counting'],
    ['count.down', 2, 'counting'],
  ])
  deepEqual(
    seen.filter((each) => !Array.isArray(each)),
    ['count.down'],
  )
  deepEqual(all.counts, { handled: 2, failed: 0, coalesced: 0, dropped: 0, waiting: 0 })
})

test('an event has an id, a time and its subject; a given id is kept', async () => {
  const told = counting({ clock: new ManualClock(Date.UTC(2026, 2, 1)) })
  const seen: unknown[] = []
  await using _ = await on(told, ({ id, time, subject }) => seen.push([id, time, subject]))
  await told.emit('count.up', { n: 1 }, { id: 'mine', subject: 'a' })
  await _.stop()
  deepEqual(seen, [['mine', '2026-03-01T00:00:00.000Z', 'a']])
})

test('what a handler throws is reported, and the next event is handled', async () => {
  const { log, entries } = createTestLog()
  const told = counting({ log })
  const handled: number[] = []
  const failing = async ({ data }: { data: { n: number } }) => {
    handled.push(data.n)
    if (data.n < 3) throw new Error(`no ${data.n}`)
  }
  const errors: unknown[] = []
  await using logged = await on(told, failing)
  await using asked = await on(told, failing, {
    onError: (error, { id }) => errors.push([(error as Error).message, id]),
  })
  for (const n of [1, 2, 3]) await told.emit('count.up', { n }, { id: `${n}` })
  await Promise.all([logged.stop(), asked.stop()])
  deepEqual(handled.toSorted(), [1, 1, 2, 2, 3, 3])
  deepEqual(errors, [
    ['no 1', '1'],
    ['no 2', '2'],
  ])
  deepEqual(
    entries.map(({ level, message }) => `${level} ${message}`),
    ["error a listener of source 'counting' failed", "error a listener of source 'counting' failed"],
  )
  deepEqual([logged.counts.failed, logged.counts.handled], [2, 1])
})

test('a report that fails costs nothing but itself', async () => {
  const { log, entries } = createTestLog()
  const told = counting({ log })
  await using listening = await on(
    told,
    () => {
      throw new Error('handler')
    },
    {
      onError: () => {
        throw new Error('report')
      },
    },
  )
  await told.emit('count.up', { n: 1 })
  await listening.stop()
  deepEqual(
    entries.map(({ message }) => message),
    ["onError of a listener of source 'counting' failed"],
  )
})

test("overflow 'wait': emit resolves when there is room, and is refused when too many wait for it", async () => {
  const told = counting()
  const gate = new Gate()
  const seen: number[] = []
  await using listening = await on(
    told,
    async ({ data }) => {
      await gate.pass()
      seen.push(data.n)
    },
    { limit: 2 },
  )
  await told.emit('count.up', { n: 0 })
  await until(() => listening.counts.waiting === 0, 'the first is being handled')
  await told.emit('count.up', { n: 1 })
  await told.emit('count.up', { n: 2 })
  let admitted = 0
  const late = [3, 4].map((n) => told.emit('count.up', { n }).then(() => admitted++))
  await new Promise(setImmediate)
  equal(admitted, 0)
  await rejects(told.emit('count.up', { n: 5 }), isCode('full'))
  equal(listening.counts.waiting, 4)
  gate.open()
  await Promise.all(late)
  await listening.stop()
  deepEqual(seen, [0, 1, 2, 3, 4])
  equal(listening.counts.dropped, 1)
})

for (const [overflow, kept] of [
  ['drop-oldest', [0, 3, 4]],
  ['drop-newest', [0, 1, 2]],
] as const) {
  test(`overflow '${overflow}': the others are kept in order, what is dropped is counted, and told once`, async () => {
    const { log, entries } = createTestLog()
    const told = counting({ log })
    const gate = new Gate()
    const seen: number[] = []
    await using listening = await on(
      told,
      async ({ data }) => {
        await gate.pass()
        seen.push(data.n)
      },
      { limit: 2, overflow },
    )
    await told.emit('count.up', { n: 0 })
    await until(() => listening.counts.waiting === 0, 'the first is being handled')
    for (const n of [1, 2, 3, 4]) await told.emit('count.up', { n })
    gate.open()
    await listening.stop()
    deepEqual(seen, kept)
    equal(listening.counts.dropped, 2)
    equal(entries.length, 1)
    match(entries[0]!.message, /too slow: 2 events wait \(limit\)/)
  })
}

test('signal style: what waits is one event, the latest; per key with a function', async () => {
  const told = counting()
  const gate = new Gate()
  const seen: unknown[] = []
  await using one = await on(
    told,
    async ({ data }) => {
      await gate.pass()
      seen.push(data.n)
    },
    { coalesce: true, limit: 1 },
  )
  await using two = await on(
    told,
    async ({ type, data }) => {
      await gate.pass()
      seen.push(`${type} ${data.n}`)
    },
    { coalesce: ({ type }) => type },
  )
  await told.emit('count.up', { n: 0 })
  await until(() => one.counts.waiting + two.counts.waiting === 0, 'the first is being handled')
  for (const n of [1, 2, 3]) {
    await told.emit('count.up', { n })
    await told.emit('count.down', { n })
  }
  gate.open()
  await Promise.all([one.stop(), two.stop()])
  deepEqual(
    seen.filter((each) => typeof each === 'number'),
    [0, 3],
  )
  deepEqual(
    seen.filter((each) => typeof each === 'string'),
    ['count.up 0', 'count.up 3', 'count.down 3'],
  )
  deepEqual([one.counts.coalesced, two.counts.coalesced], [5, 4])
})

test('a coalesce that throws is reported, and harms neither the event nor whoever tells it', async () => {
  const told = counting()
  const [seen, errors]: [number[], string[]] = [[], []]
  await using listening = await on(told, ({ data }) => seen.push(data.n), {
    coalesce: ({ data }) => {
      if (data.n === 2) throw new Error('no text')
      return 'same'
    },
    onError: (error) => errors.push((error as Error).message),
  })
  for (const n of [1, 2, 3]) await told.emit('count.up', { n })
  await listening.stop()
  deepEqual({ seen, errors }, { seen: [1, 2, 3], errors: ['no text'] })
})

test('a slow listener does not reorder or starve another; the source waits for the slowest', async () => {
  const told = counting()
  const gate = new Gate()
  const quick: number[] = []
  await using fast = await on(told, ({ data }) => quick.push(data.n), { limit: 1 })
  await using slow = await on(told, () => gate.pass(), { limit: 1 })
  const emitting = (async () => {
    for (let n = 0; n < 5; n++) await told.emit('count.up', { n })
  })()
  await until(() => quick.length >= 2, 'the quick one goes on as far as the source does')
  ok(quick.length < 5)
  gate.open()
  await emitting
  await Promise.all([fast.stop(), slow.stop()])
  deepEqual(quick, [0, 1, 2, 3, 4])
})

test('using ends it at once: what waits is given up, the running handler is told', async () => {
  const told = counting()
  const gate = new Gate()
  const seen: number[] = []
  let isAborted = false
  {
    using listening = await on(told, async ({ data }, { signal }) => {
      seen.push(data.n)
      signal.addEventListener('abort', () => (isAborted = true))
      await gate.pass()
    })
    await told.emit('count.up', { n: 1 })
    await told.emit('count.up', { n: 2 })
    await until(() => seen.length === 1, 'the first runs')
    equal(listening.counts.waiting, 1)
  }
  ok(isAborted)
  gate.open()
  await told.emit('count.up', { n: 3 })
  await new Promise(setImmediate)
  deepEqual(seen, [1])
})

test('stop handles what waits; with a grace that is over it gives up, and may be called again', async () => {
  const clock = new ManualClock()
  const told = counting({ clock })
  const seen: number[] = []
  const listening = await on(told, async ({ data }, { signal }) => {
    seen.push(data.n)
    if (data.n === 2) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  })
  for (const n of [1, 2, 3]) await told.emit('count.up', { n })
  const stopping = listening.stop({ grace: '1s' })
  await until(() => seen.length === 2, 'the second is under way')
  clock.advance(1_000)
  await Promise.all([stopping, listening.stop()])
  deepEqual(seen, [1, 2])
})

test('a source begins with its first listener, ends with its last, and may begin again', async () => {
  const clock = new ManualClock()
  const ticks = timer('tick', { every: '1s', clock, log: silent })
  equal(clock.nextTimerInMs(), null)
  const first = await on(ticks, () => {})
  const second = await on(ticks, () => {})
  equal(clock.nextTimerInMs(), 1_000)
  await first.stop()
  equal(clock.nextTimerInMs(), 1_000)
  await second.stop()
  equal(clock.nextTimerInMs(), null)
  using _ = await on(ticks, () => {})
  equal(clock.nextTimerInMs(), 1_000)
})

test('mistakes are told by name', async () => {
  const told = counting()
  const bad = told as never
  await rejects(on(bad, 7 as never), /on\(counting\): the handler is 7: it must be a function of the event/)
  await rejects(
    on({ kind: 'topic' } as never, () => {}),
    /the first argument of on\(\) is a topic: it must be a source/,
  )
  await rejects(
    on(bad, () => {}, { limt: 3 } as never),
    /'limt' is no option; did you mean 'limit'\?/,
  )
  await rejects(
    on(bad, () => {}, { limit: 0 }),
    /limit is 0: it must be a whole number from 1 to 1000000/,
  )
  await rejects(
    on(bad, () => {}, { overflow: 'drop' as never }),
    /'wait', 'drop-oldest', 'drop-newest'/,
  )
  await rejects(
    on(bad, () => {}, { types: [] as never }),
    /types is \[\]: it must be a pattern/,
  )
  await rejects(told.emit('count.sideways' as never, {} as never), isCode('unknown-event'))
  await rejects(told.emit('count.up', { n: 'x' } as never), isCode('invalid-input'))
  await rejects(told.emit('count.up', { n: 1 }, { id: '' }), /id is "": it must be a text that is not empty/)
  await rejects(async () => source('a b', counts), isCode('invalid-name'))
  await rejects(async () => source('a', {}), /events is \{\}: it must be an object of schemas/)
})
