import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import { fromJsonBytes } from '../../src/core/json.ts'
import { internalsOf, open, type Post } from '../../src/posthorn.ts'
import { silentLog } from '../../src/runtime/log.ts'

const openPost = (clock = new ManualClock()): Promise<Post> => open('memory:', { log: silentLog, clock })

test('an app is made, changed, paused, resumed and deleted, and each act is in the audit log', async () => {
  await using post = await openPost()
  const { apps } = post
  const made = await apps.create('acme', { title: 'Acme', scopes: ['queue:**'], quotas: { bytes: 5 }, by: 'ada' })
  deepEqual([made.name, made.scopes, made.quotas.bytes, made.quotas.queues], ['acme', ['queue:**'], 5, 100])
  deepEqual([made.source, made.maxPriority, made.paused, made.keys], ['/apps/acme', 4, false, []])
  await rejects(apps.create('acme'), { code: 'app-exists' })
  const changed = await apps.update('acme', { maxPriority: 7, quotas: { queues: 3 } }, { ifVersion: made.version })
  deepEqual([changed.maxPriority, changed.quotas.bytes, changed.quotas.queues, changed.title], [7, 5, 3, 'Acme'])
  await rejects(apps.update('acme', { title: 'B' }, { ifVersion: made.version }), { code: 'conflict' })
  equal((await apps.pause('acme')).paused, true)
  equal((await apps.resume('acme')).paused, false)
  await apps.create('beta')
  deepEqual(
    (await apps.list()).items.map(({ name }) => name),
    ['acme', 'beta'],
  )
  await apps.delete('acme')
  equal(await apps.get('acme'), null)
  await rejects(apps.pause('acme'), { code: 'app-not-found' })
  const acts = (await post.topic('system:audit').read()).items
  deepEqual(
    acts.map(({ event }) => [event.type, event.subject]),
    [
      ['posthorn.app.created', 'acme'],
      ['posthorn.app.changed', 'acme'],
      ['posthorn.app.paused', 'acme'],
      ['posthorn.app.resumed', 'acme'],
      ['posthorn.app.created', 'beta'],
      ['posthorn.app.deleted', 'acme'],
    ],
  )
  equal((fromJsonBytes(acts[0]!.message.body) as { by: string }).by, 'ada')
})

test('a key is shown once and kept as its hash; rotated it is good until the overlap is over', async () => {
  const clock = new ManualClock()
  await using post = await openPost(clock)
  const { apps } = post
  await apps.create('acme')
  const first = await apps.addKey('acme', { note: 'web', scopes: ['queue:inbox'], expires: '30d' })
  match(first.key, /^phk_[A-Za-z0-9_-]{48}$/)
  equal(first.expiresAt?.getTime(), clock.wallMs() + 30 * 86_400_000)
  const second = await apps.rotateKey('acme', first.id, { overlap: '1h' })
  notEqual(second.key, first.key)
  deepEqual([second.note, second.scopes, second.expiresAt], ['web', ['queue:inbox'], null])
  const { keys } = (await apps.get('acme'))!
  deepEqual(
    keys.map(({ id, expiresAt }) => [id, expiresAt === null ? null : expiresAt.getTime() - clock.wallMs()]),
    [
      [first.id, 3_600_000],
      [second.id, null],
    ],
  )
  await apps.revokeKey('acme', second.id)
  await rejects(apps.revokeKey('acme', second.id), { code: 'key-not-found' })
  const { engine } = internalsOf(post)
  const records = (await engine.list({ prefix: 'system/', after: null, limit: 100 })).items
  const stored = records.map(({ value }) => Buffer.from(value).toString('latin1')).join('\n')
  const audited = JSON.stringify((await post.topic('system:audit').read()).items)
  for (const { key } of [first, second]) ok(!stored.includes(key) && !audited.includes(key))
})

test('what is wrong is named', async () => {
  await using post = await openPost()
  const { apps } = post
  for (const name of ['', 'Acme', 'a.b', 'a:b', '-a', 'a'.repeat(33)])
    await rejects(apps.create(name), { code: 'invalid-name' }, name)
  for (const wrong of [
    { scopes: ['inbox'] },
    { quotas: { bytes: -1 } },
    { quotas: { sugar: 1 } },
    { maxPriority: 10 },
    { source: 'a b' },
    { callbackOrigins: ['https://a.example/path'] },
    { title: '' },
    { sugar: 1 },
  ])
    await rejects(apps.create('acme', wrong), { code: 'invalid-option' }, JSON.stringify(wrong))
  await rejects(apps.addKey('acme'), { code: 'app-not-found' })
  await apps.create('acme')
  await rejects(apps.addKey('acme', { expires: 0 }), { code: 'invalid-option' })
  await rejects(apps.rotateKey('acme', 'key-1'), { code: 'key-not-found' })
  for (let at = 0; at < 15; at++) await apps.addKey('acme')
  await rejects(apps.addKey('acme'), { code: 'full' })
})

test('acts at the same time are all done, each with its entry', async () => {
  await using post = await openPost()
  const { apps } = post
  await apps.create('acme')
  await Promise.all([apps.addKey('acme'), apps.addKey('acme'), apps.pause('acme'), apps.update('acme', { title: 'A' })])
  const { keys, paused, title } = (await apps.get('acme'))!
  deepEqual([keys.length, paused, title], [2, true, 'A'])
  equal((await post.topic('system:audit').read()).items.length, 5)
})
