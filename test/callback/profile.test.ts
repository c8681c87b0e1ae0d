// What is sent, as others' own libraries and the receivers of `posthorn/webhooks` take it.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { HTTP, type CloudEvent } from 'cloudevents'
import { verify as verifyGithub } from '@octokit/webhooks-methods'
import { Webhook } from 'standardwebhooks'
import { Stripe } from 'stripe'
import { Webhook as Svix } from 'svix'
import type { EndpointOptions } from '../../src/callback/index.ts'
import { internalsOf, open, type Post } from '../../src/posthorn.ts'
import { silentLog } from '../../src/runtime/log.ts'
import {
  alipay,
  createReceiver,
  defineProfile,
  dingtalk,
  feishu,
  shopify,
  slack,
  verify,
  wechatPay,
  type Profile,
  type Verified,
} from '../../src/webhooks/index.ts'
import { until } from '../http/server/client.ts'
import { startReceiver, type Arrival, type Receiver } from './receiver.ts'

const BODY = '{"amount": 1.50, "who":"Ä"}'
const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})

describe('profiles', () => {
  let receiver: Receiver
  let post: Post

  before(async () => {
    receiver = await startReceiver()
    post = await open('memory:', { log: silentLog })
    await post.endpoints.deliver({ allowRanges: ['127.0.0.0/8'] })
  })
  after(async () => {
    await post.close({ grace: 0 })
    receiver[Symbol.dispose]()
  })

  /** Makes an endpoint, publishes one event to it, and gives what came. */
  const deliver = async (
    id: string,
    options: Partial<EndpointOptions>,
    answer: Receiver['answer'] = () => ({ status: 200 }),
  ) => {
    receiver.arrivals.length = 0
    receiver.answer = answer
    const { secret } = await post.endpoints.create({
      id,
      url: `${receiver.url}/hook?a=b`,
      subscriptions: [{ topic: `t-${id}` }],
      ...options,
    })
    const { engine } = internalsOf(post)
    const message = crypto.randomUUID()
    await engine.commit([
      {
        changes: [
          {
            do: 'publish',
            topic: `t-${id}`,
            message: {
              id: message,
              event: { id: 'e1', source: '/shop', type: 'order.paid', datacontenttype: 'application/json' },
              body: new TextEncoder().encode(BODY),
              priority: 4,
            },
          },
        ],
      },
    ])
    await until(() => receiver.arrivals.length >= 1, 'the call')
    await until(async () => (await post.endpoints.attempts(id)).length >= 1, 'the attempt')
    const [attempt] = await post.endpoints.attempts(id)
    const [call] = receiver.arrivals
    return { call: call!, secret, message, attempt: attempt! }
  }
  const headersOf = ({ headers }: Arrival) => headers as Record<string, string>
  const verified = <S>(call: Arrival, profile: Profile<S>, secrets: S): Promise<Verified> =>
    verify({ headers: headersOf(call), body: call.body, url: call.path }, { profile, secrets: secrets as never })

  test('standardwebhooks and svix take Standard Webhooks', async () => {
    const { call, secret, message } = await deliver('standard', {})
    const taken = new Webhook(secret as string).verify(call.body.toString(), headersOf(call)) as Record<string, unknown>
    deepEqual(taken['data'], { amount: 1.5, who: 'Ä' })
    new Svix(secret as string).verify(call.body.toString(), headersOf(call))
    equal(headersOf(call)['webhook-id'], message)
    ok(
      call.body.toString().includes('"data":{"amount": 1.50, "who":"Ä"}'),
      'the data are those that were published, byte for byte',
    )
  })

  test('stripe takes what is signed as Stripe does', async () => {
    const { call, secret, message } = await deliver('stripe', { profile: 'stripe' })
    const event = new Stripe('sk_test_x').webhooks.constructEvent(
      call.body,
      headersOf(call)['stripe-signature']!,
      secret as string,
    )
    deepEqual([event.type as string, event.id], ['order.paid', `evt_${message.replaceAll('-', '')}`])
    deepEqual(event.data.object as unknown, { amount: 1.5, who: 'Ä' })
  })

  test('@octokit/webhooks-methods takes what is signed as GitHub does, the body as it was published', async () => {
    const { call, secret, message } = await deliver('github', { profile: 'github' })
    equal(call.body.toString(), BODY)
    ok(await verifyGithub(secret as string, BODY, headersOf(call)['x-hub-signature-256']!))
    deepEqual([headersOf(call)['x-github-event'], headersOf(call)['x-github-delivery']], ['order.paid', message])
  })

  test('Shopify and Slack', async () => {
    const shop = await deliver('shopify', { profile: 'shopify' })
    equal((await verified(shop.call, shopify, shop.secret as string)).text(), BODY)
    const chat = await deliver('slack', { profile: 'slack' })
    const event = await verified(chat.call, slack, chat.secret as string)
    deepEqual([event.id, event.type], [chat.message, 'order.paid'])
    deepEqual((event.json() as Record<string, unknown>)['event'], { type: 'order.paid', amount: 1.5, who: 'Ä' })
  })

  test('a retry names its number as Slack does, and x-slack-no-retry ends it', async () => {
    const { call } = await deliver('slack-again', { profile: 'slack', retry: { delays: ['1ms'], attempts: 9 } }, () =>
      receiver.arrivals.length === 1 ? { status: 500 } : { status: 500, headers: { 'x-slack-no-retry': '1' } },
    )
    equal(call.headers['x-slack-retry-num'], undefined)
    await until(async () => (await post.endpoints.get('slack-again'))?.dead === 1, 'a dead letter')
    deepEqual(
      [
        receiver.arrivals.length,
        receiver.arrivals[1]!.headers['x-slack-retry-num'],
        receiver.arrivals[1]!.headers['x-slack-retry-reason'],
      ],
      [2, '1', 'http_error'],
    )
  })

  test('WeChat Pay: RSA, a sealed resource, and 204 as the acknowledgement', async () => {
    const apiKey = 'k'.repeat(32)
    const { call, message, attempt } = await deliver(
      'wechat',
      { profile: 'wechat-pay', secret: { privateKey, serial: 'S1', apiKey } },
      () => ({ status: 204 }),
    )
    const event = await verified(call, wechatPay, { publicKey, serial: 'S1', apiKey })
    deepEqual((event.json() as { resource: unknown }).resource, { amount: 1.5, who: 'Ä' })
    ok(!call.body.toString().includes('amount'), 'the resource is sealed')
    deepEqual([event.id, attempt.outcome], [message, 'delivered'])
  })

  test("Alipay: a signed form, and the exact text 'success'", async () => {
    const { call, message, attempt } = await deliver('alipay', { profile: 'alipay', secret: { privateKey } }, () => ({
      status: 200,
      body: 'success',
    }))
    const event = await verified(call, alipay, { publicKey })
    deepEqual([event.id, event.form()['who'], attempt.outcome], [message, 'Ä', 'delivered'])
    const refused = await deliver('alipay-not', { profile: 'alipay', secret: { privateKey } }, () => ({
      status: 200,
      body: 'fail',
    }))
    equal(refused.attempt.outcome, 'retry')
    match(refused.attempt.error ?? '', /without the text "success"/)
  })

  test('Feishu: a sealed body, and its challenge', async () => {
    const { call, secret, message } = await deliver('feishu', { profile: 'feishu' })
    const { encryptKey } = secret as Record<string, string>
    const event = await verified(call, feishu, { encryptKey: encryptKey! })
    deepEqual([event.id, event.type], [message, 'order.paid'])
    ok(!call.body.toString().includes('order.paid'))
  })

  test("DingTalk: what `posthorn/webhooks`' receiver answers counts, and nothing else does", async () => {
    const secret = { token: 'tok', aesKey: 'a'.repeat(43), owner: 'corp' }
    const receive = createReceiver({ profile: dingtalk, secrets: secret, onEvent: () => {} })
    const { attempt, call } = await deliver('dingtalk', { profile: 'dingtalk', secret }, async (arrival) => {
      const answer = await receive(
        new Request(`http://x${arrival.path}`, {
          method: 'POST',
          headers: headersOf(arrival),
          body: arrival.body as never,
        }),
      )
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
    })
    match(call.path, /^\/hook\?a=b&.*msg_signature=[0-9a-f]{40}/)
    equal(attempt.outcome, 'delivered', attempt.error ?? '')
    const other = await deliver('dingtalk-not', { profile: 'dingtalk', secret }, () => ({
      status: 200,
      body: 'success',
    }))
    deepEqual([other.attempt.outcome, other.attempt.error?.slice(0, 31)], ['retry', 'its answer is no sealed success'])
  })

  test('CloudEvents in structured mode, signed', async () => {
    const { call } = await deliver('cloud', { profile: 'cloudevents' })
    match(String(call.headers['content-type']), /^application\/cloudevents\+json/)
    deepEqual([call.json().type, call.json().id, call.json().data], ['order.paid', 'e1', { amount: 1.5, who: 'Ä' }])
  })

  test('CloudEvents in binary mode: the data as they are, the attributes as headers, which others read', async () => {
    const { call, secret } = await deliver('binary', { profile: 'cloudevents-binary' })
    equal(call.body.toString(), BODY)
    equal(call.headers['content-type'], 'application/json')
    ok(!('ce-datacontenttype' in call.headers))
    const read = HTTP.toEvent({ headers: call.headers, body: call.body.toString() })
    const { type, id, data } = Array.isArray(read) ? read[0]! : (read as CloudEvent)
    deepEqual([type, id, data], ['order.paid', 'e1', { amount: 1.5, who: 'Ä' }])
    new Webhook(secret as string).verify(call.body.toString(), call.headers as Record<string, string>)
    const thin = await deliver('binary-thin', { profile: 'cloudevents-binary', payload: 'thin' })
    deepEqual([thin.call.body.length, thin.call.headers['ce-type']], [0, 'order.paid'])
  })

  test('CloudEvents in batch mode, where a profile asks for it', async () => {
    const { call } = await deliver('batch', { profile: 'cloudevents-batch' })
    match(String(call.headers['content-type']), /^application\/cloudevents-batch\+json/)
    const [read] = HTTP.toEvent({
      headers: call.headers,
      body: call.body.toString(),
    }) as CloudEvent[]
    deepEqual([call.json().length, read!.type, read!.data], [1, 'order.paid', { amount: 1.5, who: 'Ä' }])
    const signature = { header: 'x-sign', algorithm: 'hmac-sha256' } as const
    const own = await deliver('own-binary', { profile: { signature, body: 'cloudevent-binary' } })
    deepEqual([own.call.headers['ce-id'], own.call.body.toString()], ['e1', BODY])
  })

  test('what is due together is one batch, acknowledged as a whole; what failed once goes alone, so that one event that is refused takes no other with it', async () => {
    receiver.arrivals.length = 0
    receiver.answer = ({ body }) => ({ status: body.includes('"id":"bad"') ? 422 : 200 })
    const { secret } = await post.endpoints.create({
      id: 'batches',
      url: `${receiver.url}/batches`,
      subscriptions: [{ topic: 'batches' }],
      profile: 'cloudevents-batch',
      concurrency: 20,
      retry: { attempts: 3, delays: ['5ms'] },
      enabled: false,
    })
    const publish = async (ids: readonly string[]): Promise<readonly string[]> => {
      const messages = ids.map((id) => ({
        id: crypto.randomUUID(),
        event: { id, source: '/shop', type: 'order.paid', datacontenttype: 'application/json' },
        body: new TextEncoder().encode(BODY),
        priority: 4,
      }))
      const changes = messages.map((message) => ({ do: 'publish' as const, topic: 'batches', message }))
      await internalsOf(post).engine.commit([{ changes }])
      return messages.map(({ id }) => id)
    }
    const idsOf = (call: Arrival): readonly string[] => (call.json() as { id: string }[]).map(({ id }) => id)
    const sent = await publish(['a', 'b', 'c', 'd'])
    await post.endpoints.change('batches', { enabled: true })
    await until(async () => (await post.endpoints.get('batches'))?.lag === 0, 'all are delivered')
    const [batch, ...more] = receiver.arrivals.splice(0)
    deepEqual([more.length, idsOf(batch!)], [0, ['a', 'b', 'c', 'd']])
    match(headersOf(batch!)['webhook-id']!, /^batch_[\w-]{43}$/)
    new Webhook(secret as string).verify(batch!.body.toString(), headersOf(batch!))
    equal((HTTP.toEvent({ headers: batch!.headers, body: batch!.body.toString() }) as CloudEvent[]).length, 4)
    const attempts = await post.endpoints.attempts('batches')
    deepEqual(
      attempts.map(({ message, status, outcome }) => [message, status, outcome]).toSorted(),
      sent.map((id) => [id, 200, 'delivered']).toSorted(),
    )

    await post.endpoints.change('batches', { enabled: false })
    await publish(['e', 'bad', 'f'])
    await post.endpoints.change('batches', { enabled: true })
    await until(async () => (await post.endpoints.get('batches'))?.lag === 0, 'all have ended')
    const calls = receiver.arrivals.map((call) => idsOf(call).join())
    deepEqual([calls[0], calls.slice(1).toSorted()], ['e,bad,f', ['bad', 'bad', 'e', 'f']])
    equal((await post.endpoints.get('batches'))?.dead, 1)
  })

  test('a contract of your own: headers, what is signed, and a value at a path of the answer', async () => {
    const profile = {
      signature: { header: 'X-Acme-Signature', algorithm: 'hmac-sha512', encoding: 'base64', prefix: 'v9=' },
      signed: '{id}:{timestamp}:{body}',
      id: 'X-Acme-Id',
      timestamp: { header: 'X-Acme-Time', unit: 'ms' },
      type: 'X-Acme-Event',
      body: 'plain',
      ack: { json: ['result', 'code'], equals: 0 },
    } as const
    const { call, secret, message, attempt } = await deliver('custom', { profile }, () => ({
      status: 200,
      body: '{"result":{"code":0}}',
    }))
    const event = await verified(
      call,
      defineProfile({
        name: 'acme',
        signature: { header: 'x-acme-signature', encoding: 'base64', labels: { 'v9=': 'hmac-sha512' } },
        signed: '{id}:{timestamp}:{body}',
        id: { header: 'x-acme-id' },
        timestamp: { header: 'x-acme-time', unit: 'ms' },
      }),
      secret as string,
    )
    deepEqual([event.id, call.headers['x-acme-event'], attempt.outcome], [message, 'order.paid', 'delivered'])
    const refused = await deliver('custom-not', { profile }, () => ({ status: 200, body: '{"result":{"code":7}}' }))
    match(refused.attempt.error ?? '', /another value at result.code/)
  })
})
