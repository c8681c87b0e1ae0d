/** `POST /v1/topics/{topic}/events`: one event, a batch all or nothing, or any body as the data of a new event. */
import type { ChangeResult } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import type { Message } from '../../core/message.ts'
import { checkName } from '../../core/name.ts'
import { topicKey } from '../../core/settings.ts'
import { readEvents } from '../message/incoming.ts'
import { announceSent, noteDedupes, receiptOf, takeRoom } from '../message/send.ts'
import { list, object, ref, text } from '../openapi/json-schema.ts'
import { DELIVERY_PARAMETERS, IDEMPOTENCY_PARAMETER, TRACE_PARAMETERS } from '../openapi/parameter.ts'
import { json, type Answer } from '../route/answer.ts'
import type { Call, ServerDeps } from '../route/call.ts'
import { commit } from '../route/commit.ts'
import type { Route } from '../route/route.ts'
import { toEvent } from './event.ts'
import { topicIn } from './topic.ts'

export const publishRoute: Route = {
  method: 'POST',
  path: '/v1/topics/{topic}/events',
  id: 'publishEvents',
  forApps: true,
  tag: 'topics',
  summary: 'Publish to a topic',
  description:
    'The body is a CloudEvent in structured or binary mode, a batch of them, or anything else, which then is the data of a new event of the type that the query says. Every subscription that wants an event gets it, all of them or none; a batch is taken as a whole or not at all.',
  parameters: [
    { name: 'type', in: 'query', description: 'Of the event, where the body is its data alone.', schema: text() },
    ...DELIVERY_PARAMETERS.filter(({ name }) => name !== 'Posthorn-Callback'),
    IDEMPOTENCY_PARAMETER,
    ...TRACE_PARAMETERS,
  ],
  body: {
    required: false,
    content: {
      'application/cloudevents+json': ref('Event'),
      'application/cloudevents-batch+json': list(ref('Event'), 1_000),
      '*/*': {},
    },
  },
  replies: {
    202: {
      description: 'Published, and as durable as it says.',
      content: {
        'application/json': { anyOf: [ref('PublishReceipt'), object({ receipts: list(ref('PublishReceipt')) })] },
      },
    },
  },
  problems: [
    'invalid',
    'invalid-name',
    'invalid-json',
    'invalid-event',
    'invalid-input',
    'invalid-duration',
    'duration-without-unit',
    'attribute-conflict',
    'unknown-event',
    'topic-not-found',
    'full',
    'unsupported',
  ],
  writes: true,
  idempotent: true,
  run: publish,
}

async function publish(call: Call): Promise<Answer> {
  const { deps, request, params, url, body, memory, principal } = call
  const topic = await topicIn(deps, principal, checkName(params['topic'], 'topic'), 'publish')
  if (request.headers.has('posthorn-callback'))
    throw new PosthornError('invalid', 'Posthorn-Callback tells of the end of an operation, and an event has none', {
      details: { field: 'Posthorn-Callback' },
    })
  await checkTopic(deps, topic)
  const { batch, items } = readEvents(request.headers, body)
  if (items.length === 0) return json(202, { receipts: [] })
  const type = url.searchParams.get('type')
  const messages: Message[] = []
  for (const [at, item] of items.entries()) {
    const place = batch ? `events[${at}]` : undefined
    messages.push(await toEvent(deps, topic, item, { headers: request.headers, principal, type, place }))
  }
  await takeRoom(call, messages)
  const [expected] = deps.engine.capabilities.durability.slice(-1)
  const answerOf = (results: readonly ChangeResult[], durability = expected!): Answer => {
    const receipts = messages.map(({ id }, at) => ({
      ...receiptOf(results[at], id),
      durability,
      // Who else wants it is nobody's business but the platform's.
      ...(principal.kind === 'app' ? {} : { matched: matchedOf(results[at]) }),
    }))
    return json(202, batch ? { receipts } : receipts[0])
  }
  const startedMs = deps.clock.monotonicMs()
  const committed = await commit(deps.engine, [
    ...messages.map((message) => ({ do: 'publish', topic, message }) as const),
    ...memory.remember(answerOf([])),
  ])
  announceSent(call, `topic:${topic}`, messages.length, committed, startedMs)
  noteDedupes(call, messages)
  const answer = answerOf(committed.results, committed.durability)
  await memory.correct(answer)
  return answer
}

const matchedOf = (result: ChangeResult | undefined): number =>
  result != null && 'routed' in result ? (result.routed ?? 0) : 0

/** @throws PosthornError `topic-not-found` where nothing may be created by being named */
export async function checkTopic(deps: ServerDeps, topic: string): Promise<void> {
  if (deps.autoCreate || deps.registry.topic(topic) !== undefined) return
  const [stored = null] = await deps.engine.get([topicKey(topic)])
  if (stored !== null) return
  const { items } = await deps.engine.list({ prefix: `subscription/${topic}/`, after: null, limit: 1 })
  if (items.length === 0)
    throw new PosthornError(
      'topic-not-found',
      `there is no topic '${topic}', and a publish may not create one here: PUT /v1/topics/${topic} does`,
      { details: { topic } },
    )
}
