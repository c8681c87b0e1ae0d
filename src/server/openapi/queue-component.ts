/** The schemas of queues, their messages and deliveries. */
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

const STATES = ['arrived', 'ready', 'held', 'delayed', 'leased', 'dead', 'acked', 'expired', 'cancelled', 'discarded']

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

/** Of queues, and of subscriptions, which have one. */
export const RETRY_SCHEMA: JsonSchema = settings.retry

export const QUEUE_COMPONENTS: Components = {
  Failure: failure,
  Message: message,
  QueueSettings: writable(settings, depths),
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
