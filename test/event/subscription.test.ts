// What is promised of subscriptions, said at the API and held on every engine: who does not keep up harms nobody, is announced and catches
// up, or has its gap recorded; workers of a name share its events; who is idle is shown.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { z } from 'zod'
import { systemClock } from '../../src/core/clock.ts'
import { open } from '../../src/posthorn.ts'
import { subscribe, systemEvents, topic } from '../../src/topic/index.ts'
import { onEngines } from '../engines.ts'
import { createTestLog, until } from './workbench.ts'

const { log } = createTestLog()
const Counted = z.object({ n: z.number() })
const kept = topic('kept', { 'count.up': Counted, 'count.down': Counted }, { retain: { count: 10_000 } })
const fleeting = topic('fleeting', { 'count.up': Counted })
const EVENTS = 30
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n)

onEngines(
  'a full, a disabled and a dead subscription block no publisher, are announced, and catch up or have their gap',
  async (url) => {
    await using post = await open(url, { log })
    const live: number[] = []
    const announced: string[] = []
    const small = { order: 'strict', queue: { limit: { messages: 5 } } } as const
    // Full: its handler never ends. Disabled: its queue is paused. Dead: nobody handles it at all.
    const full: number[] = []
    const stuck = Promise.withResolvers<void>()
    const full_ = subscribe(
      kept,
      'full',
      '**',
      async ({ data }) => {
        await stuck.promise
        full.push(data.n)
      },
      small,
    )
    const caught: Record<string, number[]> = { disabled: [], dead: [], passing: [] }
    const late = (name: 'disabled' | 'dead') =>
      subscribe(kept, name, 'count.up', async ({ data }) => void caught[name]!.push(data.n), small)
    const passing = subscribe(
      fleeting,
      'passing',
      '**',
      async ({ data }) => void caught['passing']!.push(data.n),
      small,
    )
    const begun = await post.work([late('disabled'), late('dead'), passing])
    await begun.stop()
    await post.queue('topic:kept:disabled').pause()
    await using _ = await post.work([
      full_,
      late('disabled'),
      subscribe(kept, 'live', '**', async ({ data }) => void live.push(data.n), { order: 'strict' }),
      subscribe(systemEvents, 'alarm', 'posthorn.subscription.*', async ({ type, data }) => {
        announced.push(`${type.split('.').at(-1)} ${(data as { name: string }).name}`)
      }),
    ])
    for (const n of upTo(EVENTS)) {
      const { matched } = await post.publish(kept, 'count.up', { n })
      ok(matched >= 1)
      await post.publish(fleeting, 'count.up', { n })
    }
    await until(() => live.length === EVENTS, 'who keeps up has all')
    deepEqual(live, upTo(EVENTS))
    await until(() => announced.length === 4, 'all four are announced')
    deepEqual(announced.toSorted(), ['suspended dead', 'suspended disabled', 'suspended full', 'suspended passing'])
    for (const name of ['full', 'disabled', 'dead']) {
      const view = (await post.topic(kept).subscription(name))!
      deepEqual([view.status, view.lag], ['suspended', 5], name)
    }
    const gone = (await post.topic(fleeting).subscription('passing'))!
    deepEqual([gone.status, gone.gaps.map(({ count }) => count)], ['suspended', [EVENTS - 5]])

    stuck.resolve()
    await post.queue('topic:kept:disabled').resume()
    await using other = await post.work([late('dead'), passing])
    await until(
      () => [full, caught['disabled']!, caught['dead']!].every(({ length }) => length >= EVENTS),
      'all catch up',
    )
    await until(() => announced.length === 8, 'that, too, is announced')
    await post.publish(kept, 'count.up', { n: EVENTS })
    await post.publish(fleeting, 'count.up', { n: EVENTS })
    await until(
      () => caught['dead']!.length > EVENTS && caught['passing']!.length > 5 && full.length > EVENTS,
      'the next',
    )
    await until(() => caught['disabled']!.length > EVENTS, 'the next')
    for (const got of [full, caught['disabled'], caught['dead']]) deepEqual(got, upTo(EVENTS + 1))
    deepEqual(caught['passing'], [0, 1, 2, 3, 4, EVENTS])
    deepEqual((await post.topic(kept).subscription('dead'))!.gaps, [])
    equal((await post.topic(fleeting).subscription('passing'))!.gaps[0]!.count, EVENTS - 5)
    await other.stop()
  },
)

onEngines('workers of a name share its events, each once; another name gets all of them', async (url) => {
  await using post = await open(url, { log })
  const got: Record<string, number[]> = { one: [], two: [], other: [] }
  const slowly =
    (who: string) =>
    async ({ data }: { readonly data: { readonly n: number } }) => {
      got[who]!.push(data.n)
      await new Promise(setImmediate)
    }
  const shared = { order: 'none', concurrency: 2 } as const
  await using _ = await post.work([subscribe(kept, 'shared', '**', slowly('one'), shared)])
  await using __ = await post.work([
    subscribe(kept, 'shared', '**', slowly('two'), shared),
    subscribe(kept, 'other', 'count.down', slowly('other')),
  ])
  await post.commit((fx) => {
    for (const n of upTo(100)) fx.publish(kept, n % 2 === 0 ? 'count.up' : 'count.down', { n })
  })
  await until(() => got['one']!.length + got['two']!.length === 100 && got['other']!.length === 50, 'all are handled')
  deepEqual(
    [...got['one']!, ...got['two']!].toSorted((a, b) => a - b),
    upTo(100),
  )
  deepEqual(
    got['other']!.toSorted((a, b) => a - b),
    upTo(100).filter((n) => n % 2 === 1),
  )
})

onEngines(
  'a new name gets what is kept and goes on with what comes, without a gap or a double, while others publish',
  async (url) => {
    await using post = await open(url, { log })
    let next = 0
    const done = new AbortController()
    const publishing = (async () => {
      while (!done.signal.aborted) {
        await post.publish(kept, 'count.up', { n: next++ })
        // Not all of the loop: in memory nothing else would have its turn.
        await new Promise(setImmediate)
      }
    })()
    await until(() => next > 20, 'some are published')
    const got: number[] = []
    await using _ = await post.work([
      subscribe(kept, 'late', '**', async ({ data }) => void got.push(data.n), { from: 'beginning', order: 'strict' }),
    ])
    const from = next
    await until(() => got.length > from + 20, 'it has caught up, and goes on')
    done.abort()
    await publishing
    await until(() => got.length >= next, 'all')
    deepEqual(got, upTo(next))
  },
)

onEngines('who has taken nothing for a day is shown as idle', async (url) => {
  let aheadMs = 0
  const clock = { ...systemClock, wallMs: () => systemClock.wallMs() + aheadMs }
  await using post = await open(url, { log, clock })
  const handlers = ['read', 'unread', 'empty'].map((name) =>
    subscribe(kept, name, name === 'empty' ? 'count.down' : 'count.up', async () => {}),
  )
  await (await post.work(handlers)).stop()
  await post.publish(kept, 'count.up', { n: 1 })
  const reading = await post.work([handlers[0]!])
  await until(async () => (await post.topic(kept).subscription('read'))!.lag === 0, 'one has read it')
  await reading.stop()
  const idle = async () => {
    const { items } = await post.topic(kept).subscriptions()
    return items.filter((view) => view.idle).map(({ name, waitingSince }) => [name, waitingSince instanceof Date])
  }
  deepEqual(await idle(), [])
  aheadMs = 25 * 3_600_000
  deepEqual(await idle(), [['unread', true]])
})
