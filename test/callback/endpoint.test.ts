import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { z } from 'zod'
import type { Delivering, EndpointOptions } from '../../src/callback/index.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { internalsOf, open, type Post } from '../../src/posthorn.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { topic } from '../../src/topic/index.ts'
import { standardWebhooks, verify } from '../../src/webhooks/index.ts'
import { until } from '../http/server/client.ts'
import { startReceiver, type Receiver } from './receiver.ts'

const orders = topic('orders', {
  'order.created': z.object({ id: z.string() }),
  'order.paid': z.object({ id: z.string() }),
})
const DAY = 86_400_000
const profile = { profile: standardWebhooks, now: () => clock.wallMs() }
const clock = new ManualClock(Date.now())

describe('endpoints', () => {
  let receiver: Receiver
  let post: Post
  let delivering: Delivering
  let stop: () => Promise<void>

  before(async () => {
    receiver = await startReceiver()
    post = await open('memory:', { log: silentLog, clock, random: () => 0 })
    delivering = await post.endpoints.deliver({ allowRanges: ['127.0.0.0/8'], origin: 'posthorn.example' })
    stop = () => delivering.stop({ grace: 0 })
  })
  after(async () => {
    await stop()
    await post.close({ grace: 0 })
    receiver[Symbol.dispose]()
  })

  const make = (id: string, more: Partial<EndpointOptions> & { readonly app?: string } = {}) => {
    receiver.arrivals.length = 0
    receiver.answer = () => ({})
    return post.endpoints.create({
      id,
      url: `${receiver.url}/${id}`,
      subscriptions: [{ topic: orders, types: ['order.*'] }],
      ...more,
    })
  }
  const end = (id: string) => post.endpoints.remove(id, { force: true })
  const publish = (type: 'order.created' | 'order.paid' = 'order.created', id = 'o1') =>
    post.publish(orders, type, { id })
  const arrived = (count: number) => until(() => receiver.arrivals.length >= count, `${count} calls`)
  const tick = async (ms: number): Promise<void> => {
    for (let step = 0; step < 20; step++) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(ms)
  }

  test('an event is posted, signed as Standard Webhooks are, and its attempt is kept', async () => {
    const { endpoint, secret } = await make('first')
    equal(endpoint.status, 'active')
    const { id } = await publish()
    await arrived(1)
    const [call] = receiver.arrivals
    const headers = call!.headers as Record<string, string>
    const verified = new Webhook(secret as string).verify(call!.body.toString(), headers) as Record<string, unknown>
    deepEqual([verified['type'], verified['data']], ['order.created', { id: 'o1' }])
    equal(headers['webhook-id'], id)
    await until(async () => (await post.endpoints.attempts('first')).length === 1, 'the attempt')
    const [attempt] = await post.endpoints.attempts('first')
    deepEqual(
      [attempt!.message, attempt!.outcome, attempt!.status, attempt!.topic, attempt!.attempt],
      [id, 'delivered', 204, 'orders', 1],
    )
    equal((await post.endpoints.get('first'))?.lag, 0)
    await end('first')
    equal(await post.endpoints.get('first'), null)
    await publish()
    await tick(10)
    equal(receiver.arrivals.length, 1)
  })

  test('a call that fails is made again by the schedule, with the same id and a time of its own', async () => {
    const { secret } = await make('again', { retry: { delays: ['5s', '1m'] } })
    receiver.answer = () => ({ status: receiver.arrivals.length < 3 ? 500 : 200, body: `no: ${secret as string}` })
    const { id } = await publish()
    await arrived(1)
    await until(async () => (await post.endpoints.attempts('again')).length === 1, 'the first attempt')
    await tick(4_900)
    equal(receiver.arrivals.length, 1)
    await tick(200)
    await arrived(2)
    await until(async () => (await post.endpoints.attempts('again')).length === 2, 'the second attempt')
    await tick(60_001)
    await arrived(3)
    await until(async () => (await post.endpoints.attempts('again')).length === 3, 'the third attempt')
    equal(new Set(receiver.arrivals.map(({ headers }) => headers['webhook-id'])).size, 1)
    equal(new Set(receiver.arrivals.map(({ headers }) => headers['webhook-timestamp'])).size, 3)
    const attempts = await post.endpoints.attempts('again', { message: id })
    deepEqual(
      attempts.map(({ outcome, retryInMs }) => [outcome, retryInMs]),
      [
        ['delivered', null],
        ['retry', 60_000],
        ['retry', 5_000],
      ],
    )
    ok(!JSON.stringify(attempts).includes((secret as string).slice(8)), 'no attempt shows the secret')
    ok(JSON.stringify(attempts).includes('no: ****'))
    await end('again')
  })

  test('attempts used up are a dead letter, which is sent again on demand with the same id', async () => {
    const { secret } = await make('dead', { retry: { attempts: 1 } })
    receiver.answer = () => ({ status: 400, body: `what? ${secret as string}` })
    const { id } = await publish()
    await arrived(1)
    await until(async () => (await post.endpoints.get('dead'))?.dead === 1, 'a dead letter')
    const [letter] = (await post.queue('topic:orders:endpoint.dead').browse({ state: 'dead' })).items
    match(letter!.failures[0]!.message, /it answered 400: what\? \*\*\*\*/)
    receiver.answer = () => ({})
    deepEqual(await post.endpoints.redeliver('dead', { dryRun: true }), { matched: 1, sent: 0, unkept: ['orders'] })
    deepEqual(await post.endpoints.redeliver('dead', { message: id }), { matched: 1, sent: 1, unkept: [] })
    await arrived(2)
    equal(receiver.arrivals[1]!.headers['webhook-id'], id)
    await until(async () => (await post.endpoints.attempts('dead')).length === 2, 'the second attempt')
    await rejects(post.endpoints.redeliver('dead', { message: id }), { code: 'message-not-found' })
    await end('dead')
  })

  test('410 disables: what comes is kept, and sent in order when it is enabled', async () => {
    await make('gone', { order: 'strict' })
    receiver.answer = () => ({ status: 410 })
    await publish('order.created', 'a')
    await arrived(1)
    await until(async () => (await post.endpoints.get('gone'))?.status === 'disabled', 'disabled')
    equal((await post.endpoints.get('gone'))?.disabled?.reason, 'gone')
    await publish('order.created', 'b')
    await publish('order.paid', 'c')
    await tick(DAY)
    await tick(10)
    equal(receiver.arrivals.length, 1)
    equal((await post.endpoints.get('gone'))?.lag, 3)
    receiver.answer = () => ({})
    await post.endpoints.change('gone', { enabled: true })
    await arrived(4)
    deepEqual(
      receiver.arrivals.slice(1).map((each) => each.json().data.id),
      ['a', 'b', 'c'],
    )
    await end('gone')
  })

  test('429 with Retry-After holds the whole endpoint, counts nothing, and slows it', async () => {
    await make('busy', { concurrency: 8, retry: { attempts: 1 } })
    receiver.answer = () => (receiver.arrivals.length === 1 ? { status: 429, headers: { 'retry-after': '30' } } : {})
    await publish('order.created', 'a')
    await until(async () => (await post.endpoints.attempts('busy')).length === 1, 'the attempt')
    await publish('order.created', 'b')
    await tick(29_000)
    await tick(500)
    equal(receiver.arrivals.length, 1)
    await tick(600)
    await arrived(3)
    await until(async () => (await post.endpoints.get('busy'))?.lag === 0, 'all')
    equal((await post.endpoints.get('busy'))?.dead, 0)
    deepEqual((await post.endpoints.attempts('busy')).map(({ outcome }) => outcome).toSorted(), [
      'delivered',
      'delivered',
      'held',
    ])
    await end('busy')
  })

  test('Retry-After as a date, and a receiver that asks for no further attempt', async () => {
    await make('asks', { retry: { delays: ['1s', '1s'] } })
    receiver.answer = () =>
      receiver.arrivals.length === 1
        ? { status: 503, headers: { 'retry-after': new Date(clock.wallMs() + 120_000).toUTCString() } }
        : { status: 422, headers: { 'webhook-no-retry': '1' } }
    await publish()
    await until(async () => (await post.endpoints.attempts('asks')).length === 1, 'the attempt')
    await tick(118_000)
    await tick(10)
    equal(receiver.arrivals.length, 1)
    await tick(3_000)
    await arrived(2)
    await until(async () => (await post.endpoints.get('asks'))?.dead === 1, 'a dead letter')
    await end('asks')
  })

  test('a receiver that fails again and again is left alone, told of, asked with one call, and back', async () => {
    const events: string[] = []
    await post.topic('system:events').subscribe('alarm', { types: ['posthorn.endpoint.*'] })
    await make('down', { retry: { delays: ['1h'], attempts: 50 } })
    receiver.answer = () => ({ status: 500 })
    for (let n = 0; n < 30; n++) await publish('order.created', `o${n}`)
    await until(async () => (await post.endpoints.get('down'))?.status === 'failing', 'failing')
    const calls = receiver.arrivals.length
    ok(calls >= 5 && calls <= 15, `${calls} calls, and then it is left alone`)
    receiver.answer = () => ({})
    await tick(2_100)
    await until(async () => (await post.endpoints.get('down'))?.status === 'active', 'active again')
    await until(async () => receiver.arrivals.length >= 30, 'the others')
    const queue = post.queue('topic:system:events:alarm')
    for (const item of (await queue.browse({ state: 'ready' })).items) events.push(item.message.event.type)
    deepEqual(events.slice(0, 2).includes('posthorn.endpoint.failing'), true)
    ok(events.includes('posthorn.endpoint.recovered'))
    await end('down')
    await post.topic('system:events').unsubscribe('alarm', { force: true })
  })

  test('secrets rotate with an overlap, are shown once and masked ever after', async () => {
    const { secret } = await make('keys', { headers: { authorization: 'Bearer abcdefghij' } })
    const { secret: next } = await post.endpoints.rotateSecret('keys', { overlap: '1h' })
    await publish()
    await arrived(1)
    const { headers, body } = receiver.arrivals[0]!
    for (const secrets of [secret, next] as string[]) await verify({ headers, body }, { ...profile, secrets })
    equal(headers.authorization, 'Bearer abcdefghij')
    const shown = await post.endpoints.secrets('keys')
    equal(shown.length, 2)
    match(JSON.stringify(shown), /\*\*\*\*/)
    const view = await post.endpoints.get('keys')
    deepEqual(view?.headers, { authorization: '****' })
    await rejects(post.endpoints.change('keys', { headers: { authorization: '****' } }), { code: 'masked-value' })
    clock.advance(3_600_001)
    await publish()
    await arrived(2)
    equal(String(receiver.arrivals[1]!.headers['webhook-signature']).split(' ').length, 1)
    equal((await post.endpoints.secrets('keys')).length, 1)
    await end('keys')
  })

  test('changes at the same time lose neither a secret that was shown nor a header', async () => {
    await make('at-once', { profile: 'slack' })
    const [one, other] = await Promise.all([
      post.endpoints.rotateSecret('at-once'),
      post.endpoints.rotateSecret('at-once'),
      post.endpoints.change('at-once', { headers: { 'x-tenant': 'a-secret-tenant' } }),
      post.endpoints.change('at-once', { headers: { 'x-other': 'a-secret-other' } }),
    ])
    const shown = (await post.endpoints.secrets('at-once')).map(({ value }) => value)
    equal(shown.length, 3)
    for (const { secret } of [one, other]) ok(shown.includes(`****${(secret as string).slice(-4)}`))
    deepEqual((await post.endpoints.get('at-once'))?.headers, { 'x-tenant': '****', 'x-other': '****' })
    await end('at-once')
  })

  test('a secret that an answer breaks off in is masked as well', async () => {
    const { secret } = await make('cut', { retry: { attempts: 1 } })
    receiver.answer = () => ({ status: 400, body: 'x'.repeat(500) + (secret as string) })
    await publish()
    await until(async () => (await post.endpoints.attempts('cut')).length === 1, 'the attempt')
    const [attempt] = await post.endpoints.attempts('cut')
    match(attempt!.answer, /^x{500}\*\*\*\*$/)
    await end('cut')
  })

  test('while its secrets cannot be read nobody is called, and that is no attempt of the event', async () => {
    const { endpoint } = await make('unread', { profile: 'github' })
    const { engine } = internalsOf(post)
    const key = 'system/endpoint-vault/unread'
    const [{ value } = { value: new Uint8Array() }] = (await engine.get([key])).filter((each) => each !== null)
    const put = (bytes: Uint8Array) => engine.commit([{ changes: [{ do: 'put', key, value: bytes }] }])
    await put(new Uint8Array(40))
    await publish()
    const waiting = async () => {
      const { items } = await engine.browse({
        queue: 'topic:orders:endpoint.unread',
        state: 'ready',
        after: null,
        limit: 1,
      })
      return items[0]
    }
    await until(async () => ((await waiting())?.released ?? 0) === 1, 'it is given back')
    deepEqual([(await waiting())?.failed, (await post.endpoints.attempts('unread')).length], [0, 0])
    equal(receiver.arrivals.length, 0)
    await put(value)
    await tick(10_000)
    await arrived(1)
    equal(endpoint.status, 'active')
    await end('unread')
  })

  test('410 from where an endpoint was before says nothing of where it is', async () => {
    await make('moved')
    let answer = (): void => {}
    const asked = new Promise<void>((resolve) => (answer = resolve))
    receiver.answer = async ({ path }) => (path === '/moved' ? (await asked, { status: 410 }) : {})
    await publish()
    await arrived(1)
    await post.endpoints.change('moved', { url: `${receiver.url}/new` })
    await tick(300)
    await tick(0)
    answer()
    await arrived(2)
    await until(async () => (await post.endpoints.get('moved'))?.lag === 0, 'the event')
    deepEqual([receiver.arrivals[1]!.path, (await post.endpoints.get('moved'))?.status], ['/new', 'active'])
    await end('moved')
  })

  test('what is on its way when an endpoint is removed comes to nothing, also where another gets its id', async () => {
    await make('reused', { subscriptions: [] })
    let answer = (): void => {}
    const asked = new Promise<void>((resolve) => (answer = resolve))
    receiver.answer = async () => (await asked, { status: 500 })
    await post.endpoints.test('reused')
    await arrived(1)
    await end('reused')
    await make('reused', { subscriptions: [], url: `${receiver.url}/other` })
    answer()
    for (let seconds = 0; seconds < 10; seconds++) await tick(1_000)
    await until(async () => (await post.endpoints.get('reused'))?.lag === 0, 'its end')
    deepEqual([receiver.arrivals.length, (await post.endpoints.get('reused'))?.dead], [0, 0])
    await end('reused')
  })

  test('a grant is of the receiver that gave it, and who lists is not disturbed by who removes', async () => {
    receiver.answer = () => ({ headers: { 'webhook-allowed-origin': '*' } })
    await post.endpoints.create({ id: 'granted', url: `${receiver.url}/granted`, profile: 'cloudevents' })
    equal((await delivering.verify('granted')).by, 'handshake')
    await post.endpoints.change('granted', { description: 'as before' })
    ok((await post.endpoints.get('granted'))?.verified)
    equal((await post.endpoints.change('granted', { url: `${receiver.url}/new` })).verified, null)
    const removing = end('granted')
    const lists: Promise<unknown>[] = []
    for (let turn = 0; turn < 30; turn++) {
      lists.push(post.endpoints.list())
      await Promise.resolve()
    }
    await Promise.all([removing, ...lists])
  })

  test("v1a is signed with the platform's key, which everybody can look up", async () => {
    await make('public', { signature: 'both' })
    await publish()
    await arrived(1)
    const { headers, body } = receiver.arrivals[0]!
    const { keys } = await post.endpoints.keys()
    equal(keys.length, 1)
    const verified = await verify({ headers, body }, { ...profile, secrets: keys })
    equal(verified.type, 'order.created')
    await post.endpoints.rotateKey()
    equal((await post.endpoints.keys()).keys.length, 2)
    await end('public')
  })

  test('a receiver that never answers costs no other anything, and is given up after its time', async () => {
    await make('silent', { timeout: '1s', subscriptions: [{ topic: orders }], retry: { attempts: 3, delays: ['1h'] } })
    receiver.answer = ({ path }) => ({ silent: path === '/silent' })
    for (let n = 0; n < 30; n++) await publish('order.created', `o${n}`)
    await until(() => receiver.arrivals.length >= 10, 'as many calls as it may have')
    await post.endpoints.create({ id: 'quick', url: `${receiver.url}/quick`, subscriptions: [{ topic: orders }] })
    for (let n = 0; n < 20; n++) await publish('order.paid', `p${n}`)
    await until(() => receiver.arrivals.filter(({ path }) => path === '/quick').length === 20, 'the quick one')
    equal(receiver.arrivals.filter(({ path }) => path === '/silent').length, 10)
    await tick(1_001)
    await until(async () => (await post.endpoints.attempts('silent')).length === 10, 'the end of their time')
    match((await post.endpoints.attempts('silent'))[0]!.error ?? '', /took too long/)
    for (const id of ['silent', 'quick']) await end(id)
  })

  test('a thin event says that something happened, and nothing of it', async () => {
    await make('thin', { payload: 'thin' })
    await publish('order.created', 'secret')
    await arrived(1)
    const { type, data } = receiver.arrivals[0]!.json() as { type: string; data: Record<string, unknown> }
    deepEqual([type, Object.keys(data).toSorted()], ['order.created', ['event', 'id', 'source']])
    await end('thin')
  })

  test("the receiver's answer comes back to who asks for it", async () => {
    await make('answers', { answerTo: 'heard' })
    receiver.answer = () => ({ status: 200, headers: { 'content-type': 'text/plain' }, body: 'thanks' })
    await publish()
    await until(async () => (await post.queue('heard').depth())?.ready === 1, 'the answer')
    const [answer] = (await post.queue('heard').browse({ state: 'ready' })).items
    const { status, body, outcome } = JSON.parse(new TextDecoder().decode(answer!.message.body)) as Record<
      string,
      unknown
    >
    deepEqual([status, body, outcome], [200, 'thanks', 'delivered'])
    await end('answers')
  })

  test('a test event shows whether it answers', async () => {
    await make('sample', { subscriptions: [] })
    const { id } = await post.endpoints.test('sample')
    await arrived(1)
    equal(receiver.arrivals[0]!.json().type, 'posthorn.endpoint.test')
    await until(async () => (await post.endpoints.attempts('sample', { message: id })).length === 1, 'its attempt')
    await end('sample')
  })

  test('while an app is paused its endpoints are not called: what comes waits, and goes on in order when it is resumed', async () => {
    await post.apps.create('acme')
    await make('hook', { app: 'acme', order: 'strict' })
    await tick(300)
    await until(() => delivering.pace('app:acme:hook') !== null, 'it is known')
    await post.apps.pause('acme')
    await tick(300)
    await tick(300)
    for (const id of ['o1', 'o2', 'o3']) await publish('order.created', id)
    await make('free')
    await publish('order.paid', 'o4')
    await arrived(1)
    deepEqual(
      receiver.arrivals.map(({ path }) => path),
      ['/free'],
    )
    const held = await post.endpoints.get('app:acme:hook')
    deepEqual([held?.status, held?.lag], ['paused', 4])
    await post.apps.resume('acme')
    await tick(300)
    await arrived(5)
    deepEqual(
      receiver.arrivals.slice(1).map(({ path, json }) => [path, json().data.id]),
      ['o1', 'o2', 'o3', 'o4'].map((id) => ['/hook', id]),
    )
    equal((await post.endpoints.get('app:acme:hook'))?.status, 'active')
    await end('free')
    await post.apps.delete('acme', { force: true })
  })

  test('what is wrong is refused by name', async () => {
    const wrong = (options: object, text: RegExp) =>
      rejects(post.endpoints.create({ url: 'https://a.example', ...options }), (error: Error) => {
        match(error.message, text)
        return true
      })
    await wrong({ url: 'ftp://a' }, /url is "ftp:\/\/a": it must be an https URL/)
    await wrong({ url: 'https://u:p@a.example' }, /without a user or password/)
    await wrong(
      { url: `https://a.example/${'€'.repeat(300)}` },
      /url is "https:\/\/a\.example…": it must be at most 2048/,
    )
    await wrong({ profile: 'paypal' }, /profile is "paypal": it must be one of standard-webhooks/)
    await wrong({ profile: 'alipay' }, /needs \{ privateKey/)
    await wrong({ secret: '****abcd' }, /how a secret is shown/)
    await wrong({ secret: 'whpk_abc' }, /secret is not shown/)
    await wrong({ concurrency: 0 }, /concurrency is 0: it must be a number from 1 to 100/)
    await wrong({ subscriptions: [{ topic: 'a' }, { topic: 'a' }] }, /named once/)
    await wrong({ subscriptions: [{ topic: 'a', types: ['a..b'] }] }, /types holds "a\.\.b"/)
    await wrong({ headers: { host: 'x' } }, /headers is "host"/)
    await wrong({ retry: { delays: ['5'] } }, /no unit|has no unit|unit/)
    await wrong({ ratePerSecnd: 1 }, /did you mean 'ratePerSecond'/)
    await wrong({ profile: { signature: { header: 'x-sig', algorithm: 'md5' } } }, /signature.algorithm is "md5"/)
    await wrong({ profile: { signature: { header: 'x-sig', algorithm: 'hmac-sha256' }, ack: { text: '' } } }, /ack is/)
    await rejects(post.endpoints.change('nobody', { enabled: true }), { code: 'endpoint-not-found' })
    await make('there')
    await rejects(make('there'), { code: 'conflict' })
    await rejects(post.endpoints.change('there', { description: 'x' }, { ifVersion: 'old' }), { code: 'conflict' })
    await rejects(post.endpoints.change('there', { profile: 'stripe' }), /make another endpoint/)
    await end('there')
  })
})
