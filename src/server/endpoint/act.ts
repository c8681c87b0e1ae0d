/** What can be done with an endpoint: verified, tested, drilled, its secrets rotated, events sent again; and what has been called so far. */
import type { Attempt } from '../../callback/index.ts'
import { parseDurationText } from '../../core/duration.ts'
import { PosthornError } from '../../core/error.ts'
import { checkName } from '../../core/name.ts'
import { count, list, object, options, orNull, ref, text, time, uuid } from '../openapi/json-schema.ts'
import { IDEMPOTENCY_PARAMETER, PAGE_PARAMETERS } from '../openapi/parameter.ts'
import { TASK_REPLIES } from '../operation/task.ts'
import { Fields, invalid } from '../request/field.ts'
import { pageOf } from '../request/page.ts'
import { json, type Answer } from '../route/answer.ts'
import { jsonOf, type Call } from '../route/call.ts'
import type { Route } from '../route/route.ts'
import { startOwnTask } from '../sweep/sweep.ts'
import { toTime } from '../message/show.ts'
import { drillTask, readRedeliver, redeliverTask, toOptions, verifyTask } from './act-task.ts'
import { endpointIn, find, orNotThere } from './endpoint.ts'

const PROBLEMS = ['invalid', 'invalid-name', 'invalid-json', 'endpoint-not-found'] as const
const shared = { forApps: true, tag: 'endpoints' } as const

export const endpointActRoutes: readonly Route[] = [
  {
    ...shared,
    method: 'POST',
    path: '/v1/endpoints/{id}/verify',
    id: 'verifyEndpoint',
    summary: 'Ask the receiver whether it may be called: a handshake or a challenge, as the profile has it',
    description: 'An operation; it fails where the receiver does not consent.',
    replies: { 202: TASK_REPLIES[202] },
    problems: ['invalid-name', 'endpoint-not-found'],
    writes: true,
    run: async (call) => startOwnTask(call, verifyTask, { endpoint: (await find(call, 'manage')).id }),
  },
  {
    ...shared,
    method: 'POST',
    path: '/v1/endpoints/{id}/test',
    id: 'testEndpoint',
    summary: 'Send a sample event',
    replies: {
      202: {
        description: 'On its way: its id is that of the message among the attempts.',
        content: { 'application/json': object({ id: uuid }) },
      },
    },
    problems: ['invalid-name', 'endpoint-not-found'],
    writes: true,
    run: async (call) =>
      json(202, await orNotThere(call, () => call.deps.post.endpoints.test(endpointIn(call, 'manage')))),
  },
  {
    ...shared,
    method: 'POST',
    path: '/v1/endpoints/{id}/drill',
    id: 'drillEndpoint',
    summary: 'Call the receiver as a forger and a bad network would, and report what it did',
    description:
      'An operation. Its output has a step each for a genuine call, a bad signature, an old time, an id that comes twice, and how soon it acknowledges.',
    replies: { 202: TASK_REPLIES[202] },
    problems: ['invalid-name', 'endpoint-not-found'],
    writes: true,
    run: async (call) => startOwnTask(call, drillTask, { endpoint: (await find(call, 'manage')).id }),
  },
  {
    ...shared,
    method: 'POST',
    path: '/v1/endpoints/{id}/redeliver',
    id: 'redeliver',
    summary: 'Send again: one event, the dead letters, or all that its topics keep of a time',
    description: 'An operation whose output is { matched, sent, unkept }. What is sent again has the id that it had.',
    parameters: [IDEMPOTENCY_PARAMETER],
    body: {
      required: true,
      content: {
        'application/json': options({
          message: { ...uuid, description: 'This one alone.' },
          since: time,
          until: time,
          failedOnly: { type: 'boolean', default: false },
          ratePerSecond: { type: 'number', exclusiveMinimum: 0, maximum: 1_000_000 },
          dryRun: { type: 'boolean', default: false, description: 'Only count.' },
        }),
      },
    },
    replies: {
      200: {
        description: 'A dry run.',
        content: { 'application/json': object({ matched: count, unkept: list(text()) }) },
      },
      202: TASK_REPLIES[202],
    },
    problems: [...PROBLEMS, 'invalid-option', 'message-not-found'],
    writes: true,
    idempotent: true,
    run: redeliver,
  },
  {
    ...shared,
    method: 'POST',
    path: '/v1/endpoints/{id}/secrets/rotate',
    id: 'rotateEndpointSecret',
    summary: 'Sign with a new secret, and with the one before beside it for a time',
    body: {
      required: false,
      content: {
        'application/json': options({
          secret: { description: 'Default: made by the server.' },
          overlap: { ...text("A number with a unit. Default '24h'.") },
        }),
      },
    },
    replies: {
      200: { description: 'The new one, never shown again.', content: { 'application/json': object({ secret: {} }) } },
    },
    problems: [...PROBLEMS, 'invalid-option', 'masked-value', 'invalid-duration', 'duration-without-unit', 'conflict'],
    writes: true,
    run: rotate,
  },
  {
    ...shared,
    method: 'GET',
    path: '/v1/endpoints/{id}/secrets',
    id: 'listEndpointSecrets',
    summary: 'The secrets that sign, masked, the newest first',
    replies: {
      200: {
        description: 'They are shown once, when they are made.',
        content: {
          'application/json': object({
            items: list(
              object({ id: uuid, value: { description: 'Masked.' }, createdAt: time, expiresAt: orNull(time) }),
            ),
          }),
        },
      },
    },
    problems: ['invalid-name', 'endpoint-not-found'],
    run: async (call) => {
      const { id } = await find(call, 'manage')
      return json(200, { items: await call.deps.post.endpoints.secrets(id) })
    },
  },
  {
    ...shared,
    method: 'GET',
    path: '/v1/endpoints/{id}/attempts',
    id: 'listAttempts',
    summary: 'The attempts, the newest first',
    description: '50 that succeeded and 100 that did not are kept, for at most 7 days.',
    parameters: [
      { name: 'message', in: 'query', description: 'Only those of this message.', schema: uuid },
      ...PAGE_PARAMETERS,
    ],
    replies: {
      200: {
        description: 'A page.',
        content: { 'application/json': object({ items: list(ref('Attempt')), next: orNull(text()) }) },
      },
    },
    problems: ['invalid', 'invalid-name', 'endpoint-not-found'],
    run: attempts,
  },
  {
    method: 'GET',
    path: '/.well-known/webhooks/jwks.json',
    id: 'getWebhookKeys',
    tag: 'endpoints',
    summary: 'The public keys of the v1a signatures (RFC 7517)',
    open: true,
    replies: {
      200: {
        description: 'Those that sign now, and those that did a while ago.',
        content: {
          'application/json': object({ keys: list(object({ kty: text(), crv: text(), x: text(), kid: text() })) }),
        },
      },
    },
    run: async ({ deps }) => json(200, await deps.post.endpoints.keys(), { 'cache-control': 'public, max-age=600' }),
  },
  {
    method: 'POST',
    path: '/v1/webhook-keys/rotate',
    id: 'rotateWebhookKey',
    tag: 'endpoints',
    summary: "Sign v1a with a new key of the platform's, and with the one before beside it for a time",
    body: { required: false, content: { 'application/json': options({ overlap: text("Default '24h'.") }) } },
    replies: { 200: { description: 'The new one.', content: { 'application/json': object({ publicKey: text() }) } } },
    problems: ['invalid', 'invalid-json', 'invalid-duration', 'duration-without-unit', 'conflict'],
    writes: true,
    run: async (call) => {
      const { deps } = call
      return json(200, await deps.post.endpoints.rotateKey(overlapOf(bodyOf(call, ['overlap']))))
    },
  },
]

async function redeliver(call: Call): Promise<Answer> {
  const { deps } = call
  const body = jsonOf(call)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('the body', body, 'a JSON object')
  const { dryRun, ...rest } = body as Record<string, unknown>
  if (dryRun !== undefined && typeof dryRun !== 'boolean') throw invalid('dryRun', dryRun, 'true or false')
  if (Object.hasOwn(rest, 'endpoint')) throw invalid('endpoint', rest['endpoint'], 'in the path only')
  // A slow one holds a place that others need.
  if (call.principal.kind === 'app' && rest['ratePerSecond'] !== undefined)
    throw new PosthornError(
      'invalid',
      'ratePerSecond is for the platform: an endpoint of an app has one of its own, which holds here as well',
      { details: { field: 'ratePerSecond' } },
    )
  const { id } = await find(call, 'manage')
  const input = readRedeliver({ ...rest, endpoint: id })
  const counted = () => deps.post.endpoints.redeliver(id, { ...toOptions(input), dryRun: true })
  if (dryRun !== true) {
    // That it is not there is an answer, not the end of an operation.
    if (input.message !== undefined) await counted()
    return startOwnTask(call, redeliverTask, input)
  }
  const { matched, unkept } = await counted()
  return json(200, { matched, unkept })
}

async function rotate(call: Call): Promise<Answer> {
  const fields = bodyOf(call, ['secret', 'overlap'])
  const { id } = await find(call, 'manage')
  const secret = fields.raw('secret')
  return json(
    200,
    await call.deps.post.endpoints.rotateSecret(id, {
      ...(secret === undefined ? {} : { secret: secret as string }),
      ...overlapOf(fields),
    }),
  )
}

function bodyOf(call: Call, known: readonly string[]): Fields {
  return new Fields(call.body.byteLength === 0 ? {} : jsonOf(call), known)
}

function overlapOf(fields: Fields): { readonly overlap?: number } {
  const value = fields.raw('overlap')
  if (value === undefined) return {}
  if (typeof value !== 'string' && typeof value !== 'number') throw invalid('overlap', value, "a text like '24h'")
  return { overlap: parseDurationText(String(value), 'overlap') }
}

async function attempts(call: Call): Promise<Answer> {
  const { deps, url } = call
  const { id } = await find(call, 'read')
  const message = url.searchParams.get('message')
  if (message !== null) checkName(message, 'message')
  const found = await deps.post.endpoints.attempts(id, message === null ? {} : { message })
  // Pages go from the newest back, so the cursor is what comes before.
  const places = found.map((attempt, place) => ({ attempt, cursor: String(place).padStart(6, '0') }))
  const { items, next } = pageOf(url, places, ({ cursor }) => cursor)
  return json(200, { items: items.map(({ attempt }) => show(attempt)), next })
}

const show = (attempt: Attempt): Record<string, unknown> => ({ ...attempt, at: toTime(attempt.at) })
