// What apps ask of endpoints: made, changed, called, drilled, sent again. `{receiver}` stands for one that answers `/fine` with 204, `/no` with 400.

import fc from 'fast-check'
import { delivery, get, known, template, type Template } from './template.ts'

/** One at a time and in order: what is tried when is nobody's chance. */
export const endpoint = (path: string, enabled: boolean, topic: string, more: object = {}) => ({
  url: `{receiver}${path}`,
  enabled,
  order: 'strict',
  concurrency: 1,
  retry: { attempts: 2, delays: ['5s'] },
  subscriptions: [{ topic }],
  ...more,
})

const name = fc.constantFrom('hook', 'hook', 'more', 'app:beta:hook')
const path = fc.constantFrom('/fine', '/fine', '/no')
const conditions = fc.constantFrom<Record<string, string>>({}, {}, { 'if-match': '{etag}' }, { 'if-none-match': '*' })

export const endpointTemplates: readonly { weight: number; arbitrary: fc.Arbitrary<Template> }[] = [
  {
    weight: 4,
    arbitrary: template(
      fc
        .tuple(
          name,
          path,
          fc.boolean(),
          fc.constantFrom('orders', 'orders', 'news', 'unknown'),
          fc.constantFrom({}, {}, { profile: 'cloudevents' }, { app: 'beta' }, { payload: 'thin' }),
          conditions,
        )
        .map(([id, to, enabled, of, more, headers]) => ({
          method: 'PUT',
          path: `/v1/endpoints/${id}?force=true`,
          headers,
          body: endpoint(to, enabled, of, more),
        })),
      known('etag'),
    ),
  },
  {
    weight: 3,
    arbitrary: template(
      fc
        .tuple(
          name,
          conditions,
          fc.constantFrom({ enabled: true }, { enabled: false }, { url: '{receiver}/fine' }, { subscriptions: null }),
        )
        .map(([id, headers, body]) => ({ method: 'PATCH', path: `/v1/endpoints/${id}`, headers, body })),
      known('etag'),
    ),
  },
  {
    weight: 5,
    arbitrary: template(
      get(
        fc.constantFrom(
          '/v1/endpoints',
          '/v1/endpoints?limit=1',
          '/v1/endpoints/hook',
          '/v1/endpoints/app:acme:hook',
          '/v1/endpoints/hook/attempts',
          '/v1/endpoints/hook/attempts?limit=1',
          '/v1/endpoints/hook/secrets',
          '/v1/endpoints/more/attempts',
        ),
      ),
    ),
  },
  {
    weight: 4,
    arbitrary: template(
      fc
        .tuple(name, fc.constantFrom('test', 'verify', 'drill', 'secrets/rotate'))
        .map(([id, act]) => ({ method: 'POST', path: `/v1/endpoints/${id}/${act}` })),
    ),
  },
  {
    weight: 4,
    arbitrary: template(
      fc
        .tuple(
          name,
          delivery,
          fc.constantFrom(
            { since: '2000-01-01T00:00:00Z' },
            { since: '2000-01-01T00:00:00Z', dryRun: true },
            { failedOnly: true },
            { message: '{id}' },
          ),
        )
        .map(([id, headers, body]) => ({
          method: 'POST',
          path: `/v1/endpoints/${id}/redeliver`,
          headers: headers['idempotency-key'] === undefined ? {} : { 'idempotency-key': headers['idempotency-key'] },
          body,
        })),
      known('id'),
    ),
  },
  {
    weight: 2,
    arbitrary: template(
      fc
        .tuple(name, fc.boolean())
        .map(([id, force]) => ({ method: 'DELETE', path: `/v1/endpoints/${id}?force=${force}` })),
    ),
  },
]
