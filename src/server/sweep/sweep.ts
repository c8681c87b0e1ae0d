/** `POST …/redrive` and `POST …/purge`: work on many messages, as an operation. */
import type { Principal } from '../../app/index.ts'
import { PosthornError } from '../../core/error.ts'
import type { Message } from '../../core/message.ts'
import type { OperationSnapshot } from '../../operation/index.ts'
import { definitionOf } from '../../task/index.ts'
import { matchIn, matchSchema } from '../message/match.ts'
import { noteOf, startOfApps } from '../app/operation.ts'
import { queueIn, sentBy, shownName } from '../app/space.ts'
import { notThere } from '../route/scope.ts'
import { takeRoom } from '../message/send.ts'
import { count, object, options, whole } from '../openapi/json-schema.ts'
import { IDEMPOTENCY_PARAMETER } from '../openapi/parameter.ts'
import { startedAnswer } from '../operation/show.ts'
import { TASK_REPLIES } from '../operation/task.ts'
import { invalid } from '../request/field.ts'
import { json, type Answer } from '../route/answer.ts'
import { jsonOf, type Call } from '../route/call.ts'
import { commit } from '../route/commit.ts'
import type { Route } from '../route/route.ts'
import { countRedrive, PURGE_STATES, purgeTask, readPurge, readRedrive, redriveTask } from './sweep-task.ts'

const PROBLEMS = ['invalid', 'invalid-name', 'invalid-json', 'queue-not-found', 'forbidden-queue'] as const

export const sweepRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/queues/{queue}/redrive',
    id: 'redriveQueue',
    forApps: true,
    tag: 'queues',
    summary: 'Make dead letters ready again, with fresh counts',
    description: 'An operation with progress that can be cancelled; its output is { matched, moved }.',
    parameters: [IDEMPOTENCY_PARAMETER],
    body: {
      required: false,
      content: {
        'application/json': options({
          match: matchSchema,
          max: { ...whole(1, Number.MAX_SAFE_INTEGER), description: 'At most so many, the oldest first.' },
          ratePerSecond: { type: 'number', exclusiveMinimum: 0, maximum: 1_000_000 },
          dryRun: { type: 'boolean', default: false, description: 'Only count.' },
        }),
      },
    },
    replies: {
      200: { description: 'A dry run.', content: { 'application/json': object({ matched: count }) } },
      202: TASK_REPLIES[202],
    },
    problems: PROBLEMS,
    writes: true,
    idempotent: true,
    run: redrive,
  },
  {
    method: 'POST',
    path: '/v1/queues/{queue}/purge',
    id: 'purgeQueue',
    forApps: true,
    tag: 'queues',
    summary: 'Discard what waits or is dead',
    description:
      "An operation with progress that can be cancelled; its output is { matched, moved }. 'waiting' is all that is neither dead nor leased.",
    parameters: [IDEMPOTENCY_PARAMETER],
    body: {
      required: true,
      content: { 'application/json': object({ state: { enum: PURGE_STATES } }, { closed: true }) },
    },
    replies: { 202: TASK_REPLIES[202] },
    problems: PROBLEMS,
    writes: true,
    idempotent: true,
    run: purge,
  },
]

async function redrive(call: Call): Promise<Answer> {
  const { dryRun, ...body } = bodyOf(call)
  const { principal } = call
  if (principal.kind === 'app' && body['ratePerSecond'] !== undefined)
    throw new PosthornError('invalid', 'ratePerSecond is for the platform: an app redrives at once, at most max', {
      details: { field: 'ratePerSecond' },
    })
  const input = readRedrive({ ...body, queue: queueIn(principal, call.params['queue'], 'manage') })
  const match = input.match === undefined ? undefined : matchIn(principal, input.match)
  if (dryRun !== undefined && typeof dryRun !== 'boolean') throw invalid('dryRun', dryRun, 'true or false')
  await checkThere(call, input.queue)
  if (dryRun === true) return json(200, { matched: await countRedrive(call.deps.post, { ...input, match }) })
  return startOwnTask(call, redriveTask, { ...input, match })
}

async function purge(call: Call): Promise<Answer> {
  const input = readPurge({ ...bodyOf(call), queue: queueIn(call.principal, call.params['queue'], 'manage') })
  await checkThere(call, input.queue)
  return startOwnTask(call, purgeTask, input)
}

async function checkThere({ deps, principal }: Call, queue: string): Promise<void> {
  if ((await deps.engine.depth([queue])).length > 0) return
  throw notThere('queue', shownName(principal, queue))
}

function bodyOf(call: Call): Record<string, unknown> {
  const body = jsonOf(call)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('the body', body, 'a JSON object')
  if (Object.hasOwn(body, 'queue')) throw invalid('queue', (body as { queue: unknown }).queue, 'in the path only')
  return body as Record<string, unknown>
}

/** Starts a task of Posthorn's own for who asks. */
export async function startOwnTask(call: Call, of: { readonly name: string }, input: unknown): Promise<Answer> {
  const { deps, memory, principal } = call
  const { queue, message: composed } = await deps.composer.compose(definitionOf(of), input)
  const message = ofPrincipal(principal, composed)
  await takeRoom(call, [message], 1)
  const operation: OperationSnapshot = {
    id: message.id,
    task: of.name,
    version: 1,
    status: 'accepted',
    attempts: 0,
    createdAt: deps.clock.wallMs(),
    ...(message.group === undefined ? {} : { group: message.group }),
  }
  const answer = startedAnswer(operation)
  await commit(deps.engine, [
    { do: 'send', queue, message },
    ...startOfApps(call, message.id, of.name, message.body.byteLength),
    ...memory.remember(answer),
  ])
  return answer
}

/** An app's are done one at a time, so that however many it wants, others wait for one. */
function ofPrincipal(principal: Principal, message: Message): Message {
  if (principal.kind === 'platform') return message
  return sentBy(principal, { ...message, key: 'sweep', notes: { ...message.notes, ...noteOf(principal) } })
}
