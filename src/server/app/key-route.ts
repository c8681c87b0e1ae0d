/** Keys of apps, made and voided by the platform. A key is in one answer, the one that makes it, which is not remembered. */
import { duration, list, options, ref, text } from '../openapi/json-schema.ts'
import { Fields, parseTime } from '../request/field.ts'
import { empty, json, type Answer } from '../route/answer.ts'
import { jsonOf, type Call } from '../route/call.ts'
import type { Reply, Route } from '../route/route.ts'
import { actOf, BY_PARAMETER } from './act.ts'
import { showNewKey } from './resource.ts'

const NEW_KEY: Reply = {
  description: 'The key: this is the only time that it is shown.',
  content: { 'application/json': ref('NewAppKey') },
}
const WRITE_PROBLEMS = ['invalid', 'invalid-name', 'invalid-json', 'invalid-option'] as const

export const keyRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/apps/{app}/keys',
    id: 'addAppKey',
    tag: 'apps',
    parameters: [BY_PARAMETER],
    summary: 'Make a key for an app',
    description:
      'Shown once: Posthorn keeps its hash alone. Idempotency-Key does not hold here, since an answer that is remembered is stored.',
    body: {
      required: false,
      content: {
        'application/json': options({
          note: text('For people.'),
          scopes: { ...list(text(), 100), description: 'Only this of what the app may.' },
          expires: {
            ...duration,
            description: 'A duration, or a time in RFC 3339. Default: never.',
            pattern: undefined,
          },
        }),
      },
    },
    replies: { 201: NEW_KEY },
    problems: [...WRITE_PROBLEMS, 'invalid-duration', 'duration-without-unit', 'app-not-found', 'full', 'conflict'],
    writes: true,
    run: addKey,
  },
  {
    method: 'POST',
    path: '/v1/apps/{app}/keys/{key}/rotate',
    id: 'rotateAppKey',
    tag: 'apps',
    parameters: [BY_PARAMETER],
    summary: 'Make a key in place of another, which is good for a while yet',
    body: {
      required: false,
      content: {
        'application/json': options({
          overlap: { ...duration, default: '1d', description: 'How long the old key is still good.' },
          expires: { ...text('When the new one expires: a duration, or a time in RFC 3339. Default: never.') },
        }),
      },
    },
    replies: { 201: NEW_KEY },
    problems: [
      ...WRITE_PROBLEMS,
      'invalid-duration',
      'duration-without-unit',
      'app-not-found',
      'key-not-found',
      'full',
      'conflict',
    ],
    writes: true,
    run: rotateKey,
  },
  {
    method: 'DELETE',
    path: '/v1/apps/{app}/keys/{key}',
    id: 'revokeAppKey',
    tag: 'apps',
    parameters: [BY_PARAMETER],
    summary: 'Void a key, everywhere within five seconds',
    replies: { 204: { description: 'Void.' } },
    problems: ['invalid-name', 'app-not-found', 'key-not-found', 'conflict'],
    writes: true,
    async run(call) {
      const { deps, params } = call
      await deps.post.apps.revokeKey(params['app']!, params['key']!, actOf(call))
      return empty(204)
    },
  },
]

async function addKey(call: Call): Promise<Answer> {
  const fields = new Fields(jsonOf(call), ['note', 'scopes', 'expires'])
  const key = await call.deps.post.apps.addKey(call.params['app']!, {
    note: fields.text('note', undefined),
    scopes: fields.has('scopes') ? (fields.list('scopes', 100) as readonly string[]) : undefined,
    expires: readExpires(fields),
    ...actOf(call),
  })
  return json(201, showNewKey(key))
}

async function rotateKey(call: Call): Promise<Answer> {
  const { params, deps } = call
  const fields = new Fields(jsonOf(call), ['overlap', 'expires'])
  const key = await deps.post.apps.rotateKey(params['app']!, params['key']!, {
    overlap: fields.duration('overlap', undefined),
    expires: readExpires(fields),
    ...actOf(call),
  })
  return json(201, showNewKey(key))
}

function readExpires(fields: Fields): Date | number | undefined {
  const value = fields.raw('expires')
  if (typeof value === 'string' && /^\d{4}-/.test(value)) return new Date(parseTime(value, 'expires'))
  return fields.duration('expires', undefined)
}
