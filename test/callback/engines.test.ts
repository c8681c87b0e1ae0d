// The life of an endpoint on each engine, while somebody delivers: also where that is another process than the one that is told of the change.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { z } from 'zod'
import { open, type Post } from '../../src/posthorn.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { topic } from '../../src/topic/index.ts'
import { onEngines } from '../engines.ts'
import { until } from '../http/server/client.ts'
import { startReceiver, type Receiver } from './receiver.ts'

const orders = topic(
  'orders',
  { 'order.created': z.object({ n: z.number() }), 'order.paid': z.object({ n: z.number() }) },
  { retain: { count: 1_000 } },
)
const POLICY = { allowRanges: ['127.0.0.0/8'], origin: 'posthorn.example' }
const LIFE = { log: silentLog }

const callsOf = (receiver: Receiver, path: string): readonly string[] =>
  receiver.arrivals.filter((arrival) => arrival.path === path).map(({ json }) => `${json().type} ${json().data.n}`)

/** What one is told of an endpoint, and what another delivers of it. */
async function live(post: Post, receiver: Receiver): Promise<void> {
  const came = (path: string, calls: readonly string[]): Promise<void> =>
    until(() => callsOf(receiver, path).length >= calls.length, `${calls.length} calls of ${path}`).then(() =>
      deepEqual(callsOf(receiver, path), calls),
    )
  await post.apps.create('acme')
  await post.endpoints.create({ id: 'first', url: `${receiver.url}/first`, subscriptions: [{ topic: orders }] })
  await post.topic('orders').retain({ count: 1_000 })
  await post.publish(orders, 'order.created', { n: 1 })
  await came('/first', ['order.created 1'])

  // One more, of an app, that wants less, while the first is served; and the first moves.
  const second = { id: 'second', app: 'acme', url: `${receiver.url}/second`, order: 'strict' } as const
  await post.endpoints.create({ ...second, subscriptions: [{ topic: orders, types: ['order.paid'] }] })
  await post.endpoints.change('first', { url: `${receiver.url}/moved` })
  await until(async () => {
    await post.publish(orders, 'order.created', { n: 2 })
    await new Promise((resolve) => setTimeout(resolve, 50))
    return callsOf(receiver, '/moved').length > 0
  }, 'a call where it moved')
  await post.publish(orders, 'order.paid', { n: 3 })
  await came('/second', ['order.paid 3'])

  // Disabled, it keeps what comes; enabled, it has it in order.
  await post.endpoints.change('app:acme:second', { enabled: false })
  for (const n of [4, 5, 6]) await post.publish(orders, 'order.paid', { n })
  await post.endpoints.change('app:acme:second', { enabled: true })
  await came('/second', ['order.paid 3', 'order.paid 4', 'order.paid 5', 'order.paid 6'])

  // What failed is tried again under the same id, and each attempt is kept.
  receiver.answer = ({ path, json }) =>
    path === '/second' && json().data.n === 7 && callsOf(receiver, path).length === 5 ? { status: 500 } : {}
  await post.endpoints.change('app:acme:second', { retry: { attempts: 3, delays: ['50ms'] } })
  const { id } = await post.publish(orders, 'order.paid', { n: 7 })
  await until(() => callsOf(receiver, '/second').length === 6, 'a second call')
  const ids = receiver.arrivals.filter(({ path }) => path === '/second').map(({ headers }) => headers['webhook-id'])
  equal(ids.at(-1), ids.at(-2))
  ok(id !== undefined)
  await until(
    async () =>
      (await post.endpoints.attempts('app:acme:second')).filter(({ outcome }) => outcome === 'retry').length === 1,
    'the attempt that failed',
  )

  await until(async () => (await post.endpoints.get('app:acme:second'))?.lag === 0, 'all are settled')
  // A range again: from the topic, which keeps one content for all.
  const before = callsOf(receiver, '/second').length
  const since = new Date(Date.now() - 60_000)
  const { matched, sent } = await post.endpoints.redeliver('app:acme:second', { since })
  deepEqual([matched, sent], [5, 5])
  await until(() => callsOf(receiver, '/second').length === before + 5, 'all of it again')

  await post.endpoints.remove('app:acme:second', { force: true })
  await post.apps.delete('acme', { force: true })
  const calls = receiver.arrivals.filter(({ path }) => path === '/second').length
  await post.publish(orders, 'order.paid', { n: 8 })
  await until(() => callsOf(receiver, '/moved').includes('order.paid 8'), 'the other is served')
  equal(receiver.arrivals.filter(({ path }) => path === '/second').length, calls)
}

onEngines('an endpoint is served, moved, disabled, tried again and removed while it is delivered to', async (url) => {
  using receiver = await startReceiver()
  await using post = await open(url, LIFE)
  const delivering = await post.endpoints.deliver(POLICY)
  await live(post, receiver)
  await delivering.stop({ grace: 0 })
})

onEngines(
  'who delivers learns of endpoints that another process makes and changes',
  async (url) => {
    using receiver = await startReceiver()
    await using other = await open(url, LIFE)
    const delivering = await other.endpoints.deliver(POLICY)
    await using post = await open(url, LIFE)
    await live(post, receiver)
    await delivering.stop({ grace: 0 })
  },
  ['sqlite', 'postgres'],
)
