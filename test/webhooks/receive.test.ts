// The receiver: success only for what is stored, doubles recognised, and an answer for everything else that says why.

import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { suite, test } from 'node:test'
import {
  alipay,
  createNodeListener,
  createReceiver,
  createSigner,
  dingtalk,
  feishu,
  generateSecret,
  github,
  receive,
  recentIds,
  sign,
  slack,
  standardWebhooks,
  wechatPay,
  type ReceivedOutcome,
  type ReceiverOptions,
  type Signed,
  type StandardSecret,
  type Verified,
} from '../../src/webhooks/index.ts'

const secret = generateSecret()
const profile = standardWebhooks
const signIt = createSigner({ profile, secrets: secret })

function requestOf({ headers, body, query }: Signed, more: RequestInit = {}): Request {
  const url = `http://receiver.example/hook?${new URLSearchParams(query).toString()}`
  return new Request(url, { method: 'POST', headers, body, ...more })
}

/** A clock that stands still, whose timers end when the test says so. */
function stillClock(): {
  readonly now: () => number
  readonly timer: (ms: number, call: () => void) => () => void
  ring(): void
  readonly set: Set<() => void>
} {
  const set = new Set<() => void>()
  return {
    now: () => 1_790_000_000_000,
    timer: (_, call) => {
      set.add(call)
      return () => set.delete(call)
    },
    ring: () => set.forEach((call) => call()),
    set,
  }
}

function recording(more: Partial<ReceiverOptions<StandardSecret>> = {}): {
  readonly options: ReceiverOptions<StandardSecret>
  readonly events: Verified[]
  readonly outcomes: ReceivedOutcome[]
} {
  const events: Verified[] = []
  const outcomes: ReceivedOutcome[] = []
  const options: ReceiverOptions<StandardSecret> = {
    profile,
    secrets: secret,
    onEvent: (event) => void events.push(event),
    observe: (outcome) => void outcomes.push(outcome),
    ...more,
  }
  return { options, events, outcomes }
}

suite('a receiver', () => {
  test('answers 204 when onEvent has resolved, and not before', async () => {
    const stored = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    const { options, outcomes } = recording({
      onEvent: () => {
        entered.resolve()
        return stored.promise
      },
    })
    let answered = false
    const answer = receive(requestOf(await signIt({ id: 'a', body: '{}' })), options).finally(() => (answered = true))
    await entered.promise
    equal(answered, false)
    stored.resolve()
    equal((await answer).status, 204)
    deepEqual([outcomes[0]?.outcome, outcomes[0]?.id], ['accepted', 'a'])
  })

  test('refuses what is not signed well, with the reason, and shows it to nobody', async () => {
    const { options, events, outcomes } = recording()
    const receiver = createReceiver(options)
    const signed = await signIt({ id: 'a', body: '{"a":1}' })
    const old = await signIt({ id: 'a', body: '{}', timestamp: Date.now() - 720_000 })
    const expected: [Request, number, string, RegExp][] = [
      [
        requestOf({ ...signed, body: new TextEncoder().encode('{"a":2}') }),
        401,
        'bad-signature',
        /^1 signature of the request, tried with 1 secret: none fits$/,
      ],
      [requestOf({ ...signed, headers: {} }), 400, 'missing-part', /^the header webhook-signature is missing/],
      [requestOf(old), 400, 'stale-timestamp', /^the request is 72\d s old, and 300 s are tolerated$/],
      [
        new Request('http://x/', { method: 'GET' }),
        405,
        'method-not-allowed',
        /^webhooks come by POST, and this is GET$/,
      ],
    ]
    for (const [request, status, code, reason] of expected) {
      const response = await receiver(request)
      const problem = (await response.json()) as Record<string, unknown>
      deepEqual(
        [response.status, response.headers.get('content-type'), problem['code'], problem['status']],
        [status, 'application/problem+json', code, status],
      )
      match(String(problem['detail']), reason)
      ok(!JSON.stringify(problem).includes(secret.slice(6)))
    }
    equal(events.length, 0)
    deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['refused', 'refused', 'refused', 'refused'],
    )
  })

  test('a failure to store is 503 with Retry-After, and the error’s text stays here', async () => {
    const { options, outcomes } = recording({
      onEvent: () => Promise.reject(new Error('connect postgres://user:password@db')),
      retryAfterMs: 30_000,
    })
    const response = await receive(requestOf(await signIt({ id: 'a', body: '{}' })), options)
    deepEqual([response.status, response.headers.get('retry-after')], [503, '30'])
    ok(!(await response.text()).includes('password'))
    deepEqual([outcomes[0]?.outcome, outcomes[0]?.id], ['failed', 'a'])
    match(String(outcomes[0]?.error), /password/)
  })

  test('an error that has a status of its own decides the answer: 429 slows the sender, 410 ends it', async () => {
    for (const [status, retryAfter] of [
      [429, '10'],
      [410, null],
      [200, '10'],
      ['x', '10'],
    ]) {
      const { options } = recording({ onEvent: () => Promise.reject(Object.assign(new Error('no'), { status })) })
      const response = await receive(requestOf(await signIt({ id: 'a', body: '{}' })), options)
      deepEqual(
        [response.status, response.headers.get('retry-after')],
        [status === 429 || status === 410 ? status : 503, retryAfter],
      )
    }
  })

  test('what takes too long is 503, and the retry joins it instead of doing it twice', async () => {
    const clock = stillClock()
    const stored = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<AbortSignal>()
    const passed = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let calls = 0
    let verified = 0
    const { options, outcomes } = recording({
      clock,
      profile: {
        ...profile,
        challenge: () => {
          passed[verified++]?.resolve()
          return null
        },
      },
      onEvent: (_, { signal }) => {
        calls += 1
        entered.resolve(signal)
        return stored.promise
      },
    })
    const receiver = createReceiver(options)
    const signed = await signIt({ id: 'a', body: '{}', timestamp: clock.now() })
    const first = receiver(requestOf(signed))
    const signal = await entered.promise
    clock.ring()
    equal((await first).status, 503)
    equal(signal.aborted, true)
    const second = receiver(requestOf(signed))
    await passed[1]?.promise
    stored.resolve()
    equal((await second).status, 204)
    deepEqual(
      [calls, outcomes.map(({ outcome, code }) => [outcome, code])],
      [
        1,
        [
          ['failed', 'too-slow'],
          ['duplicate', null],
        ],
      ],
    )
    equal(clock.set.size, 0)
  })

  test('doubles: one that comes again is answered with success and handed on once, also at the same time', async () => {
    const { options, events, outcomes } = recording({ seen: recentIds() })
    const receiver = createReceiver(options)
    const at = Date.now()
    const attempts = await Promise.all(
      [at, at + 1_000, at + 2_000].map((timestamp) => signIt({ id: 'a', body: '{}', timestamp })),
    )
    const [first, ...others] = attempts.map((signed) => requestOf(signed))
    if (first) equal((await receiver(first)).status, 204)
    for (const response of await Promise.all(others.map((request) => receiver(request)))) equal(response.status, 204)
    equal(events.length, 1)
    deepEqual(outcomes.map(({ outcome }) => outcome).toSorted(), ['accepted', 'duplicate', 'duplicate'])
    const together = await Promise.all([1, 2, 3].map(() => signIt({ id: 'b', body: '{}' })))
    await Promise.all(together.map((signed) => receiver(requestOf(signed))))
    equal(events.filter(({ id }) => id === 'b').length, 1)
  })

  test('what was not stored is not remembered, so the retry is handed on', async () => {
    let calls = 0
    const { options } = recording({
      seen: recentIds(),
      onEvent: () => {
        calls += 1
        if (calls === 1) throw new Error('down')
      },
    })
    const receiver = createReceiver(options)
    const signed = await signIt({ id: 'a', body: '{}' })
    deepEqual(
      [(await receiver(requestOf(signed))).status, (await receiver(requestOf(signed))).status, calls],
      [503, 204, 2],
    )
  })

  test('a store of ids that fails: before storing it is a failure, after storing a success that is told', async () => {
    const down = (): Promise<never> => Promise.reject(new Error('down'))
    const before = recording({ seen: { has: down, add: () => undefined } })
    equal((await receive(requestOf(await signIt({ id: 'a', body: '{}' })), before.options)).status, 503)
    equal(before.events.length, 0)
    const after = recording({ seen: { has: () => false, add: down } })
    equal((await receive(requestOf(await signIt({ id: 'a', body: '{}' })), after.options)).status, 204)
    deepEqual([after.outcomes[0]?.outcome, String(after.outcomes[0]?.error)], ['accepted', 'Error: down'])
  })

  test('large bodies are refused, whether they say so or not', async () => {
    const { options, events } = recording({ maxBodyBytes: 1_000 })
    const fits = await signIt({ id: 'a', body: 'x'.repeat(1_000) })
    equal((await receive(requestOf(fits), options)).status, 204)
    const large = await signIt({ id: 'b', body: 'x'.repeat(1_001) })
    equal((await receive(requestOf(large), options)).status, 413)
    let pulled = 0
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled += 1
        controller.enqueue(new Uint8Array(100))
      },
    })
    const response = await receive(requestOf(large, { body: endless, duplex: 'half' }), options)
    equal(response.status, 413)
    ok(pulled < 20)
    equal(events.length, 1)
  })

  test('a body that was parsed before is told as a mistake in the set-up, and not to the sender', async () => {
    const { options, outcomes } = recording()
    const request = requestOf(await signIt({ id: 'a', body: '{}' }))
    await request.json()
    const response = await receive(request, options)
    equal(response.status, 500)
    match(await response.text(), /not set up well/)
    deepEqual([outcomes[0]?.code, outcomes[0]?.reason?.includes('before anything parses it')], ['body-consumed', true])
  })

  test('a log that throws costs nothing', async () => {
    const { options } = recording({
      observe: () => {
        throw new Error('log')
      },
    })
    equal((await receive(requestOf(await signIt({ id: 'a', body: '{}' })), options)).status, 204)
  })

  test('secrets that are none fail when it is made', () => {
    throws(() => createReceiver({ ...recording().options, secrets: 'whsec_' }), { code: 'invalid-secret' })
    throws(() => createReceiver({ ...recording().options, toleranceMs: -1 }), { code: 'invalid-option' })
    throws(() => createReceiver({ ...recording().options, onEvent: undefined as never }), { code: 'invalid-option' })
    throws(() => createReceiver({ ...recording().options, profile: undefined as never }), { code: 'invalid-option' })
    for (const name of ['maxBodyBytes', 'answerWithinMs', 'retryAfterMs'])
      throws(() => createReceiver({ ...recording().options, [name]: Number.NaN }), {
        code: 'invalid-option',
        message: `${name}: more than 0 is needed, and this is NaN`,
      })
  })

  test('keys that cannot be had are 503: the sender keeps the event', async () => {
    const { options, outcomes } = recording({ secrets: () => Promise.reject(new Error('vault')) })
    const response = await receive(requestOf(await signIt({ id: 'a', body: '{}' })), options)
    deepEqual([response.status, outcomes[0]?.outcome], [503, 'failed'])
  })

  test('a secret may be rotated at either end first', async () => {
    const next = generateSecret()
    const { options, events } = recording({ secrets: [secret, next] })
    for (const [id, secrets] of [
      ['a', [secret]],
      ['b', [secret, next]],
      ['c', [next]],
    ] as const) {
      const signed = await sign({ id, body: '{}' }, { profile, secrets })
      equal((await receive(requestOf(signed), options)).status, 204)
    }
    deepEqual(
      events.map(({ secret: index }) => index),
      [0, 0, 1],
    )
    equal(
      (await receive(requestOf(await sign({ id: 'd', body: '{}' }, { profile, secrets: generateSecret() })), options))
        .status,
      401,
    )
  })
})

suite('what platforms ask and want to hear', () => {
  const onEvent = (): never => {
    throw new Error('this was no event')
  }

  test('Slack’s question is answered when it is signed, and only then', async () => {
    const options = { profile: slack, secrets: 'hush', onEvent }
    const body = JSON.stringify({ type: 'url_verification', challenge: 'c-1', token: 't' })
    const response = await receive(requestOf(await sign({ body }, { profile: slack, secrets: 'hush' })), options)
    deepEqual([response.status, await response.text()], [200, 'c-1'])
    equal((await receive(requestOf(await sign({ body }, { profile: slack, secrets: 'no' })), options)).status, 401)
    // An event that has a member of that name is an event.
    const ids: string[] = []
    const event = '{"type":"event_callback","event_id":"Ev1","challenge":"c-1"}'
    const taking = { ...options, onEvent: ({ id }: Verified) => void ids.push(id) }
    const taken = await receive(requestOf(await sign({ body: event }, { profile: slack, secrets: 'hush' })), taking)
    deepEqual([taken.status, await taken.text(), ids], [200, '', ['Ev1']])
  })

  test('Feishu’s question is answered when it is sealed with the key, signed or not; in the clear only when signed', async () => {
    const secret = { encryptKey: 'test key', verificationToken: 'tok' }
    const options = { profile: feishu, secrets: [{ encryptKey: 'other' }, secret], onEvent }
    const body = JSON.stringify({ type: 'url_verification', challenge: 'c-1', token: 'tok' })
    const signed = await sign({ body }, { profile: feishu, secrets: secret })
    for (const headers of [signed.headers, {}]) {
      const response = await receive(requestOf({ ...signed, headers }), options)
      deepEqual([response.status, await response.json()], [200, { challenge: 'c-1' }])
    }
    const clear = { headers: {}, query: {}, body: new TextEncoder().encode(body) }
    equal((await receive(requestOf(clear), options)).status, 400)
    const otherToken = await sign({ body: body.replace('tok"', 'kot"') }, { profile: feishu, secrets: secret })
    equal((await receive(requestOf({ ...otherToken, headers: {} }), options)).status, 400)
    // Sealed, but with a signature that does not fit: then it is nobody's question.
    const forged = { ...signed.headers, 'x-lark-signature': '00'.repeat(32) }
    equal((await receive(requestOf({ ...signed, headers: forged }), options)).status, 401)
    // Sealed, but an event: without a signature it is none.
    const event = await sign(
      { body: '{"header":{"event_id":"e","token":"tok"}}' },
      { profile: feishu, secrets: secret },
    )
    equal((await receive(requestOf({ ...event, headers: {} }), options)).status, 400)
  })

  test('DingTalk gets `success`, sealed and signed, for events and for its check of the address', async () => {
    const secrets = { token: 'token', aesKey: '4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij', owner: 'suite' }
    const ids: string[] = []
    const options = { profile: dingtalk, secrets, onEvent: ({ id }: Verified) => void ids.push(id) }
    for (const body of ['{"EventType":"check_url"}', '{"EventType":"user_add_org","eventId":"e-9"}']) {
      const response = await receive(requestOf(await sign({ body }, { profile: dingtalk, secrets })), options)
      const answer = (await response.json()) as {
        msg_signature: string
        timeStamp: string
        nonce: string
        encrypt: string
      }
      // What it verifies in the answer is what a receiver verifies in a request.
      const { verify } = await import('../../src/webhooks/index.ts')
      const { msg_signature, timeStamp: timestamp, nonce, encrypt } = answer
      const url = `/?${new URLSearchParams({ msg_signature, timestamp, nonce }).toString()}`
      const read = await verify({ headers: {}, url, body: JSON.stringify({ encrypt }) }, { profile: dingtalk, secrets })
      equal(read.text(), 'success')
    }
    deepEqual(ids, ['e-9'])
  })

  test('Alipay hears `success` or `fail`, WeChat Pay a code and a message, GitHub 202', async () => {
    const { generateKeyPairSync } = await import('node:crypto')
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    const secrets = { publicKey, privateKey }
    const notice = await sign({ body: 'notify_id=n1' }, { profile: alipay, secrets })
    const taken = await receive(requestOf(notice), { profile: alipay, secrets, onEvent: () => undefined })
    deepEqual([taken.status, await taken.text()], [200, 'success'])
    const failed = await receive(requestOf(notice), { profile: alipay, secrets, onEvent })
    deepEqual([failed.status, await failed.text()], [503, 'fail'])
    const pay = await sign({ body: '{"id":"EV"}' }, { profile: wechatPay, secrets })
    const probe = { ...pay, headers: { ...pay.headers, 'wechatpay-signature': 'WECHATPAY/SIGNTEST/abc' } }
    const refused = await receive(requestOf(probe), { profile: wechatPay, secrets, onEvent })
    deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [401, 'FAIL'])
    equal((await receive(requestOf(pay), { profile: wechatPay, secrets, onEvent: () => undefined })).status, 204)
    const push = await sign({ id: 'd', body: '{}' }, { profile: github, secrets: 'hush' })
    equal((await receive(requestOf(push), { profile: github, secrets: 'hush', onEvent: () => undefined })).status, 202)
  })
})

suite('as a listener of node:http', () => {
  async function listening(
    options: ReceiverOptions<StandardSecret>,
    parsed?: unknown,
  ): Promise<{ readonly server: Server; readonly url: string } & AsyncDisposable> {
    const listener = createNodeListener(options)
    const server = createServer((request, response) => {
      if (parsed !== undefined) Object.assign(request, { body: parsed })
      void listener(request, response)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const close = async (): Promise<void> => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
    return {
      server,
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
      [Symbol.asyncDispose]: close,
    }
  }

  test('takes and refuses as the other does', async () => {
    const { options, events } = recording()
    await using at = await listening(options)
    const { headers, body } = await signIt({ id: 'a', body: 'ü'.repeat(100_000) })
    const post = (content: Uint8Array<ArrayBuffer>) => fetch(at.url, { method: 'POST', headers, body: content })
    equal((await post(body)).status, 204)
    deepEqual(events[0]?.body, body)
    const refused = await post(body.slice(1))
    deepEqual([refused.status, ((await refused.json()) as { code: string }).code], [401, 'bad-signature'])
    equal((await fetch(at.url)).status, 405)
  })

  test('a body that is too large is answered with 413, whether it says so or not, and the connection is closed', async () => {
    const { options, events } = recording({ maxBodyBytes: 1_000 })
    await using at = await listening(options)
    for (const length of [{ 'content-length': 100_000 }, { 'transfer-encoding': 'chunked' }]) {
      const request = httpRequest(at.url, { method: 'POST', headers: { ...length } })
      request.write(Buffer.alloc(2_000))
      const [response] = (await once(request, 'response')) as [
        { statusCode: number; headers: Record<string, string>; resume(): void },
      ]
      deepEqual([response.statusCode, response.headers['connection']], [413, 'close'])
      response.resume()
      request.on('error', () => undefined)
      request.destroy()
    }
    equal(events.length, 0)
  })

  test('a request that breaks off is refused, and nothing is left of it', async () => {
    const told = Promise.withResolvers<ReceivedOutcome>()
    const { options } = recording({ observe: told.resolve })
    await using at = await listening(options)
    const request = httpRequest(at.url, { method: 'POST', headers: { 'content-length': 100 } })
    request.on('error', () => undefined)
    request.write('half')
    request.flushHeaders()
    await once(at.server, 'request')
    request.destroy()
    deepEqual([(await told.promise).outcome, (await told.promise).reason], ['refused', 'the request broke off'])
  })

  test('behind a parser: raw bytes are fine, anything else is a mistake in the set-up', async () => {
    const signed = await signIt({ id: 'a', body: '{}' })
    const raw = recording()
    await using first = await listening(raw.options, Buffer.from(signed.body))
    equal((await fetch(first.url, { method: 'POST', headers: signed.headers, body: signed.body })).status, 204)
    const parsed = recording()
    await using second = await listening(parsed.options, {})
    equal((await fetch(second.url, { method: 'POST', headers: signed.headers, body: signed.body })).status, 500)
    match(parsed.outcomes[0]?.reason ?? '', /before any body parser/)
  })
})

test('recent ids are forgotten by number and by time', () => {
  let now = 0
  const seen = recentIds({ limit: 2, windowMs: 100, now: () => now })
  for (const id of ['a', 'b', 'c']) void seen.add(id)
  deepEqual(
    ['a', 'b', 'c'].map((id) => seen.has(id)),
    [false, true, true],
  )
  now = 100
  deepEqual(
    ['b', 'c'].map((id) => seen.has(id)),
    [false, false],
  )
})

test('onEvent sees what it needs', async () => {
  const { options, events } = recording()
  await receive(requestOf(await signIt({ id: 'a', body: '{"type":"order.paid","data":{"n":1}}' })), options)
  const [event] = events
  deepEqual([event?.id, event?.type, event?.json()], ['a', 'order.paid', { type: 'order.paid', data: { n: 1 } }])
  await receive(requestOf(await signIt({ id: 'b', body: 'no json' })), options)
  await rejects(async () => events[1]?.json(), { code: 'invalid-body' })
})
