/**
 * GitHub (https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries). It signs the body alone: no time and no id, so
 * who has recorded a request can send it again under another id.
 */
import { toBytes } from '../bytes.ts'
import { TOLERANCE_MS, type Profile } from '../profile.ts'

export const github: Profile = {
  name: 'github',
  id: [{ header: 'x-github-delivery' }],
  type: [{ header: 'x-github-event' }],
  timestamp: null,
  signature: { header: 'x-hub-signature-256', encoding: 'hex', labels: { 'sha256=': 'hmac-sha256' } },
  signed: '{body}',
  toleranceMs: TOLERANCE_MS,
  read: (secret) => [{ algorithm: 'hmac-sha256', bytes: toBytes(secret) }],
  accepted: { status: 202 },
  answerWithinMs: 8_000,
  repeatedForMs: 4 * 86_400_000,
}
