/** Standard Webhooks 1.0.0 (https://www.standardwebhooks.com), with shared secrets (`v1`) and Ed25519 keys (`v1a`). */
import type { PublicJwk } from '../key.ts'
import { TOLERANCE_MS, type Profile } from '../profile.ts'
import { readStandardKey } from '../standard-key.ts'

/** `whsec_…`, `whpk_…` (to verify), `whsk_…` (to sign), or an Ed25519 key as a JWK. */
export type StandardSecret = string | PublicJwk

export const standardWebhooks: Profile<StandardSecret> = withPrefix('standard-webhooks', 'webhook')

/** The same with the header names that Svix had before there was a standard. */
export const svix: Profile<StandardSecret> = withPrefix('svix', 'svix')

function withPrefix(name: string, prefix: string): Profile<StandardSecret> {
  return {
    name,
    id: [{ header: `${prefix}-id` }],
    type: [{ json: ['type'] }],
    timestamp: { header: `${prefix}-timestamp`, unit: 's' },
    signature: {
      header: `${prefix}-signature`,
      encoding: 'base64',
      labels: { 'v1,': 'hmac-sha256', 'v1a,': 'ed25519' },
      separator: ' ',
    },
    signed: '{id}.{timestamp}.{body}',
    toleranceMs: TOLERANCE_MS,
    read: readStandardKey,
    answerWithinMs: 15_000,
    repeatedForMs: 4 * 86_400_000,
  }
}
