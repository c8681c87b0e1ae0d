/** `POST /v1/queues/{queue}/messages`: one event, a batch all or nothing, or any body as the data of a new event. */
import type { ChangeResult } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import type { Message } from '../../core/message.ts'
import { taskOfQueue } from '../../operation/index.ts'
import { ref } from '../openapi/json-schema.ts'
import { DELIVERY_PARAMETERS, IDEMPOTENCY_PARAMETER, TRACE_PARAMETERS } from '../openapi/parameter.ts'
import { json, type Answer } from '../route/answer.ts'
import type { Call } from '../route/call.ts'
import { commit, type Committed } from '../route/commit.ts'
import type { Route } from '../route/route.ts'
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
  'forbidden-queue',
  'queue-not-found',
  'full',
  'unsupported',
]

export const sendRoute: Route = {
  method: 'POST',
  path: '/v1/queues/{queue}/messages',
  id: 'sendMessages',
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
  const { deps, request, params, body, memory } = call
  const queue = checkTarget(params['queue']!)
  await checkKnown(call, queue)
  const { batch, items } = readEvents(request.headers, body)
  if (items.length === 0) return json(202, { receipts: [] })
  const callback = readCallback(call, queue)
  const messages: Message[] = []
  for (const [at, item] of items.entries())
    messages.push(
      await toMessage(deps, queue, item, {
        headers: request.headers,
        callback,
        ...(batch ? { place: `events[${at}]` } : {}),
      }),
    )
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

/** @throws PosthornError `callback-not-allowed`, `invalid` for a queue that has no operations to tell of */
export function readCallback({ deps, request }: Call, queue: string): string | undefined {
  const url = request.headers.get('posthorn-callback')
  if (url === null) return undefined
  if (taskOfQueue(queue) === null)
    throw new PosthornError(
      'invalid',
      `Posthorn-Callback tells of the end of an operation, and '${queue}' holds none: send to a task`,
      { details: { field: 'Posthorn-Callback' } },
    )
  return deps.allowance.checkUrl(url).href
}

/** @throws PosthornError `queue-not-found` where sends may not create queues */
export async function checkKnown({ deps }: Call, queue: string): Promise<void> {
  if (deps.autoCreate || deps.registry.get(queue) !== undefined) return
  const [depth] = await deps.engine.depth([queue])
  if (depth === undefined)
    throw new PosthornError(
      'queue-not-found',
      `there is no queue '${queue}', and a send may not create one here: PUT /v1/queues/${queue} does`,
      { details: { queue } },
    )
}
