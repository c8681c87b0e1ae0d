// For every profile: what is signed verifies; and no bit of body, signed part, signature or secret can be flipped unnoticed.

import { deepEqual, equal, notEqual, rejects } from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import {
  alipay,
  defineProfile,
  dingtalk,
  feishu,
  generateKeyPair,
  generateSecret,
  github,
  isWebhookError,
  shopify,
  sign,
  slack,
  standardWebhooks,
  stripe,
  svix,
  verify,
  wechatPay,
  type Profile,
  type Signed,
} from '../../src/webhooks/index.ts'
import { seedOfRun } from '../seed.ts'

const NOW = 1_790_000_000_000
const now = () => NOW
const runs = { seed: seedOfRun(), numRuns: 60 }
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const rsaPublic = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const rsaPrivate = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const otherPublic = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .publicKey.export({ type: 'spki', format: 'pem' })
  .toString()
const pair = await generateKeyPair()
const aesKey = '4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij'

interface Case {
  readonly profile: Profile<never>
  readonly signing: unknown
  readonly verifying: unknown
  readonly bodies: fc.Arbitrary<string>
  /** Headers that nothing is signed over: the platform’s weakness, which the guide tells of. */
  readonly loose?: readonly string[]
}

const json = fc.json().map((text) => `{"id":"e1","a":${text}}`)
const raw = fc.string({ unit: 'binary' })
const form = fc
  .dictionary(
    fc.stringMatching(/^[a-z_]{1,8}$/).filter((name) => !name.startsWith('sign')),
    fc.string({ unit: 'grapheme' }),
  )
  .map((fields) => new URLSearchParams({ notify_id: 'n1', ...fields }).toString())
const shared = generateSecret()
const acme = defineProfile({
  name: 'acme',
  id: { header: 'x-acme-id' },
  timestamp: { header: 'x-acme-time', unit: 'ms' },
  signature: { header: 'x-acme-signature', encoding: 'hex', labels: { 'sha512=': 'hmac-sha512' } },
  signed: '{timestamp}|{id}|{body}',
})

const same = (
  profile: Profile<never>,
  secret: unknown,
  bodies: Case['bodies'],
  loose: readonly string[] = [],
): Case => ({
  profile,
  signing: secret,
  verifying: secret,
  bodies,
  loose,
})
const cases: readonly Case[] = [
  same(standardWebhooks, shared, raw),
  { ...same(standardWebhooks, pair.privateKey, raw), verifying: pair.publicKey },
  same(svix, shared, raw),
  same(stripe, 'whsec_abc', json),
  same(github, 'hush', raw, ['x-github-delivery', 'x-github-event']),
  same(slack, 'hush', json),
  same(shopify, 'hush', raw, ['x-shopify-webhook-id', 'x-shopify-topic']),
  { ...same(wechatPay, { privateKey: rsaPrivate }, json), verifying: { publicKey: rsaPublic } },
  { ...same(alipay, { privateKey: rsaPrivate }, form), verifying: { publicKey: rsaPublic } },
  same(feishu, { encryptKey: 'key' }, json),
  same(dingtalk, { token: 'token', aesKey, owner: 'suite' }, json),
  same(acme, 'hush', raw),
]

for (const [index, one] of cases.entries()) {
  const { profile, signing, verifying, bodies, loose = [] } = one
  const signIt = (body: string): Promise<Signed> =>
    sign(
      { ...(profile.name === 'alipay' ? {} : { id: 'e1', type: 't' }), body, timestamp: NOW },
      { profile, secrets: signing as never },
    )
  const verifyIt = ({ headers, body, query }: Signed, secrets = verifying) =>
    verify(
      { headers, body, url: `/?${new URLSearchParams(query).toString()}` },
      { profile, secrets: secrets as never, now },
    )
  const refused = (signed: Signed, what: string, secrets = verifying): Promise<void> =>
    rejects(verifyIt(signed, secrets), isWebhookError, what)

  suite(`${profile.name} ${index}`, () => {
    test('what is signed verifies', async () => {
      await fc.assert(
        fc.asyncProperty(bodies, async (body) => {
          const signed = await signIt(body)
          const event = await verifyIt(signed)
          if (!profile.open && profile !== (alipay as Profile<never>)) equal(event.text(), body)
          if (profile.open) deepEqual(event.json(), JSON.parse(body))
          notEqual(event.id, '')
          equal(event.timestamp, profile.timestamp ? NOW : null)
        }),
        runs,
      )
    })

    test('no flipped bit of the body is taken', async () => {
      await fc.assert(
        fc.asyncProperty(bodies, fc.nat(), async (given, at) => {
          const signed = await signIt(given)
          fc.pre(signed.body.length > 0)
          const body = signed.body.slice()
          const bit = at % (body.length * 8)
          body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7))
          // Of a form and of sealed JSON the content is signed, not how it is written: `%2f` is `%2F`.
          const isSame = profile.signature && 'form' in profile.signature && sameForm(body, signed.body)
          if (!isSame) await refused({ ...signed, body }, `bit ${bit} of ${given}`)
        }),
        runs,
      )
    })

    test('no changed letter of a header or of the query is taken', async () => {
      const signed = await signIt(
        '{"id":"e1"}'.replace(/.*/, (text) => (profile.name === 'alipay' ? 'notify_id=n1' : text)),
      )
      for (const part of ['headers', 'query'] as const) {
        for (const [name, value] of Object.entries(signed[part])) {
          for (let at = 0; at < value.length; at += 1) {
            const letter = value[at] === '1' ? '2' : '1'
            const changed = {
              ...signed,
              [part]: { ...signed[part], [name]: value.slice(0, at) + letter + value.slice(at + 1) },
            }
            if (loose.includes(name)) await verifyIt(changed)
            else await refused(changed, `${name} at ${at}`)
          }
          const { [name]: _, ...rest } = signed[part]
          if (!loose.includes(name)) await refused({ ...signed, [part]: rest }, `without ${name}`)
        }
      }
    })

    test('no other secret is taken', async () => {
      const signed = await signIt(profile.name === 'alipay' ? 'notify_id=n1' : '{"id":"e1"}')
      for (const secret of otherSecrets(verifying)) await refused(signed, JSON.stringify(secret), secret)
    })

    if (profile.timestamp)
      test('a recorded request is not taken later', async () => {
        const { headers, body, query } = await signIt('{"id":"e1"}')
        const later = () => NOW + profile.toleranceMs + 1_000
        const url = `/?${new URLSearchParams(query).toString()}`
        const options = { profile, secrets: verifying as never, now: later }
        await rejects(verify({ headers, body, url }, options), { code: 'stale-timestamp' })
        await verify({ headers, body, url }, { ...options, toleranceMs: Number.POSITIVE_INFINITY })
      })
  })
}

function sameForm(one: Uint8Array, other: Uint8Array): boolean {
  const read = (body: Uint8Array): string[][] =>
    [...new URLSearchParams(Buffer.from(body).toString('latin1'))].toSorted()
  return JSON.stringify(read(one)) === JSON.stringify(read(other))
}

/** Each text of a secret with one bit of its content flipped, where it goes into the signature. */
function otherSecrets(secret: unknown): unknown[] {
  if (typeof secret === 'string') {
    const prefix = /^wh(sec|pk)_(?=.{40})/.exec(secret)?.[0]
    if (prefix === undefined) return Array.from(secret, (_, at) => flip(secret, at))
    const bytes = Buffer.from(secret.slice(prefix.length), 'base64')
    return Array.from({ length: bytes.length * 8 }, (_, bit) => {
      const copy = Buffer.from(bytes)
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      return prefix + copy.toString('base64')
    })
  }
  const members = secret as Record<string, string>
  return Object.entries(members).flatMap(([name, text]) =>
    name === 'publicKey'
      ? [{ ...members, publicKey: otherPublic }]
      : [0, text.length - 1].map((at) => ({ ...members, [name]: flip(text, at) })),
  )
}

function flip(text: string, at: number): string {
  return text.slice(0, at) + (text[at] === 'A' ? 'Q' : 'A') + text.slice(at + 1)
}
