// Random steps of two apps and their platform. Both apps use the same names, keys, texts and ids, and either may use what the other was told.

import fc from 'fast-check'
import { endpoint, endpointTemplates } from './endpoint-step.ts'
import { chosen, delivery, get, known, number, template, topic, type Template } from './template.ts'

export type Step =
  | { readonly do: 'ask'; readonly who: 'acme' | 'beta'; readonly asked: Template }
  | { readonly do: 'publish'; readonly topic: string; readonly type: string; readonly n: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'work' }

const apps = fc.constantFrom('acme', 'beta')
const queue = fc.constantFrom(
  'inbox',
  'jobs',
  'app:acme:inbox',
  'app:beta:inbox',
  'task:resize',
  'topic:orders:mine',
  'topic:news:mine',
  'nobody',
)
const ownQueue = fc.constantFrom('inbox', 'inbox', 'inbox', 'jobs')
const anyQueue = fc.oneof({ weight: 9, arbitrary: ownQueue }, queue)
const templates: readonly { weight: number; arbitrary: fc.Arbitrary<Template> }[] = [
  {
    weight: 4,
    arbitrary: template(
      fc.record({
        method: fc.constant('PUT'),
        path: anyQueue.map((name) => `/v1/queues/${name}`),
        body: fc.constantFrom(
          {},
          { pick: 'fifo' },
          { limit: { messages: 3 } },
          { retry: { attempts: 1 } },
          { keep: { acked: true } },
        ),
      }),
    ),
  },
  {
    weight: 10,
    arbitrary: template(
      fc.record({
        method: fc.constant('POST'),
        path: anyQueue.map((name) => `/v1/queues/${name}/messages`),
        headers: delivery,
        body: number.map((n) => ({ n })),
      }),
    ),
  },
  {
    weight: 8,
    arbitrary: template(
      fc.record({
        method: fc.constant('POST'),
        path: fc
          .oneof(anyQueue, fc.constantFrom('topic:orders:mine', 'topic:news:mine'))
          .map((name) => `/v1/queues/${name}/lease`),
        body: fc.record({ max: fc.integer({ min: 1, max: 3 }), leaseSeconds: fc.constantFrom(5, 60) }),
      }),
    ),
  },
  {
    weight: 8,
    arbitrary: template(
      fc.record({
        method: fc.constant('POST'),
        path: fc
          .oneof(anyQueue, fc.constantFrom('topic:orders:mine', 'topic:news:mine'))
          .map((name) => `/v1/queues/${name}/settle`),
        body: fc
          .constantFrom('ack', 'retry', 'release', 'bury', 'extend')
          .map((act) => ({ outcomes: [{ token: '{token}', do: act }] })),
      }),
      known('token'),
    ),
  },
  { weight: 3, arbitrary: template(get(anyQueue.map((name) => `/v1/queues/${name}`))) },
  {
    weight: 2,
    arbitrary: template(
      get(fc.constantFrom('/v1/queues', '/v1/queues?limit=1', '/v1/queues?limit=1&after={next}')),
      known('next'),
    ),
  },
  { weight: 3, arbitrary: template(get(anyQueue.map((name) => `/v1/queues/${name}/messages?limit=2`))) },
  {
    weight: 2,
    arbitrary: template(get(anyQueue.map((name) => `/v1/queues/${name}/messages?limit=1&after={next}`)), known('next')),
  },
  { weight: 2, arbitrary: template(get(anyQueue.map((name) => `/v1/queues/${name}/messages?key=k1`))) },
  { weight: 3, arbitrary: template(get(anyQueue.map((name) => `/v1/queues/${name}/messages/{id}`)), known('id')) },
  {
    weight: 2,
    arbitrary: template(
      fc.record({ method: fc.constant('DELETE'), path: anyQueue.map((name) => `/v1/queues/${name}/messages/{id}`) }),
      known('id'),
    ),
  },
  {
    weight: 3,
    arbitrary: template(
      fc.record({
        method: fc.constant('PATCH'),
        path: anyQueue.map((name) => `/v1/queues/${name}`),
        headers: fc.constantFrom<Record<string, string>>({}, { 'if-match': '{etag}' }, { 'if-match': '*' }),
        body: fc.constantFrom({ paused: false }, { maxLapses: 2 }, { keep: { acked: true } }),
      }),
      known('etag'),
    ),
  },
  {
    weight: 3,
    arbitrary: template(
      fc
        .tuple(
          anyQueue,
          fc.constantFrom('redrive', 'redrive', 'purge', 'pause', 'resume', 'resume'),
          delivery,
          fc.boolean(),
        )
        .map(([name, verb, headers, dryRun]) => ({
          method: 'POST',
          path: `/v1/queues/${name}/${verb}`,
          headers: headers['idempotency-key'] === undefined ? {} : { 'idempotency-key': headers['idempotency-key'] },
          ...(verb === 'redrive' ? { body: { dryRun, match: { key: 'k1' } } } : {}),
          ...(verb === 'purge' ? { body: { state: dryRun ? 'waiting' : 'dead' } } : {}),
        })),
    ),
  },
  {
    weight: 8,
    arbitrary: template(
      fc
        .tuple(
          fc.constantFrom('resize', 'resize', 'resize', 'other', 'system.purge'),
          delivery,
          number,
          fc.option(chosen),
        )
        .map(([task, headers, n, id]) => ({
          method: 'POST',
          path: `/v1/tasks/${task}`,
          headers: {
            ...headers,
            ...(id === null ? {} : { 'operation-id': id }),
            ...(n > 6 ? { 'posthorn-callback': 'endpoint:hook' } : {}),
          },
          body: { n },
        })),
    ),
  },
  {
    weight: 6,
    arbitrary: template(get(fc.oneof(chosen, fc.constant('{id}')).map((id) => `/v1/operations/${id}`)), known('id')),
  },
  {
    weight: 3,
    arbitrary: template(
      get(
        fc.constantFrom(
          '/v1/operations',
          '/v1/operations?limit=1',
          '/v1/operations?limit=1&after={next}',
          '/v1/operations?status=failed',
          '/v1/operations?group=beta',
        ),
      ),
      known('next'),
    ),
  },
  {
    weight: 3,
    arbitrary: template(
      fc
        .tuple(fc.oneof(chosen, fc.constant('{id}')), fc.boolean())
        .map(([id, cancel]) =>
          cancel
            ? { method: 'POST', path: `/v1/operations/${id}/cancel` }
            : { method: 'DELETE', path: `/v1/operations/${id}` },
        ),
      known('id'),
    ),
  },
  {
    weight: 4,
    arbitrary: template(
      fc
        .tuple(
          fc.constantFrom('mine', 'other'),
          fc.oneof(topic, fc.constantFrom('out-acme', 'out-beta', 'unknown')),
          fc.constantFrom('now', 'beginning'),
          fc.constantFrom('none', 'key', 'strict'),
        )
        .map(([name, of, from, order]) => ({
          method: 'PUT',
          path: `/v1/subscriptions/${name}`,
          body: { topic: of, types: ['order.*'], from, order },
        })),
    ),
  },
  {
    weight: 2,
    arbitrary: template(
      fc.tuple(fc.constantFrom('mine', 'other'), topic, fc.boolean()).map(([name, of, force]) => ({
        method: 'DELETE',
        path: `/v1/subscriptions/${name}?topic=${of}&force=${force}`,
      })),
    ),
  },
  {
    weight: 3,
    arbitrary: template(
      get(
        fc.constantFrom(
          '/v1/subscriptions',
          '/v1/subscriptions?limit=1',
          '/v1/subscriptions/mine',
          '/v1/subscriptions/mine?topic=orders',
          '/v1/subscriptions/app:beta:mine',
        ),
      ),
    ),
  },
  {
    weight: 3,
    arbitrary: template(
      get(
        fc.constantFrom(
          '/v1/topics',
          '/v1/topics/orders',
          '/v1/topics/out-beta',
          '/v1/topics/orders/events',
          '/v1/topics/orders/events?limit=1',
          '/v1/topics/orders/events?limit=1&from={position}',
          '/v1/topics/news/events',
        ),
      ),
      known('position'),
    ),
  },
  {
    weight: 4,
    arbitrary: template(
      fc
        .tuple(fc.constantFrom('out-acme', 'out-beta', 'orders', 'system:audit'), delivery, number)
        .map(([of, headers, n]) => ({
          method: 'POST',
          path: `/v1/topics/${of}/events?type=order.made`,
          headers,
          body: { n },
        })),
    ),
  },
  ...endpointTemplates,
  {
    weight: 1,
    arbitrary: template(
      get(
        fc.constantFrom(
          '/metrics',
          '/v1/apps',
          '/v1/apps/beta',
          '/v1/trail',
          '/openapi.json',
          '/v1/topics/system:audit/events',
          '/v1/app',
          '/v1/sources/github',
          '/v1/webhook-grants/nothing',
          '/nowhere',
        ),
      ),
    ),
  },
]

/** Both have the same things to begin with, so that most steps find something. */
export const beginning: readonly Step[] = (['acme', 'beta'] as const).flatMap((who) =>
  [
    { method: 'PUT', path: '/v1/queues/inbox', body: {} },
    { method: 'PUT', path: '/v1/queues/jobs', body: { retry: { attempts: 1 }, keep: { acked: true } } },
    { method: 'PUT', path: '/v1/subscriptions/mine', body: { topic: 'orders', types: ['order.*'] } },
    { method: 'PUT', path: '/v1/subscriptions/other', body: { topic: 'news', order: 'strict' } },
    { method: 'PUT', path: '/v1/endpoints/hook', body: endpoint('/fine', true, 'orders') },
  ].map((asked) => ({ do: 'ask' as const, who, asked: { ...asked, known: [] } })),
)

export const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 20,
      arbitrary: fc.record({
        do: fc.constant('ask' as const),
        who: apps as fc.Arbitrary<'acme'>,
        asked: fc.oneof(...templates),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('publish' as const),
        topic,
        type: fc.constantFrom('order.made', 'mail.sent'),
        n: number,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.constantFrom(10, 1_500, 10_000, 100_000) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('work' as const) }) },
  ),
  { minLength: 10, maxLength: 60, size: 'max' },
)
