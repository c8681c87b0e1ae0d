/**
 * The handshake of CloudEvents WebHook 1.0 (section 4), as the target: a platform that is to deliver here asks first whether it may, and
 * how fast. Only who was named when the server was started is let in; a key is needed for the deliveries all the same.
 */
import { PosthornError } from '../../core/error.ts'
import { checkKnown, invalidOption } from '../../core/option.ts'
import { text } from '../openapi/json-schema.ts'
import { empty, type Answer } from '../route/answer.ts'
import type { Call } from '../route/call.ts'
import type { Parameter, Route } from '../route/route.ts'

export interface WebhookGrant {
  /** DNS names of those who may deliver; '*': anybody. */
  readonly origins: readonly string[]
  /** Deliveries a minute that each is granted at most. Default: as many as it likes. */
  readonly ratePerMinute?: number | undefined
  /** Told of those who ask and are none of `origins`: who decides later that they may, calls the address that they gave. */
  readonly onAsked?: ((asked: WebhookAsked) => void) | undefined
}

export interface WebhookAsked {
  /** Whoever asks says so himself. */
  readonly origin: string
  /** Where deliveries would come. */
  readonly path: string
  /** Called with GET or POST, it grants (header `WebHook-Allowed-Rate`: how fast). null: none was given. */
  readonly callback: string | null
  readonly ratePerMinute: number | null
}

const LONGEST_CALLBACK = 2_048

const NAME = /^(\*|[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(:\d{1,5})?)$/
const PATHS = { '/v1/topics/{topic}/events': 'events', '/v1/queues/{queue}/messages': 'messages' } as const

/** @throws PosthornError `invalid-option` */
export function handshakeRoutes(grant: WebhookGrant | undefined): readonly Route[] {
  if (grant === undefined) return []
  checkKnown('webhooks', grant, ['origins', 'ratePerMinute', 'onAsked'])
  const { origins, ratePerMinute, onAsked } = grant
  if (onAsked !== undefined && typeof onAsked !== 'function')
    throw invalidOption('webhooks', 'onAsked', onAsked, 'a function of who asks')
  if (!Array.isArray(origins) || origins.length === 0 || !origins.every((each) => NAME.test(each)))
    throw invalidOption('webhooks', 'origins', origins, "DNS names like 'events.example.com', or '*'")
  if (ratePerMinute !== undefined && !(Number.isSafeInteger(ratePerMinute) && ratePerMinute > 0))
    throw invalidOption('webhooks', 'ratePerMinute', ratePerMinute, 'a whole number above 0')
  return Object.entries(PATHS).map(([path, what]) => ({
    method: 'OPTIONS',
    path,
    id: `handshakeOf${what[0]!.toUpperCase()}${what.slice(1)}`,
    tag: 'topics',
    summary: `Ask whether ${what} may be delivered here (CloudEvents WebHook 1.0)`,
    parameters: PARAMETERS,
    replies: {
      200: {
        description: 'Granted.',
        headers: {
          'Allow': 'POST',
          'WebHook-Allowed-Origin': 'Who may deliver.',
          'WebHook-Allowed-Rate': "Deliveries a minute; '*': any.",
        },
      },
    },
    problems: ['invalid', 'forbidden-origin'],
    open: true,
    run: (call) => answer(call, grant),
  }))
}

const PARAMETERS: readonly Parameter[] = [
  {
    name: 'WebHook-Request-Origin',
    in: 'header',
    description: 'DNS name of the system that would deliver.',
    schema: text(),
  },
  { name: 'WebHook-Request-Rate', in: 'header', description: 'Deliveries a minute that it asks for.', schema: text() },
  {
    name: 'WebHook-Request-Callback',
    in: 'header',
    description: 'Where consent may be told later; it is for whoever operates this server.',
    schema: text(),
  },
]

function answer({ request, url, deps }: Call, { origins, ratePerMinute, onAsked }: WebhookGrant): Answer {
  const origin = request.headers.get('webhook-request-origin')
  if (origin === null) return empty(200, { allow: 'POST, OPTIONS' })
  const asked = request.headers.get('webhook-request-rate')
  if (asked !== null && !/^[1-9]\d{0,8}$/.test(asked))
    throw new PosthornError(
      'invalid',
      `WebHook-Request-Rate is ${JSON.stringify(asked.slice(0, 50))}: it must be a whole number above 0`,
      { details: { field: 'WebHook-Request-Rate' } },
    )
  const isAllowed = origins.some((each) => each === '*' || each.toLowerCase() === origin.toLowerCase())
  if (!isAllowed) {
    try {
      onAsked?.({
        origin: origin.slice(0, 255),
        path: url.pathname,
        callback: callbackOf(request),
        ratePerMinute: asked === null ? null : Number(asked),
      })
    } catch (error) {
      deps.log.error('webhooks.onAsked failed', { error })
    }
    // The status alone is never consent: what counts is that no grant is said.
    throw new PosthornError('forbidden-origin', `${JSON.stringify(origin.slice(0, 255))} may not deliver here`)
  }
  const rate = Math.min(asked === null ? Infinity : Number(asked), ratePerMinute ?? Infinity)
  return empty(200, {
    'allow': 'POST',
    'webhook-allowed-origin': origin,
    'webhook-allowed-rate': Number.isFinite(rate) ? String(rate) : '*',
  })
}

/** Only what could be called. */
function callbackOf(request: Request): string | null {
  const text = request.headers.get('webhook-request-callback')
  const url = text === null || text.length > LONGEST_CALLBACK ? null : URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) ? url.href : null
}
