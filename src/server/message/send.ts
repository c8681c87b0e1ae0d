/** `POST /v1/queues/{queue}/messages`: one event, a batch all or nothing, or any body as the data of a new event. */
import { inSpace } from '../../app/index.ts'
import type { ChangeResult } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import type { Message } from '../../core/message.ts'
import { checkName } from '../../core/name.ts'
import { callbackToEndpoint, taskOfQueue } from '../../operation/index.ts'
import { ref } from '../openapi/json-schema.ts'
import { DELIVERY_PARAMETERS, IDEMPOTENCY_PARAMETER, TRACE_PARAMETERS } from '../openapi/parameter.ts'
import { json, type Answer } from '../route/answer.ts'
import type { Call } from '../route/call.ts'
import { commit, type Committed } from '../route/commit.ts'
import type { Route } from '../route/route.ts'
import { queueIn, shownName } from '../app/space.ts'
import { checkScope, notThere } from '../route/scope.ts'
import { readEvents } from './incoming.ts'
import { checkTarget, toMessage } from './outgoing.ts'

/** What can be wrong with a send, to a queue or to a task. */
export const SEND_PROBLEMS: Route['problems'] = [
  'invalid',
  'invalid-name',
  'invalid-json',
  'invalid-event',
  'invalid-input',
  'invalid-duration',
  'duration-without-unit',
  'attribute-conflict',
  'callback-not-allowed',
  'endpoint-not-found',
  'forbidden-queue',
  'queue-not-found',
  'task-not-found',
  'full',
  'unsupported',
]

export const sendRoute: Route = {
  method: 'POST',
  path: '/v1/queues/{queue}/messages',
  id: 'sendMessages',
  forApps: true,
  tag: 'messages',
  summary: 'Send to a queue',
  description:
    'The body is a CloudEvent in structured or binary mode, a batch of them, or anything else, which then is the data of a new event with that content type. Bytes of data are stored as they came. A batch is taken as a whole or not at all.',
  parameters: [...DELIVERY_PARAMETERS, IDEMPOTENCY_PARAMETER, ...TRACE_PARAMETERS],
  body: {
    required: false,
    content: {
      'application/cloudevents+json': ref('Event'),
      'application/cloudevents-batch+json': { type: 'array', items: ref('Event'), maxItems: 1000 },
      '*/*': {},
    },
  },
  replies: {
    202: {
      description: 'Sent, and as durable as it says.',
      content: { 'application/json': { anyOf: [ref('Receipt'), ref('Receipts')] } },
    },
  },
  problems: SEND_PROBLEMS,
  writes: true,
  idempotent: true,
  run: send,
}

async function send(call: Call): Promise<Answer> {
  const { deps, request, params, body, memory, principal } = call
  const queue = checkTarget(queueIn(principal, params['queue'], 'send'))
  await checkKnown(call, queue)
  const { batch, items } = readEvents(request.headers, body)
  if (items.length === 0) return json(202, { receipts: [] })
  const callback = await readCallback(call, queue)
  const messages: Message[] = []
  for (const [at, item] of items.entries())
    messages.push(
      await toMessage(deps, queue, item, {
        headers: request.headers,
        principal,
        ...(callback === undefined ? {} : { notes: { callback } }),
        ...(batch ? { place: `events[${at}]` } : {}),
      }),
    )
  await takeRoom(call, messages)
  const [expected] = deps.engine.capabilities.durability.slice(-1)
  const answerOf = (results: readonly ChangeResult[], durability = expected!): Answer => {
    const receipts = messages.map((message, at) => ({ ...receiptOf(results[at], message.id), durability }))
    return json(202, batch ? { receipts } : receipts[0])
  }
  const startedMs = deps.clock.monotonicMs()
  const committed = await commit(deps.engine, [
    ...messages.map((message) => ({ do: 'send', queue, message }) as const),
    ...memory.remember(answerOf([])),
  ])
  announceSent(call, queue, messages.length, committed, startedMs)
  noteDedupes(call, messages)
  const answer = answerOf(committed.results, committed.durability)
  await memory.correct(answer)
  return answer
}

/** What a commit says of a send; before the commit, what it will most likely say. */
export function receiptOf(
  result: ChangeResult | undefined,
  id: string,
): { readonly id: string; readonly duplicate: boolean } {
  return result != null && 'id' in result ? { id: result.id, duplicate: result.duplicate } : { id, duplicate: false }
}

export function announceSent(
  { deps: { telemetry, clock } }: Call,
  queue: string,
  count: number,
  { results, durability }: Committed,
  startedMs: number,
): void {
  if (!telemetry.wants('sent')) return
  const duplicates = results.filter((result) => result != null && 'duplicate' in result && result.duplicate).length
  telemetry.emit('sent', { target: queue, count, duplicates, ms: clock.monotonicMs() - startedMs, durability })
}

/** Room for what an app sends. @throws PosthornError `quota-exceeded` */
export async function takeRoom({ deps, principal }: Call, messages: readonly Message[], operations = 0): Promise<void> {
  if (principal.kind === 'platform') return
  if (messages.some(({ dedupe }) => dedupe !== undefined)) await deps.usage.remembered(principal).check()
  await deps.usage.take(principal, {
    bytes: messages.reduce((sum, { body }) => sum + body.byteLength, 0),
    operations,
  })
}

/** Texts that are remembered for an app from now on. */
export function noteDedupes({ deps, principal }: Call, messages: readonly Message[]): void {
  if (principal.kind === 'platform') return
  for (const { dedupe } of messages) if (dedupe !== undefined) deps.usage.remembered(principal).add()
}

/** @throws PosthornError `callback-not-allowed`, `invalid` for a queue that has no operations to tell of */
export async function readCallback({ deps, request, principal }: Call, queue: string): Promise<string | undefined> {
  const url = request.headers.get('posthorn-callback')
  if (url === null) return undefined
  if (taskOfQueue(queue) === null)
    throw new PosthornError(
      'invalid',
      `Posthorn-Callback tells of the end of an operation, and '${queue}' holds none: send to a task`,
      { details: { field: 'Posthorn-Callback' } },
    )
  if (url.startsWith('endpoint:')) {
    const name = checkName(url.slice('endpoint:'.length), 'Posthorn-Callback')
    checkScope(principal, 'endpoint', 'read', name)
    const id = inSpace(principal, name)
    const endpoint = await deps.post.endpoints.get(id)
    if (endpoint === null) throw notThere('endpoint', name)
    return callbackToEndpoint(id, endpoint.incarnation)
  }
  const allowed = deps.allowance.checkUrl(url)
  if (principal.kind === 'app' && !principal.callbackOrigins.includes(allowed.origin))
    throw new PosthornError(
      'callback-not-allowed',
      `callback to ${allowed.origin}: it is none of the origins of this app`,
    )
  return allowed.href
}

/** @throws PosthornError `queue-not-found` where sends may not create queues */
export async function checkKnown({ deps, principal }: Call, queue: string): Promise<void> {
  const mayCreate = deps.autoCreate && principal.kind === 'platform'
  if (mayCreate || deps.registry.get(queue) !== undefined) return
  const [depth] = await deps.engine.depth([queue])
  if (depth === undefined && principal.kind === 'app') {
    const task = taskOfQueue(queue)
    throw task === null ? notThere('queue', shownName(principal, queue)) : notThere('task', task)
  }
  if (depth === undefined)
    throw new PosthornError(
      'queue-not-found',
      `there is no queue '${queue}', and a send may not create one here: PUT /v1/queues/${queue} does`,
      { details: { queue } },
    )
}
