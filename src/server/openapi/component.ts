/** The schemas that several routes share, by the names that the document gives them. */
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

const readOnly = Object.fromEntries(
  Object.entries(depths).map(([name, schema]) => [name, { ...schema, readOnly: true }]),
)

export const COMPONENTS: Readonly<Record<string, JsonSchema>> = {
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
