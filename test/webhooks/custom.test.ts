// Profiles of one's own: what can be said, and mistakes that are told when the profile is made.

import { createHmac, generateKeyPairSync, sign as nodeSign } from 'node:crypto'
import { equal, rejects, throws } from 'node:assert/strict'
import { test } from 'node:test'
import {
  createReceiver,
  createSigner,
  defineProfile,
  dingtalk,
  github,
  jwks,
  sign,
  standardWebhooks,
  verify,
  type ProfileOptions,
} from '../../src/webhooks/index.ts'

const signature = { header: 'x-signature', encoding: 'hex', labels: { '': 'hmac-sha256' } } as const

test('an HMAC over whatever the template says, as Node makes it', async () => {
  const profile = defineProfile({
    name: 'acme',
    id: { header: 'x-id' },
    nonce: { query: 'nonce' },
    timestamp: { header: 'x-time', unit: 's' },
    signature: {
      header: 'x-signature',
      encoding: 'base64',
      labels: { 'a=': 'hmac-sha1', 'b=': 'hmac-sha512' },
      separator: ';',
    },
    signed: '{id}:{nonce}:{timestamp}:{body}',
  })
  const mac = (hash: string) => createHmac(hash, 'hush').update('e1:n:1790000000:{}').digest('base64')
  const now = () => 1_790_000_000_000
  for (const text of [`a=${mac('sha1')}`, `b=${mac('sha512')}`, `c=x; b=${mac('sha512')} ;a=`]) {
    const headers = { 'x-id': 'e1', 'x-time': '1790000000', 'x-signature': text }
    equal((await verify({ headers, body: '{}', url: '/in?nonce=n' }, { profile, secrets: 'hush', now })).id, 'e1')
    await rejects(verify({ headers, body: '{}', url: '/in?nonce=m' }, { profile, secrets: 'hush', now }), {
      code: 'bad-signature',
    })
    await rejects(verify({ headers, body: '{}' }, { profile, secrets: 'hush', now }), {
      code: 'missing-part',
      message: 'the query parameter nonce is missing, which acme always has',
    })
  }
})

test('Ed25519 with keys in a form of its own, as Discord signs', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const profile = defineProfile({
    name: 'discord',
    timestamp: { header: 'x-signature-timestamp', unit: 's' },
    signature: { header: 'x-signature-ed25519', encoding: 'hex', labels: { '': 'ed25519' } },
    signed: '{timestamp}{body}',
    read: (hex: string) => [{ algorithm: 'ed25519', publicKey: Uint8Array.from(Buffer.from(hex, 'hex')) }],
  })
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex')
  const headers = {
    'x-signature-timestamp': '1790000000',
    'x-signature-ed25519': nodeSign(null, Buffer.from('1790000000{"type":1}'), privateKey).toString('hex'),
  }
  const options = { profile, secrets: raw, now: () => 1_790_000_000_000 }
  await verify({ headers, body: '{"type":1}' }, options)
  await rejects(verify({ headers, body: '{"type":2}' }, options), { code: 'bad-signature' })
  await rejects(verify({ headers, body: '' }, { ...options, secrets: 'abc' }), { code: 'invalid-secret' })
})

test('a profile that could not protect is refused when it is made', () => {
  const mistakes: [ProfileOptions<string>, RegExp][] = [
    [{ name: 'a', signature, signed: '{id}.{body}' }, /uses \{id\}, so id must say where it stands/],
    [{ name: 'a', signature, signed: '{time}.{body}' }, /uses \{time\}, and there are only id, timestamp/],
    [{ name: 'a', signature, signed: 'x' }, /must have \{body\} in it/],
    [
      { name: 'a', signature, signed: '{body}', timestamp: { header: 't', unit: 's' } },
      /must have \{timestamp\} in it, or anybody could renew it/,
    ],
    [{ name: 'a', signature: { ...signature, labels: {} }, signed: '{body}' }, /names no algorithm/],
  ]
  for (const [options, message] of mistakes) throws(() => defineProfile(options), { code: 'invalid-option', message })
})

test('where a form has room for one signature, a second key is refused', async () => {
  const profile = defineProfile({ name: 'a', signature, signed: '{body}' })
  await rejects(sign({ body: '' }, { profile, secrets: ['a', 'b'] }), {
    code: 'invalid-option',
    message: 'secrets: the header x-signature has room for one signature of a, and 2 keys would sign',
  })
})

test('whatever stands in headers and URL is refused and never a crash', async () => {
  const profile = defineProfile({ name: 'a', signature, signed: '{body}' })
  for (const headers of [{ 'x-signature': 'a\nb' }, { 'no header': 'a' }, { 'x-signature': '签名' }])
    await rejects(verify({ headers: { ...headers }, body: '' }, { profile, secrets: 'a' }), { code: 'invalid-part' })
  const mac = createHmac('sha256', 'a').update('').digest('hex')
  for (const url of ['//', 'http://[', '?', '', '/%', '/?%E0%A4%A', 'a?b#c?d'])
    await verify({ headers: { 'x-signature': mac }, url, body: '' }, { profile, secrets: 'a' })
  await rejects(verify({ headers: {}, body: {} as never }, { profile, secrets: 'a' }), { code: 'invalid-option' })
})

test('many secrets are refused: each forged request would cost as many checks', async () => {
  const profile = defineProfile({ name: 'a', signature, signed: '{body}' })
  await rejects(verify({ headers: {}, body: '' }, { profile, secrets: Array.from({ length: 33 }, String) }), {
    code: 'invalid-option',
  })
})

/** Never run: that the compiler knows which secrets a profile takes. */
export function mistakes(): void {
  const onEvent = (): undefined => undefined
  createReceiver({ profile: standardWebhooks, secrets: jwks('https://sender.example/jwks.json'), onEvent })
  createReceiver({ profile: standardWebhooks, secrets: async () => ['whsec_…'], onEvent })
  // @ts-expect-error DingTalk has three parts of a secret
  createReceiver({ profile: dingtalk, secrets: 'token', onEvent })
  // @ts-expect-error one of them is missing
  createSigner({ profile: dingtalk, secrets: { token: 'a', aesKey: 'b' } })
  // @ts-expect-error GitHub has a text
  createReceiver({ profile: github, secrets: { publicKey: 'a' }, onEvent })
  // @ts-expect-error and publishes no keys
  createReceiver({ profile: github, secrets: jwks('https://sender.example/jwks.json'), onEvent })
  // @ts-expect-error a variable that is not set is no secret
  createReceiver({ profile: github, secrets: process.env['SECRET'], onEvent })
}
