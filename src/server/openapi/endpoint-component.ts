/** The schemas of endpoints and attempts. */
import {
  count,
  duration,
  list,
  object,
  options,
  orNull,
  ref,
  text,
  time,
  uuid,
  whole,
  writable,
  type Components,
  type JsonSchema,
} from './json-schema.ts'

const retry = options({ attempts: whole(1, 1_000), delays: list(duration, 50) })

const ack: JsonSchema = {
  description: 'Which answer counts: a status, an exact text as the whole body, or a value at a path of a JSON body.',
  oneOf: [
    object({ status: { anyOf: [{ const: 'success' }, list(whole(200, 599))] } }, { closed: true }),
    object({ text: text() }, { closed: true }),
    object({ json: list(text(), 8), equals: {} }, { closed: true }),
  ],
}

const customProfile = object(
  {
    signature: object(
      {
        header: text(),
        algorithm: { enum: ['hmac-sha256', 'hmac-sha512', 'hmac-sha1'] },
        encoding: { enum: ['hex', 'base64'], default: 'hex' },
        prefix: text("What stands before it, like 'sha256='."),
      },
      { optional: ['encoding', 'prefix'] },
    ),
    signed: text("What is signed: {id}, {timestamp} and {body} stand for those. Default '{body}'."),
    id: text('The header that names the event.'),
    timestamp: object({ header: text(), unit: { enum: ['s', 'ms'] } }, { optional: ['unit'] }),
    type: text('The header that names its type.'),
    body: { enum: ['event', 'cloudevent', 'cloudevent-binary', 'cloudevent-batch', 'plain'], default: 'event' },
    ack,
    timeout: duration,
    retry,
  },
  { optional: ['signed', 'id', 'timestamp', 'type', 'body', 'ack', 'timeout', 'retry'] },
)

const settings = {
  url: { type: 'string', format: 'uri', maxLength: 2_048 },
  subscriptions: list(
    object(
      {
        topic: text(),
        types: list(text("Patterns like 'order.*'. Default: every type.")),
        filters: list(ref('Filter')),
      },
      { optional: ['types', 'filters'] },
    ),
    50,
  ),
  description: { ...text(), maxLength: 500 },
  app: orNull(text('The app that it belongs to. With an app’s key it is that app.')),
  profile: {
    description: 'How it is called: signature, body, which answer counts, time limit, schedule.',
    anyOf: [
      {
        enum: [
          'standard-webhooks',
          'cloudevents',
          'cloudevents-binary',
          'cloudevents-batch',
          'stripe',
          'github',
          'shopify',
          'slack',
          'wechat-pay',
          'alipay',
          'feishu',
          'dingtalk',
        ],
      },
      customProfile,
    ],
  },
  secret: { description: 'Of a new endpoint. Default: made by the server, where the profile’s can be.' },
  signature: { enum: ['v1', 'v1a', 'both'] },
  order: { enum: ['none', 'key', 'strict'] },
  ratePerSecond: orNull({ type: 'number', minimum: 0.001, maximum: 100_000 }),
  concurrency: whole(1, 100),
  timeoutSeconds: orNull({ type: 'number', minimum: 0.1, maximum: 120 }),
  retry: orNull(retry),
  payload: { enum: ['full', 'thin'] },
  headers: {
    type: 'object',
    additionalProperties: orNull(text()),
    description: 'Sent with every call; shown masked. Null takes one away.',
  },
  enabled: { type: 'boolean' },
  drainPerSecond: orNull({ type: 'number', minimum: 0.001, maximum: 100_000 }),
  answerTo: orNull(text('The queue that gets each receiver’s answer.')),
} satisfies Readonly<Record<string, JsonSchema>>

const { secret, ...shown } = settings

const progress = {
  id: text(),
  status: { enum: ['active', 'failing', 'disabled', 'paused'] },
  disabled: orNull(object({ reason: { enum: ['gone', 'failing'] }, at: time })),
  verified: orNull(
    object({
      by: { enum: ['handshake', 'challenge'] },
      at: time,
      ratePerMinute: orNull({ type: 'integer', minimum: 1 }),
    }),
  ),
  failingSince: orNull(time),
  lag: count,
  dead: count,
  waitingSince: orNull(time),
  createdAt: time,
  updatedAt: time,
}

const number: JsonSchema = { type: 'number', minimum: 0 }

export const ENDPOINT_COMPONENTS: Components = {
  EndpointSettings: writable(settings, progress),
  Endpoint: object({ ...shown, ...progress }),
  NewEndpoint: object({ ...shown, ...progress, secret }),
  Attempt: object({
    id: uuid,
    message: uuid,
    event: text(),
    type: text(),
    topic: orNull(text()),
    attempt: whole(1, Number.MAX_SAFE_INTEGER),
    at: time,
    durationMs: number,
    sincePublishMs: number,
    outcome: { enum: ['delivered', 'retry', 'dead', 'held'] },
    status: orNull({ type: 'integer' }),
    error: orNull(text()),
    retryInMs: orNull(count),
    answer: text('The first bytes of the answer, without secrets.'),
  }),
}
