/** The schemas of topics and subscriptions. */
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
  writable,
  type Components,
} from './json-schema.ts'
import { RETRY_SCHEMA } from './queue-component.ts'

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
  retry: RETRY_SCHEMA,
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

export const TOPIC_COMPONENTS: Components = {
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
  SubscriptionSettings: writable(wish, progress),
  Subscription: object({ ...wish, ...progress }),
}
