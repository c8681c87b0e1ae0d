// What waits for an endpoint, on each engine: in which order and how fast it is sent, and that nothing of it is sent twice.

import { deepEqual, equal } from 'node:assert/strict'
import { z } from 'zod'
import type { Delivering } from '../../src/callback/index.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { topic } from '../../src/topic/index.ts'
import { onEngines, openOn } from '../engines.ts'
import { until } from '../http/server/client.ts'
import { startReceiver } from './receiver.ts'

const orders = topic('orders', { 'order.created': z.object({ n: z.number() }) }, { retain: { count: 100 } })
const POLICY = { allowRanges: ['127.0.0.0/8'] }

/** An engine on a clock that stands still until it is told to move. */
async function begin(url: string) {
  const clock = new ManualClock(Date.now())
  const receiver = await startReceiver()
  const post = await openOn(url, { log: silentLog, clock, random: () => 0 })
  let delivering: Delivering | null = null
  return {
    clock,
    receiver,
    post,
    make: (options: object) =>
      post.endpoints.create({
        id: 'hook',
        url: `${receiver.url}/hook`,
        subscriptions: [{ topic: orders }],
        ...options,
      }),
    deliver: async () => (delivering = await post.endpoints.deliver(POLICY)),
    publish: (n: number) => post.publish(orders, 'order.created', { n }),
    arrived: (count: number) => until(() => receiver.arrivals.length >= count, `${count} calls`),
    lag: (count: number) =>
      until(async () => (await post.endpoints.get('hook'))?.lag === count, `${count} events that wait`),
    numbers: (): readonly number[] => receiver.arrivals.map(({ json }) => json().data.n),
    async [Symbol.asyncDispose]() {
      await delivering?.stop({ grace: 0 })
      await post.close({ grace: 0 })
      receiver[Symbol.dispose]()
    },
  }
}

onEngines('a range is sent once: dead letters not twice, and what waits not again', async (url) => {
  await using world = await begin(url)
  const { post, clock, receiver, publish } = world
  await world.make({ retry: { attempts: 1 } })
  await post.topic('orders').retain({ count: 100 })
  const since = new Date(clock.wallMs() - 1_000)
  const delivering = await world.deliver()
  receiver.answer = ({ json }) => (json().data.n === 1 ? { status: 400 } : {})
  for (const n of [1, 2]) await publish(n)
  await world.lag(0)
  await delivering.stop()
  await publish(3)
  receiver.arrivals.length = 0
  receiver.answer = () => ({})
  deepEqual(await post.endpoints.redeliver('hook', { since, dryRun: true }), { matched: 3, sent: 0, unkept: [] })
  deepEqual(await post.endpoints.redeliver('hook', { since }), { matched: 3, sent: 2, unkept: [] })
  deepEqual(await post.endpoints.redeliver('hook', { since: new Date(clock.wallMs() + 1) }), {
    matched: 0,
    sent: 0,
    unkept: [],
  })
  await world.deliver()
  await world.lag(0)
  deepEqual(world.numbers().toSorted(), [1, 2, 3])
})

onEngines(
  'what waited while it was disabled is sent in order at the rate that was chosen, and then as fast as it bears',
  async (url) => {
    await using world = await begin(url)
    const { post, clock, receiver, publish } = world
    await world.make({ enabled: false, drainPerSecond: 2, order: 'strict' })
    await world.deliver()
    for (let n = 0; n < 4; n++) await publish(n)
    clock.advance(1_000)
    await world.lag(4)
    equal(receiver.arrivals.length, 0)
    await post.endpoints.change('hook', { enabled: true })
    for (let n = 1; n <= 4; n++) {
      await world.arrived(n)
      await world.lag(4 - n)
      clock.advance(100)
      // A look at it goes through all that a call would wait for.
      await world.lag(4 - n)
      equal(receiver.arrivals.length, n, 'the rate holds')
      clock.advance(410)
    }
    for (let n = 4; n < 10; n++) await publish(n)
    await world.arrived(10)
    // No time passes in which a stop could give up waiting for the last one.
    await world.lag(0)
    deepEqual(
      world.numbers(),
      Array.from({ length: 10 }, (_, n) => n),
    )
  },
)

onEngines(
  'what is being called when an endpoint is removed is not tried again where another gets its id',
  async (url) => {
    await using world = await begin(url)
    const { post, clock, receiver, publish } = world
    const options = { retry: { attempts: 5, delays: ['5s'] } }
    await world.make(options)
    await world.deliver()
    const asked = Promise.withResolvers<void>()
    receiver.answer = async () => (await asked.promise, { status: 500 })
    await publish(1)
    await world.arrived(1)
    await post.endpoints.remove('hook', { force: true })
    await world.make(options)
    receiver.answer = () => ({})
    asked.resolve()
    await world.lag(0)
    await publish(2)
    await world.arrived(2)
    await world.lag(0)
    clock.advance(6_000)
    await world.lag(0)
    deepEqual(world.numbers(), [1, 2])
    deepEqual(
      (await post.endpoints.attempts('hook')).map(({ outcome }) => outcome),
      ['delivered'],
    )
  },
)
