// Public keys from where the sender publishes them: looked up seldom, followed through a rotation, never taken from elsewhere.

import { deepEqual, equal, match, rejects, throws } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import {
  generateKeyPair,
  jwks,
  sign,
  standardWebhooks,
  toJwks,
  verify,
  type JwksOptions,
  type PublicJwk,
  type SecretSource,
} from '../../src/webhooks/index.ts'

const URL_OF_KEYS = 'https://sender.example/.well-known/jwks.json'
const profile = standardWebhooks

interface Sender {
  readonly secrets: SecretSource<PublicJwk>
  readonly options: JwksOptions
  now: number
  fetches: number
  answer: () => unknown
}

function sender(answer: () => unknown): Sender {
  const at: Sender = {
    now: 1_790_000_000_000,
    fetches: 0,
    answer,
    options: {},
    secrets: () => Promise.reject(new Error('not set')),
  }
  const options: JwksOptions = {
    clock: { now: () => at.now, timer: () => () => undefined },
    fetch: async () => {
      at.fetches += 1
      const found = await at.answer()
      return found instanceof Response ? found : Response.json(found)
    },
  }
  return Object.assign(at, { options, secrets: jwks(URL_OF_KEYS, options) })
}

async function check(at: Sender, privateKey: string): Promise<string> {
  const signed = await sign({ id: 'a', body: '{}', timestamp: at.now }, { profile, secrets: privateKey })
  return (await verify(signed, { profile, secrets: at.secrets, now: () => at.now })).id
}

test('keys are fetched once for many requests at once and later, and again when they are old', async () => {
  const pair = await generateKeyPair()
  const at = sender(() => toJwks([pair.publicKey]))
  await Promise.all([check(at, pair.privateKey), check(at, pair.privateKey), check(at, pair.privateKey)])
  await check(at, pair.privateKey)
  equal(at.fetches, 1)
  at.now += 600_000
  await check(at, pair.privateKey)
  equal(at.fetches, 2)
})

test('a rotation is followed at the first signature that does not fit, and forged ones cost no look-ups', async () => {
  const [old, next, forged] = await Promise.all([generateKeyPair(), generateKeyPair(), generateKeyPair()])
  const at = sender(() => toJwks([old.publicKey]))
  await check(at, old.privateKey)
  at.now += 60_000
  at.answer = () => toJwks([old.publicKey, next.publicKey])
  equal(await check(at, next.privateKey), 'a')
  equal(at.fetches, 2)
  for (let count = 0; count < 20; count += 1) await rejects(check(at, forged.privateKey), { code: 'bad-signature' })
  equal(at.fetches, 2)
  at.now += 30_000
  for (let count = 0; count < 20; count += 1) await rejects(check(at, forged.privateKey), { code: 'bad-signature' })
  equal(at.fetches, 3)
  at.answer = () => toJwks([next.publicKey])
  at.now += 600_000
  await rejects(check(at, old.privateKey), { code: 'bad-signature' })
})

test('where keys cannot be fetched again, the known ones serve for a day, and then no more', async () => {
  const pair = await generateKeyPair()
  const at = sender(() => toJwks([pair.publicKey]))
  await check(at, pair.privateKey)
  at.answer = () => Promise.reject(new Error('ECONNREFUSED'))
  at.now += 600_000 + 3_600_000
  await check(at, pair.privateKey)
  at.now += 86_400_000
  await rejects(check(at, pair.privateKey), { code: 'keys-unavailable', status: 503 })
})

test('what is no list of keys is told as that', async () => {
  const pair = await generateKeyPair()
  const bad: [() => unknown, RegExp][] = [
    [() => new Response('no', { status: 500 }), /answered 500/],
    [() => ({ keys: [] }), /0 usable keys/],
    [
      () => ({ keys: [{ kty: 'RSA', n: 'x', e: 'AQAB' }, { kty: 'OKP', crv: 'X25519', x: 'y' }, null, 1] }),
      /0 usable keys/,
    ],
    [() => null, /0 usable keys/],
    [() => new Response('{'), /JSON/],
    [() => new Response('x'.repeat(300_000)), /more than 262144 bytes/],
  ]
  for (const [answer, reason] of bad) {
    const at = sender(answer)
    await rejects(check(at, pair.privateKey), (error: Error & { code: string }) => {
      deepEqual([error.code, error.message], ['keys-unavailable', `no keys could be had from ${URL_OF_KEYS}`])
      match(String(error.cause), reason)
      return true
    })
  }
})

test('only https, or this machine', () => {
  for (const url of ['http://sender.example/jwks.json', 'file:///etc/passwd', 'jwks.json', 'http://localhost.example/'])
    throws(() => jwks(url), { code: 'invalid-option' }, url)
  for (const url of ['https://sender.example/', 'http://localhost:1/', 'http://[::1]:1/']) jwks(url)
})

test('over a real connection, and a redirect is not followed', async () => {
  const pair = await generateKeyPair()
  const keys = await toJwks([pair.publicKey])
  const server = createServer((request, response) => {
    if (request.url === '/moved') response.writeHead(302, { location: '/keys' }).end()
    else response.end(JSON.stringify(keys))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    const signed = await sign({ id: 'a', body: '{}' }, { profile, secrets: pair.privateKey })
    equal((await verify(signed, { profile, secrets: jwks(`${origin}/keys`) })).id, 'a')
    await rejects(verify(signed, { profile, secrets: jwks(`${origin}/moved`) }), { code: 'keys-unavailable' })
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
