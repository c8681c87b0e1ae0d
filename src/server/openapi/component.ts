/** The schemas that several routes share, by the names that the document gives them. */
import { APP_COMPONENTS } from '../app/resource.ts'
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
  type JsonSchema,
} from './json-schema.ts'
import { ENDPOINT_COMPONENTS } from './endpoint-component.ts'

const STATES = ['arrived', 'ready', 'held', 'delayed', 'leased', 'dead', 'acked', 'expired', 'cancelled', 'discarded']

const event = object(
  {
    specversion: { const: '1.0' },
    id: text("The event's own id, unique per source. Posthorn's id of the message is beside it."),
    source: text(),
    type: text(),
    subject: text(),
    time,
    datacontenttype: text(),
    dataschema: text(),
    data: { description: 'The data, where it is JSON or text.' },
    data_base64: { type: 'string', contentEncoding: 'base64', description: 'The data as base64 otherwise.' },
  },
  {
    optional: ['subject', 'time', 'datacontenttype', 'dataschema', 'data', 'data_base64'],
    description: 'A CloudEvent 1.0 in its JSON form. Every other member is an extension attribute.',
  },
)

const problem = object(
  {
    type: { type: 'string', format: 'uri' },
    title: text(),
    status: { type: 'integer' },
    code: text('From the table of codes, or one of a task’s own.'),
    detail: text(),
    instance: text(),
    data: { description: 'Of a task’s own error: its data.' },
  },
  { optional: ['detail', 'instance', 'data'], description: 'RFC 9457.' },
)

const failure = object(
  { code: text(), message: text(), stack: text(), at: time, delay: orNull(duration) },
  { optional: ['stack', 'delay'] },
)

const message = object(
  {
    id: uuid,
    queue: text(),
    state: { enum: STATES },
    event: ref('EventAttributes'),
    sizeBytes: count,
    key: text(),
    group: text(),
    priority: whole(0, 9),
    dedupe: text(),
    sentAt: time,
    readyAt: orNull(time),
    leaseUntil: orNull(time),
    endedAt: orNull(time),
    acquired: count,
    failed: count,
    released: count,
    failures: list(ref('Failure')),
    cancelRequested: { type: 'boolean' },
    reason: orNull(text()),
  },
  { optional: ['key', 'group', 'dedupe'] },
)

const operation = object(
  {
    id: uuid,
    task: text(),
    status: { enum: ['accepted', 'running', 'succeeded', 'failed', 'cancelled', 'expired'] },
    done: { type: 'boolean' },
    progress: object({ fraction: { type: 'number', minimum: 0, maximum: 1 }, note: text() }, { optional: ['note'] }),
    output: { description: 'What the task gave, where it succeeded.' },
    error: ref('Problem'),
    attempts: { ...count, description: 'Times it was handed to a handler.' },
    group: text(),
    createdAt: time,
    startedAt: time,
    endedAt: time,
    expiresAt: { ...time, description: 'Until when it is kept.' },
    durability: ref('Durability'),
    duplicate: { type: 'boolean' },
    links: object({ self: text(), cancel: text() }),
  },
  {
    optional: ['progress', 'output', 'error', 'group', 'startedAt', 'endedAt', 'expiresAt', 'durability', 'duplicate'],
  },
)

const backoff = options({
  kind: { enum: ['fixed', 'exponential'] },
  base: duration,
  cap: duration,
  factor: { type: 'number', minimum: 1, maximum: 100 },
  jitter: { enum: ['none', 'full', 'decorrelated'] },
})

const settings = {
  pick: { enum: ['fifo', 'priority', 'deadline'], description: 'How the next message is chosen.' },
  aging: {
    ...orNull(duration),
    description: "With pick 'priority': one step of priority is worth so much waiting. Null: strict.",
  },
  limit: options({ messages: orNull(count), bytes: orNull(count) }),
  overflow: { enum: ['refuse', 'suspend'] },
  retry: {
    ...options({ attempts: whole(1, 1_000_000), backoff }),
    description: "What `retry` at settle means where no delay is given. A contract's own policy goes before it.",
  },
  dedupeWindow: duration,
  maxLapses: { ...count, description: 'A message whose lease lapses more often is a dead letter.' },
  keep: options({
    acked: { type: 'boolean' },
    ended: duration,
    endedCount: count,
    dead: orNull(duration),
    deadCount: count,
  }),
  idleExpiry: orNull(duration),
  paused: { type: 'boolean' },
}

/** Read-only: what a queue holds. */
const depths = {
  queue: text(),
  arrived: count,
  ready: count,
  held: count,
  delayed: count,
  leased: count,
  dead: count,
  ended: object({ acked: count, expired: count, cancelled: count, discarded: count }),
  bytes: count,
  oldestReadyAt: orNull(time),
}

/** What a subscription wants. */
const wish = {
  topic: text(),
  types: { ...list(text(), 1_000), description: "Patterns: '*' is one segment, '**' any number. None: every type." },
  filters: { ...list(ref('Filter'), 1_000), description: 'All must pass.' },
  from: {
    ...text(
      "'now', 'beginning', a time or a position: where it begins. The others than now need a topic that keeps its events.",
    ),
    default: 'now',
  },
  order: {
    enum: ['none', 'key', 'strict'],
    default: 'key',
    description: 'key: one at a time and in order among events that share a key. strict: over all.',
  },
  retry: settings.retry,
  backlog: {
    ...options({ messages: orNull(count), bytes: orNull(count) }),
    description: 'What may wait. Beyond it the subscription is suspended; publishers are never refused for it.',
  },
}

/** Read-only: how far a subscription is. */
const progress = {
  name: text(),
  queue: text('Where its events wait: lease them there.'),
  status: { enum: ['live', 'catching-up', 'suspended'] },
  gaps: {
    ...list(object({ from: time, to: time, count })),
    description: 'What it missed for good, the latest twenty.',
  },
  lag: { ...count, description: 'Events that wait or are being handled.' },
  dead: count,
  waitingSince: orNull(time),
  idle: { type: 'boolean', description: 'Nobody has taken what has been ready for a day.' },
}

const ignored = Object.fromEntries(
  Object.entries(progress).map(([name, schema]) => [name, { ...schema, readOnly: true }]),
)

const readOnly = Object.fromEntries(
  Object.entries(depths).map(([name, schema]) => [name, { ...schema, readOnly: true }]),
)

export const COMPONENTS: Readonly<Record<string, JsonSchema>> = {
  ...APP_COMPONENTS,
  Event: event,
  EventAttributes: {
    ...event,
    description: 'The attributes of a CloudEvent; with its data where one message is asked for.',
  },
  Problem: problem,
  Durability: {
    enum: ['memory', 'os', 'disk', 'quorum', 'joined'],
    description: 'What the confirmed write survives: nothing, the process, power loss, a node.',
  },
  Receipt: object({ id: uuid, duplicate: { type: 'boolean' }, durability: ref('Durability') }),
  Receipts: object({ receipts: list(ref('Receipt')) }),
  PublishReceipt: object(
    {
      id: uuid,
      duplicate: { type: 'boolean' },
      durability: ref('Durability'),
      matched: {
        ...count,
        description: 'Subscriptions that got it at once. 0 answers why nobody got it. Apps are not told.',
      },
    },
    { optional: ['matched'] },
  ),
  Topic: object({
    topic: text(),
    types: { ...list(text()), description: 'Of its contract, where that is known here.' },
    retain: orNull(object({ for: orNull(duration), count })),
    subscriptions: count,
  }),
  Filter: {
    description: 'One dialect of the CloudEvents Subscriptions API: exact, prefix, suffix, all, any or not.',
    anyOf: [
      ...['exact', 'prefix', 'suffix'].map((dialect) =>
        object({ [dialect]: { type: 'object', additionalProperties: { type: 'string' } } }, { closed: true }),
      ),
      ...['all', 'any'].map((dialect) => object({ [dialect]: list(ref('Filter')) }, { closed: true })),
      object({ not: ref('Filter') }, { closed: true }),
    ],
  },
  SubscriptionSettings: {
    ...options({ ...wish, ...ignored }),
    description: 'What is read-only is ignored, so that what was read can be changed and written back.',
  },
  Subscription: object({ ...wish, ...progress }),
  ...ENDPOINT_COMPONENTS,
  Failure: failure,
  Message: message,
  Operation: operation,
  QueueSettings: {
    ...options({ ...readOnly, ...settings }),
    description:
      'Settings of a queue. What is read-only is ignored, so that what was read can be changed and written back.',
  },
  Queue: object({ ...depths, ...settings }),
  Delivery: object({
    token: text(),
    id: uuid,
    message: ref('Event'),
    acquired: count,
    failed: count,
    leaseUntil: time,
  }),
}
