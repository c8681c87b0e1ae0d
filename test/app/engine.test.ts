// Apps on every engine: from the first key to the deletion, two apps with the same names, and a second process that obeys what the first
// one changed.

import { deepEqual, equal } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createPost, open, type Post } from '../../src/posthorn.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { handler } from '../../src/server/index.ts'
import { onPostgres } from '../postgres/world.ts'

const KEY = 'the-key-of-the-platform'
const root = mkdtempSync(join(tmpdir(), 'posthorn-apps-'))
after(() => rmSync(root, { recursive: true, force: true }))

const openAt = (url: string): Promise<Post> => open(url, { log: silentLog })

test('memory', () => check(() => openAt('memory:'), false))
test('file', () => check(() => openAt(`file:${join(root, 'file')}`), false))
test('sqlite', () => check(() => openAt(`sqlite:${join(root, 'apps.db')}`), true))
onPostgres('postgres', (world) =>
  check(async () => {
    const engine = await world.open()
    return createPost({ url: world.url, engine, options: { log: silentLog }, release: async () => {} })
  }, true),
)

function askerOf(post: Post) {
  const answer = handler(post, { key: KEY })
  return async (key: string, method: string, path: string, body?: unknown) => {
    const response = await answer(
      new Request(`http://posthorn.example${path}`, {
        method,
        headers: { 'authorization': `Bearer ${key}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    )
    const text = await response.text()
    return { status: response.status, json: text === '' ? null : JSON.parse(text) }
  }
}

async function check(openOne: () => Promise<Post>, many: boolean): Promise<void> {
  await using post = await openOne()
  const ask = askerOf(post)
  const keys: string[] = []
  for (const name of ['acme', 'beta']) {
    await post.apps.create(name, { scopes: ['queue:**', 'task:resize', 'topic:orders'] })
    keys.push((await post.apps.addKey(name)).key)
  }
  await ask(KEY, 'PUT', '/v1/queues/task:resize', {})
  await ask(KEY, 'PUT', '/v1/topics/orders', { retain: { count: 10 } })
  for (const key of keys) {
    equal((await ask(key, 'PUT', '/v1/queues/inbox', {})).status, 201)
    equal((await ask(key, 'PUT', '/v1/subscriptions/mine', { topic: 'orders' })).status, 201)
    equal((await ask(key, 'POST', '/v1/queues/inbox/messages', { key })).status, 202)
    equal((await ask(key, 'POST', '/v1/tasks/resize', { key })).status, 202)
  }
  await ask(KEY, 'POST', '/v1/topics/orders/events?type=order.made', { n: 1 })
  for (const key of keys) {
    for (const queue of ['inbox', 'topic:orders:mine']) {
      const { json } = await ask(key, 'POST', `/v1/queues/${queue}/lease`, { max: 10 })
      equal(json.deliveries.length, 1, queue)
      const [{ token, message }] = json.deliveries
      deepEqual(message.data, queue === 'inbox' ? { key } : { n: 1 })
      const settled = await ask(key, 'POST', `/v1/queues/${queue}/settle`, { outcomes: [{ token, do: 'ack' }] })
      equal(settled.json.results[0].status, 'ok')
    }
    const { json } = await ask(key, 'GET', '/v1/operations')
    deepEqual(
      json.items.map(({ status }: { status: string }) => status),
      ['accepted'],
    )
    const { json: events } = await ask(key, 'GET', '/v1/topics/orders/events')
    equal(events.items.length, 1)
    const { json: shown } = await ask(key, 'GET', '/v1/subscriptions/mine')
    deepEqual([shown.name, shown.queue, shown.lag], ['mine', 'topic:orders:mine', 0])
  }
  if (many) await checkSecond(openOne, post, keys[1]!)
  await post.apps.delete('acme', { force: true })
  equal((await post.topic('orders').subscriptions()).items.length, 1)
  const left = (await ask(KEY, 'GET', '/v1/queues/task:resize')).json
  equal(left.ready, 1)
  const { items } = await post.topic('system:audit').read()
  equal(items.at(-1)!.event.type, 'posthorn.app.deleted')
}

/** What one process changes holds in another soon, by a hint or without. */
async function checkSecond(openOne: () => Promise<Post>, first: Post, key: string): Promise<void> {
  await using second = await openOne()
  const ask = askerOf(second)
  equal((await ask(key, 'GET', '/v1/queues')).status, 200)
  await first.apps.pause('beta')
  let status = 200
  while (status === 200) ({ status } = await ask(key, 'GET', '/v1/queues'))
  equal(status, 403)
  await first.apps.resume('beta')
}
