/** Slack (https://docs.slack.dev/authentication/verifying-requests-from-slack), with the question it asks when an address is set. */
import { toBytes } from '../bytes.ts'
import { parseJson } from '../request.ts'
import { TOLERANCE_MS, type Profile } from '../profile.ts'

export const slack: Profile = {
  name: 'slack',
  id: [{ json: ['event_id'] }],
  type: [{ json: ['event', 'type'] }, { json: ['type'] }],
  timestamp: { header: 'x-slack-request-timestamp', unit: 's' },
  signature: { header: 'x-slack-signature', encoding: 'hex', labels: { 'v0=': 'hmac-sha256' } },
  signed: 'v0:{timestamp}:{body}',
  toleranceMs: TOLERANCE_MS,
  read: (secret) => [{ algorithm: 'hmac-sha256', bytes: toBytes(secret) }],
  challenge: ({ body }) => {
    const asked = parseJson(body) as { readonly type?: unknown; readonly challenge?: unknown } | null | undefined
    if (asked?.type !== 'url_verification' || typeof asked.challenge !== 'string') return null
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: asked.challenge }
  },
  accepted: { status: 200 },
  answerWithinMs: 2_500,
  repeatedForMs: 86_400_000,
}
