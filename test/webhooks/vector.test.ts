// What others have signed: the specifications' own vectors, and requests that the vendors' libraries made (vectors.json).

import { deepEqual, equal, match, rejects } from 'node:assert/strict'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import {
  alipay,
  dingtalk,
  feishu,
  generateKeyPair,
  generateSecret,
  github,
  sign,
  slack,
  standardWebhooks,
  svix,
  toJwk,
  verify,
  wechatPay,
  type Incoming,
} from '../../src/webhooks/index.ts'

interface Recorded {
  readonly feishu: {
    readonly headers: Record<string, string>
    readonly body: string
    readonly secret: { encryptKey: string }
  }
  readonly alipay: { readonly v1: string; readonly v2: string; readonly publicKey: string }
  readonly wechatPay: {
    readonly headers: Record<string, string>
    readonly body: string
    readonly certificate: string
    readonly apiKey: string
  }
}

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'vectors.json'), 'utf8')) as Recorded

suite('Standard Webhooks', () => {
  const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek'
  const timestamp = 1_614_265_330_000
  const body = '{"test": 2432232314}'
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
  const privateKey = 'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=='
  const publicKey = 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4='
  const v1 = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
  const v1a = 'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=='
  const profile = standardWebhooks
  const now = () => timestamp
  const headersWith = (signature: string) => ({
    'webhook-id': id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': signature,
  })
  const check = (headers: Record<string, string>, secrets: string | string[] = secret, at = timestamp) =>
    verify({ headers, body }, { profile, secrets, now: () => at })

  test('the specification’s vectors, both versions, both ways', async () => {
    const signed = await sign({ id, timestamp, body }, { profile, secrets: [secret, privateKey] })
    deepEqual(signed.headers, headersWith(`${v1} ${v1a}`))
    equal((await check(headersWith(v1))).id, id)
    equal((await check(headersWith(v1a), publicKey)).id, id)
    equal((await check(headersWith(v1a), [secret, publicKey])).secret, 1)
    deepEqual((await check(headersWith(v1))).json(), { test: 2432232314 })
  })

  test('the reference tests’ refusals', async () => {
    for (const name of Object.keys(headersWith(v1))) {
      const { [name]: _, ...headers } = headersWith(v1) as Record<string, string>
      await rejects(check(headers), {
        code: 'missing-part',
        message: `the header ${name} is missing, which standard-webhooks always has`,
        details: { header: name },
      })
    }
    await rejects(check({ ...headersWith(v1), 'webhook-timestamp': 'hello' }), { code: 'invalid-part' })
    await rejects(check(headersWith('')), { code: 'missing-part' })
    for (const bad of ['v1,', 'v1', v1.slice(0, -4), v1.replace('v1,', 'v2,'), v1.replace('v1,', 'v1a,'), 'v1,g0hM'])
      await rejects(check(headersWith(bad)), { code: 'bad-signature', status: 401 }, bad)
    await rejects(check(headersWith(v1), secret, timestamp + 301_000), {
      code: 'stale-timestamp',
      message: 'the request is 301 s old, and 300 s are tolerated',
    })
    await rejects(check(headersWith(v1), secret, timestamp - 301_000), {
      code: 'stale-timestamp',
      message: 'the request is 301 s ahead of this clock, and 300 s are tolerated',
    })
    await check(headersWith(v1), secret, timestamp + 300_000)
    await check(headersWith(v1), secret, timestamp - 300_000)
  })

  test('a list is good when one entry is, whatever stands around it', async () => {
    const wrong = 'v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc='
    await check(headersWith(`${wrong} v2,${v1.slice(3)} ${v1} ${wrong}`))
    await rejects(check(headersWith(Array.from({ length: 17 }, () => v1).join(' '))), { code: 'invalid-part' })
  })

  test('an empty body is valid, and a body of any bytes', async () => {
    for (const bytes of [new Uint8Array(), Uint8Array.of(0, 255, 254, 128)]) {
      const { headers } = await sign({ id, timestamp, body: bytes }, { profile, secrets: secret })
      deepEqual((await verify({ headers, body: bytes }, { profile, secrets: secret, now })).body, bytes)
    }
  })

  test('secrets that are none are told by their place, and never shown', async () => {
    const bad = ['', 'whsec_', 'whsec_???', 'whpk_YQ==', 'whsk_YQ==', { kty: 'RSA', n: 'abc', e: 'AQAB' }]
    for (const one of bad)
      await rejects(
        verify({ headers: {}, body }, { profile, secrets: [secret, one] }),
        (error: Error & { code: string }) => {
          equal(error.code, 'invalid-secret')
          equal(error.message.startsWith('secrets[1]: '), true)
          return !error.message.includes('MfKQ') && !error.message.includes('???')
        },
      )
    await rejects(verify({ headers: {}, body }, { profile, secrets: [] }), { code: 'invalid-option' })
    // The public half of another pair.
    const { publicKey: other } = await generateKeyPair()
    const halves = Buffer.concat([
      Buffer.from(privateKey.slice(5), 'base64').subarray(0, 32),
      Buffer.from(other.slice(5), 'base64'),
    ])
    const mixed = `whsk_${halves.toString('base64')}`
    await rejects(sign({ id, body }, { profile, secrets: mixed }), { code: 'invalid-secret' })
    await rejects(sign({ id, body }, { profile, secrets: publicKey }), {
      code: 'invalid-secret',
      message: 'secrets[0]: this key can verify, but not sign',
    })
  })

  test('an id that could be read in two ways is refused on both sides', async () => {
    await rejects(sign({ id: 'a.1', body }, { profile, secrets: secret }), { code: 'invalid-part' })
    // A signature over `a`, 1614265330 and `1614265330.x` is one over `a.1614265330`, 1614265330 and `x` too.
    const { headers } = await sign({ id: 'a', timestamp, body: '1614265330.x' }, { profile, secrets: secret })
    const moved = { ...headers, 'webhook-id': 'a.1614265330' }
    await rejects(verify({ headers: moved, body: 'x' }, { profile, secrets: secret, now }), { code: 'invalid-part' })
  })

  test('generated keys work; a public one can be shown as a JWK, others cannot', async () => {
    const pair = await generateKeyPair()
    const shared = generateSecret()
    const { headers } = await sign({ id, timestamp, body }, { profile: svix, secrets: [shared, pair.privateKey] })
    deepEqual(Object.keys(headers).toSorted(), ['svix-id', 'svix-signature', 'svix-timestamp'])
    for (const one of [shared, pair.publicKey, pair.privateKey, await toJwk(pair.publicKey)])
      equal((await verify({ headers, body }, { profile: svix, secrets: one, now })).id, id)
    for (const one of [shared, pair.privateKey]) await rejects(toJwk(one), { code: 'invalid-secret' })
    // RFC 8037, appendix A.3
    const rfc = `whpk_${Buffer.from('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', 'base64url').toString('base64')}`
    equal((await toJwk(rfc)).kid, 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })
})

suite('the vendors’ own examples', () => {
  test('GitHub', async () => {
    const headers = {
      'X-Hub-Signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
      'X-GitHub-Delivery': '72d3162e',
      'X-GitHub-Event': 'push',
    }
    const event = await verify(
      { headers, body: 'Hello, World!' },
      { profile: github, secrets: "It's a Secret to Everybody" },
    )
    deepEqual([event.id, event.type, event.timestamp], ['72d3162e', 'push', null])
  })

  test('Slack', async () => {
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c'
    const headers = {
      'X-Slack-Request-Timestamp': '1531420618',
      'X-Slack-Signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
    }
    const secrets = '8f742231b10e8888abcd99yyyzzz85a5'
    const event = await verify({ headers, body }, { profile: slack, secrets, now: () => 1_531_420_618_000 })
    equal(event.form()['command'], '/webhook-collect')
    // It has no id of its own, so what was signed is its name.
    equal(/^sha256:[0-9a-f]{64}$/.test(event.id), true)
  })

  test('DingTalk', async () => {
    const encrypt =
      '1a3NBxmCFwkCJvfoQ7WhJHB+iX3qHPsc9JbaDznE1i03peOk1LaOQoRz3+nlyGNhwmwJ3vDMG+OzrHMeiZI7gTRWVdUBmfxjZ8Ej23JVYa9VrYeJ5as7XM/ZpulX8NEQis44w53h1qAgnC3PRzM7Zc/D6Ibr0rgUathB6zRHP8PYrfgnNOS9PhSBdHlegK+AGGanfwjXuQ9+0pZcy0w9lQ=='
    const secret = {
      token: '123456',
      aesKey: '4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij',
      owner: 'suite4xxxxxxxxxxxxxxx',
    }
    const incoming: Incoming = {
      headers: {},
      url: '/callback?msg_signature=5a65ceeef9aab2d149439f82dc191dd6c5cbe2c0&timestamp=1445827045067&nonce=nEXhMP4r',
      body: JSON.stringify({ encrypt }),
    }
    const options = { profile: dingtalk, now: () => 1_445_827_045_067 }
    const event = await verify(incoming, { ...options, secrets: secret })
    equal(event.type, 'check_create_suite_url')
    await rejects(verify(incoming, { ...options, secrets: { ...secret, owner: 'suite5xxxxxxxxxxxxxxx' } }), {
      code: 'invalid-body',
    })
  })

  test('Feishu: made by us, and read by its own library', async () => {
    const { headers, body, secret } = recorded.feishu
    const event = await verify({ headers, body }, { profile: feishu, secrets: secret, now: () => 1_790_000_000_000 })
    deepEqual([event.id, event.type], ['f7984f25', 'im.message.receive_v1'])
    // Where an event has no id, its digest must not be the signature: that has the key in it.
    const nameless = await sign(
      { body: '{"token":"tok"}', timestamp: 0, nonce: 'n' },
      { profile: feishu, secrets: secret },
    )
    const { id } = await verify(nameless, { profile: feishu, secrets: secret, now: () => 0 })
    equal(id, `sha256:${createHash('sha256').update('0n').update(nameless.body).digest('hex')}`)
    const other = { ...secret, verificationToken: 'another' }
    await rejects(verify({ headers, body }, { profile: feishu, secrets: other, now: () => 1_790_000_000_000 }), {
      code: 'invalid-body',
    })
  })

  test('Alipay: both forms that its own library takes', async () => {
    for (const body of [recorded.alipay.v1, recorded.alipay.v2]) {
      const secrets = { publicKey: recorded.alipay.publicKey }
      const event = await verify({ headers: {}, body }, { profile: alipay, secrets })
      deepEqual([event.id, event.form()['subject']], ['n1', '订单 100% & 更多+'])
      const changed = body.replace('total_amount=0.01', 'total_amount=0.02')
      await rejects(verify({ headers: {}, body: changed }, { profile: alipay, secrets }), { code: 'bad-signature' })
      // What is signed has no escapes, so a field could be taken apart at an & in it; not where that makes a second of its name.
      const apart = body.replace('100%25+%26+', '100%25+&subject=')
      await rejects(verify({ headers: {}, body: apart }, { profile: alipay, secrets }), { code: 'invalid-part' })
    }
  })

  test('Alipay: an id that the form has already is not written a second time', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const secrets = { privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
    const message = { id: 'n2', body: 'notify_id=n1' }
    await rejects(sign(message, { profile: alipay, secrets }), {
      code: 'invalid-part',
      message: 'the body has the form field notify_id already',
    })
    const { body } = await sign({ ...message, body: 'a=1' }, { profile: alipay, secrets })
    match(Buffer.from(body).toString(), /^a=1&sign_type=RSA2&notify_id=n2&sign=/)
  })

  test('WeChat Pay: by certificate and serial number, opened with the merchant’s key', async () => {
    const { headers, body, certificate, apiKey } = recorded.wechatPay
    const secret = { publicKey: certificate, serial: headers['Wechatpay-Serial'], apiKey }
    const now = () => 1_790_000_000_000
    const event = await verify({ headers, body }, { profile: wechatPay, secrets: secret, now })
    deepEqual([event.id, event.type], ['EV-2018022511223320873', 'TRANSACTION.SUCCESS'])
    equal((event.json() as { resource: { attach: string } }).resource.attach, '早餐')
    await rejects(verify({ headers, body }, { profile: wechatPay, secrets: { ...secret, serial: 'another' }, now }), {
      code: 'bad-signature',
    })
    await rejects(
      verify({ headers, body }, { profile: wechatPay, secrets: { ...secret, apiKey: apiKey.replace('0', '1') }, now }),
      { code: 'invalid-body' },
    )
    const probe = { ...headers, 'Wechatpay-Signature': `WECHATPAY/SIGNTEST/${headers['Wechatpay-Signature'] ?? ''}` }
    await rejects(verify({ headers: probe, body }, { profile: wechatPay, secrets: secret, now }), {
      code: 'bad-signature',
    })
  })
})
