/** Stripe (https://docs.stripe.com/webhooks#verify-manually): time and signatures in one header. The secret is used as it is shown. */
import { toBytes } from '../bytes.ts'
import { TOLERANCE_MS, type Profile } from '../profile.ts'

export const stripe: Profile = {
  name: 'stripe',
  id: [{ json: ['id'] }],
  type: [{ json: ['type'] }],
  timestamp: { header: 'stripe-signature', entry: 't=', separator: ',', unit: 's' },
  signature: { header: 'stripe-signature', encoding: 'hex', labels: { 'v1=': 'hmac-sha256' }, separator: ',' },
  signed: '{timestamp}.{body}',
  toleranceMs: TOLERANCE_MS,
  read: (secret) => [{ algorithm: 'hmac-sha256', bytes: toBytes(secret) }],
  accepted: { status: 200 },
  answerWithinMs: 10_000,
  repeatedForMs: 4 * 86_400_000,
}
