// Both ways against the libraries that others use: what we sign they take, what they sign we take, and what is changed nobody takes.

import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as octokit from '@octokit/webhooks-methods'
import fc from 'fast-check'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Stripe } from 'stripe'
import { Webhook as SvixWebhook } from 'svix'
import {
  generateKeyPair,
  generateSecret,
  github,
  sign,
  standardWebhooks,
  stripe,
  svix,
  verify,
} from '../../src/webhooks/index.ts'
import { seedOfRun } from '../seed.ts'

const runs = { seed: seedOfRun(), numRuns: 40 }
const bodies = fc.json().map((text) => `{"id":"evt_1","type":"order.paid","data":${text}}`)
const ids = fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/)

for (const [name, profile, Theirs, prefix] of [
  ['standardwebhooks', standardWebhooks, StandardWebhook, 'webhook'],
  ['svix', svix, SvixWebhook, 'svix'],
] as const) {
  suite(name, () => {
    const secret = generateSecret()
    const theirs = new Theirs(secret)

    test('takes what we sign, and we take what it signs', async () => {
      await fc.assert(
        fc.asyncProperty(ids, bodies, async (id, body) => {
          const ours = await sign({ id, body }, { profile, secrets: secret })
          theirs.verify(body, { ...ours.headers })
          const at = new Date()
          const headers = {
            [`${prefix}-id`]: id,
            [`${prefix}-timestamp`]: String(Math.floor(at.getTime() / 1_000)),
            [`${prefix}-signature`]: theirs.sign(id, at, body),
          }
          deepEqual((await verify({ headers, body }, { profile, secrets: secret })).json(), JSON.parse(body))
        }),
        runs,
      )
    })

    test('takes what we sign while a secret is rotated, and does not mind our v1a beside it', async () => {
      const { privateKey } = await generateKeyPair()
      const { headers } = await sign(
        { id: 'a', body: '{}' },
        { profile, secrets: [privateKey, generateSecret(), secret] },
      )
      theirs.verify('{}', { ...headers })
      throws(() => theirs.verify('{ }', { ...headers }), /signature/i)
    })

    test('both refuse the same', async () => {
      const { headers } = await sign({ id: 'a', body: '{}' }, { profile, secrets: secret })
      const old = await sign({ id: 'a', body: '{}', timestamp: Date.now() - 400_000 }, { profile, secrets: secret })
      const changes: [Record<string, string>, string][] = [
        [{ ...headers, [`${prefix}-id`]: 'b' }, '{}'],
        [{ ...headers, [`${prefix}-timestamp`]: '1' }, '{}'],
        [{ ...headers, [`${prefix}-signature`]: 'v1,AAAA' }, '{}'],
        [{ ...headers }, '{"a":1}'],
        [{ ...old.headers }, '{}'],
      ]
      for (const [changed, body] of changes) {
        throws(() => theirs.verify(body, changed))
        await rejects(verify({ headers: changed, body }, { profile, secrets: secret }))
      }
    })
  })
}

suite('stripe', () => {
  const secret = 'whsec_test_secret'
  const { webhooks } = new Stripe('sk_test_nothing')

  test('takes what we sign, and we take what it signs', async () => {
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const ours = await sign({ body }, { profile: stripe, secrets: secret })
        const event = webhooks.constructEvent(body, ours.headers['stripe-signature'] ?? '', secret)
        deepEqual(event, JSON.parse(body))
        const header = webhooks.generateTestHeaderString({ payload: body, secret })
        const taken = await verify(
          { headers: { 'Stripe-Signature': header }, body },
          { profile: stripe, secrets: secret },
        )
        deepEqual([taken.id, taken.type], ['evt_1', 'order.paid'])
      }),
      runs,
    )
  })

  test('takes what we sign with the old and the new secret', async () => {
    const { headers } = await sign({ body: '{}' }, { profile: stripe, secrets: ['whsec_new', secret] })
    for (const one of [secret, 'whsec_new']) webhooks.constructEvent('{}', headers['stripe-signature'] ?? '', one)
    throws(() => webhooks.constructEvent('{}', headers['stripe-signature'] ?? '', 'whsec_other'))
  })

  test('its old schemes are not taken', async () => {
    const header = webhooks.generateTestHeaderString({ payload: '{}', secret, scheme: 'v0' })
    await rejects(
      verify({ headers: { 'stripe-signature': header }, body: '{}' }, { profile: stripe, secrets: secret }),
      {
        code: 'bad-signature',
      },
    )
  })
})

suite('@octokit/webhooks-methods', () => {
  test('takes what we sign, and we take what it signs', async () => {
    await fc.assert(
      fc.asyncProperty(bodies, fc.string({ minLength: 1 }), async (body, secret) => {
        const { headers } = await sign({ id: 'd1', type: 'push', body }, { profile: github, secrets: secret })
        equal(await octokit.verify(secret, body, headers['x-hub-signature-256'] ?? ''), true)
        equal(await octokit.verify(secret, `${body} `, headers['x-hub-signature-256'] ?? ''), false)
        const theirs = { 'X-Hub-Signature-256': await octokit.sign(secret, body), 'X-GitHub-Delivery': 'd2' }
        equal((await verify({ headers: theirs, body }, { profile: github, secrets: [`${secret}x`, secret] })).secret, 1)
      }),
      runs,
    )
  })
})
