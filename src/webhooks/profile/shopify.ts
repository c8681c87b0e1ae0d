/** Shopify (https://shopify.dev/docs/apps/build/webhooks/subscribe/https). Like GitHub it signs the body alone. */
import { toBytes } from '../bytes.ts'
import { TOLERANCE_MS, type Profile } from '../profile.ts'

export const shopify: Profile = {
  name: 'shopify',
  id: [{ header: 'x-shopify-webhook-id' }],
  type: [{ header: 'x-shopify-topic' }],
  timestamp: null,
  signature: { header: 'x-shopify-hmac-sha256', encoding: 'base64', labels: { '': 'hmac-sha256' } },
  signed: '{body}',
  toleranceMs: TOLERANCE_MS,
  read: (secret) => [{ algorithm: 'hmac-sha256', bytes: toBytes(secret) }],
  accepted: { status: 200 },
  answerWithinMs: 4_000,
  repeatedForMs: 86_400_000,
}
