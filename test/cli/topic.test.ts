// The commands on topics, on an engine that nobody holds.

import { deepEqual, equal, match } from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { open, silentLog } from 'posthorn'
import { newFolder, parse, run } from './command.ts'

test('publish, topics and unsubscribe', async (context) => {
  const folder = join(newFolder(context), 'engine')
  const engine = `file:${folder}`
  const posthorn = (...args: readonly string[]) => run([...args, '--engine', engine])
  {
    await using post = await open(engine, { log: silentLog })
    await post.topic('orders').retain({ for: '7d', count: 1_000 })
    await post.topic('orders').subscribe('billing', {
      types: ['order.*'],
      filters: [{ exact: { subject: 'a b' } }],
      order: 'strict',
    })
    await post.topic('orders').subscribe('all')
  }
  const published = await posthorn('publish', 'orders', 'order.paid', '{"n":1}', '--subject', 'a b', '--key', 'k')
  match(published.out, /^published [0-9a-f-]{36} to 2 subscriptions \(durability: disk\)\n$/, published.err)
  const args = ['publish', 'orders', 'refund.made', '--dedupe', 'once', '--source', '/shop'] as const
  match((await posthorn(...args, '--json')).out, /"matched":1/)
  match((await posthorn(...args)).out, /^duplicate of /)

  match((await posthorn('topics')).out, /topic +subscriptions +keeps +types\norders +2 +1,000, 7d +-\n/)
  const { out } = await posthorn('topics', 'orders')
  match(out, /subscription +status +lag +dead +missed +oldest ready +order +wants\n/)
  match(out, /all +live +2 +0 +0 .* key +\*\*\n/)
  match(out, /billing +live +1 +0 +0 .* strict +order\.\* \[\{"exact":\{"subject":"a b"\}\}\]\n/)
  const { items } = parse((await posthorn('topics', 'orders', '--json')).out)
  deepEqual(
    items.map(({ name, lag }: Record<string, unknown>) => [name, lag]),
    [
      ['all', 2],
      ['billing', 1],
    ],
  )
  const message = await posthorn('show', 'topic:orders:billing', '--json')
  equal(message.code, 0)

  const kept = await posthorn('unsubscribe', 'orders', 'all')
  equal(kept.code, 2)
  match(kept.err, /subscription 'all' of topic 'orders' still has 2 events/)
  match((await posthorn('unsubscribe', 'orders', 'all', '--force')).out, /^ended subscription all of orders\n$/)
  equal((await posthorn('unsubscribe', 'orders', 'all')).code, 3)
  equal((await posthorn('topics', 'nobody')).code, 3)
})

test('what is wrong with a publish is told', async (context) => {
  const engine = `file:${join(newFolder(context), 'engine')}`
  for (const [args, message] of [
    [['publish', 'orders'], /missing required argument 'type'/],
    [['publish', 'orders', 'a', '{nope'], /the body is not JSON[^]*posthorn publish TOPIC TYPE/],
    [['publish', 'a b', 'a'], /topic is "a b"/],
    [['publish', 'orders', 'a', '--delay', '5'], /no unit/],
    [['publish', 'orders', 'a b'], /event\.type/],
  ] as const) {
    const { code, err } = await run([...args, '--engine', engine])
    match(err, message)
    equal(code, 2, args.join(' '))
  }
})
