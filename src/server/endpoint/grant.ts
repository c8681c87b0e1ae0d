/** Where a receiver that was asked whether it may be called consents later (CloudEvents WebHook 1.0, 4.1.1): itself, or a person with a browser. */
import { parseAllowedRate } from '../../callback/index.ts'
import { PosthornError } from '../../core/error.ts'
import { object } from '../openapi/json-schema.ts'
import { json, type Answer } from '../route/answer.ts'
import type { Call } from '../route/call.ts'
import type { Route } from '../route/route.ts'

export const GRANT_PATH = '/v1/webhook-grants/'

/** The specification asks for both methods. */
export const grantRoutes: readonly Route[] = (['GET', 'POST'] as const).map((method) => ({
  method,
  path: `${GRANT_PATH}{token}`,
  id: method === 'GET' ? 'consentByLink' : 'consent',
  tag: 'endpoints',
  summary: 'Consent to be called, later than the handshake that asked for it',
  description: 'The token is that of the address in WebHook-Request-Callback. It needs no key, and is good for a week.',
  parameters: [
    {
      name: 'WebHook-Allowed-Rate',
      in: 'header',
      description: "Calls a minute; '*': any. Default: what was asked for.",
      schema: { type: 'string' },
    },
  ],
  replies: {
    200: {
      description: 'Granted.',
      content: { 'application/json': object({ granted: { const: true } }) },
    },
  },
  problems: ['invalid', 'endpoint-not-found'],
  bodyBytes: 4_096,
  hidesPath: true,
  open: true,
  actsOnGet: true,
  writes: true,
  run: consent,
}))

async function consent({ deps, params, request }: Call): Promise<Answer> {
  const text = request.headers.get('webhook-allowed-rate')
  const ratePerMinute = text === null ? null : parseAllowedRate(text.trim())
  if (ratePerMinute === undefined)
    throw new PosthornError(
      'invalid',
      `WebHook-Allowed-Rate is ${JSON.stringify(text?.slice(0, 50))}: it must be a whole number above 0, or '*'`,
      { details: { field: 'WebHook-Allowed-Rate' } },
    )
  await deps.post.endpoints.grant(params['token'] ?? '', text === null ? {} : { ratePerMinute })
  return json(200, { granted: true }, { 'cache-control': 'no-store' })
}
