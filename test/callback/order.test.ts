// What becomes of later events while an earlier one fails, by the order that an endpoint asks for; what is told and kept of failures.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import type { EndpointOptions } from '../../src/callback/index.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { topic } from '../../src/topic/index.ts'
import { onEngines, openOn } from '../engines.ts'
import { until } from '../http/server/client.ts'
import { startReceiver } from './receiver.ts'

const orders = topic(
  'orders',
  { 'order.created': z.object({ id: z.string(), shop: z.string() }) },
  { key: ({ data }) => (data as { shop: string }).shop },
)
const SECOND = 1_000
const DAY = 86_400_000

async function begin(options: Partial<EndpointOptions>, url = 'memory:') {
  const clock = new ManualClock(Date.now())
  const receiver = await startReceiver()
  const post = await openOn(url, { log: silentLog, clock, random: () => 0 })
  await post.topic('system:events').subscribe('alarm', { types: ['posthorn.endpoint.*'] })
  await post.endpoints.create({
    id: 'hook',
    url: `${receiver.url}/hook`,
    subscriptions: [{ topic: orders }],
    ...options,
  })
  const delivering = await post.endpoints.deliver({ allowRanges: ['127.0.0.0/8'], disableAfter: '2d' })
  const idsOf = (): readonly string[] =>
    receiver.arrivals.map((call) => (call.json() as { data: { id: string } }).data.id)
  return {
    post,
    clock,
    receiver,
    idsOf,
    delivering,
    publish: (id: string, shop = id) => post.publish(orders, 'order.created', { id, shop }),
    attempts: async (count: number) =>
      until(async () => (await post.endpoints.attempts('hook')).length === count, `${count} attempts`),
    told: async () => {
      const { items } = await post.queue('topic:system:events:alarm').browse({ state: 'ready' })
      return items.map(({ message }) => message.event.type)
    },
    async [Symbol.asyncDispose]() {
      await post.close({ grace: 0 })
      receiver[Symbol.dispose]()
    },
  }
}

/** One that fails twice, before its receiver takes it. */
async function failing(url: string, order: 'none' | 'key' | 'strict') {
  const world = await begin({ order, retry: { attempts: 5, delays: ['10s'] } }, url)
  let refused = 0
  world.receiver.answer = ({ body }) => (body.includes('"first"') && refused++ < 2 ? { status: 500 } : {})
  await world.publish('first', 'north')
  await world.attempts(1)
  await world.publish('second', 'north')
  await world.publish('third', 'south')
  return world
}

/** The last of the attempts is made, and so is everything that waited for it. */
async function recover({ clock, attempts, receiver }: Awaited<ReturnType<typeof begin>>): Promise<void> {
  const before = receiver.arrivals.length
  clock.advance(10 * SECOND)
  await attempts(before + 1)
  clock.advance(10 * SECOND)
  await attempts(5)
}

onEngines("order 'none': what fails holds back nothing", async (url) => {
  await using world = await failing(url, 'none')
  await world.attempts(3)
  deepEqual([world.idsOf()[0], world.idsOf().slice(1).toSorted()], ['first', ['second', 'third']])
  await recover(world)
  deepEqual(world.idsOf().slice(3), ['first', 'first'])
})

onEngines("order 'key': what fails holds back its key and no other", async (url) => {
  await using world = await failing(url, 'key')
  await world.attempts(2)
  deepEqual(world.idsOf(), ['first', 'third'])
  await recover(world)
  deepEqual(world.idsOf().slice(2), ['first', 'first', 'second'])
})

onEngines("order 'strict': what fails holds back all that came later", async (url) => {
  await using world = await failing(url, 'strict')
  const { post } = world
  equal((await post.endpoints.get('hook'))?.lag, 3)
  await recover(world)
  deepEqual(world.idsOf(), ['first', 'first', 'first', 'second', 'third'])
})

onEngines("order 'strict': a dead letter lets what came later go on", async (url) => {
  await using world = await begin({ order: 'strict', retry: { attempts: 1 } }, url)
  world.receiver.answer = ({ body }) => (body.includes('"first"') ? { status: 400 } : {})
  for (const id of ['first', 'second']) await world.publish(id)
  await world.attempts(2)
  deepEqual(world.idsOf(), ['first', 'second'])
  await until(async () => (await world.post.endpoints.get('hook'))?.dead === 1, 'the dead letter')
})

test('what fails for days is disabled, is told of once, keeps what comes, and begins anew when it is enabled', async () => {
  await using world = await begin({ retry: { attempts: 50, delays: ['6h'] }, concurrency: 1 })
  const { post, clock, receiver, publish, told, delivering } = world
  receiver.answer = () => ({ status: 500 })
  for (let n = 0; n < 5; n++) await publish(`o${n}`)
  await until(async () => (await post.endpoints.get('hook'))?.status === 'failing', 'it is failing')
  deepEqual(await told(), ['posthorn.endpoint.failing'])
  await until(async () => {
    clock.advance(3_600 * SECOND)
    return (await post.endpoints.get('hook'))?.status === 'disabled'
  }, 'it is disabled')
  deepEqual(await told(), ['posthorn.endpoint.failing', 'posthorn.endpoint.disabled'])
  deepEqual((await post.endpoints.get('hook'))?.disabled?.reason, 'failing')
  await publish('later')
  receiver.arrivals.length = 0
  clock.advance(DAY)
  receiver.answer = () => ({})
  await post.endpoints.change('hook', { enabled: true })
  await until(async () => {
    // A call that is under way would run out of its time.
    if (delivering.pace('hook')?.underWay === 0) clock.advance(SECOND)
    return (await post.endpoints.get('hook'))?.lag === 0
  }, 'all that waited is sent')
  ok(world.idsOf().includes('later'))
  deepEqual(await told(), ['posthorn.endpoint.failing', 'posthorn.endpoint.disabled'], 'who enables it knows')
})

test('of attempts the newest are kept, more of those that failed', async () => {
  await using world = await begin({ retry: { attempts: 1 }, concurrency: 1 })
  const { post, receiver, publish } = world
  receiver.answer = ({ body }) => (body.includes('"bad') ? { status: 400 } : {})
  for (let n = 0; n < 70; n++) await publish(`good${n}`)
  for (let n = 0; n < 120; n++) await publish(`bad${n}`)
  await until(() => receiver.arrivals.length === 190, 'all calls')
  await until(async () => (await post.endpoints.get('hook'))?.lag === 0, 'their ends')
  const attempts = await post.endpoints.attempts('hook')
  const events = (outcome: string): readonly string[] =>
    attempts.filter((each) => each.outcome === outcome).map(({ message }) => message)
  deepEqual([attempts.length, events('delivered').length, events('dead').length], [150, 50, 100])
  const kept = new Set(attempts.map(({ message }) => message))
  const ids = receiver.arrivals.map(({ headers }) => String(headers['webhook-id']))
  deepEqual(
    ids.filter((id) => kept.has(id)),
    [...ids.slice(20, 70), ...ids.slice(90)],
  )
})
