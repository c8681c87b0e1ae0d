/** `POST …/redrive` and `POST …/purge`: work on many messages, as an operation. */
import { PosthornError } from '../../core/error.ts'
import type { OperationSnapshot } from '../../operation/index.ts'
import { definitionOf } from '../../task/index.ts'
import { matchSchema } from '../message/match.ts'
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
  const input = readRedrive({ ...body, queue: call.params['queue'] })
  if (dryRun !== undefined && typeof dryRun !== 'boolean') throw invalid('dryRun', dryRun, 'true or false')
  await checkThere(call, input.queue)
  if (dryRun === true) return json(200, { matched: await countRedrive(call.deps.post, input) })
  return start(call, redriveTask, input)
}

async function purge(call: Call): Promise<Answer> {
  const input = readPurge({ ...bodyOf(call), queue: call.params['queue'] })
  await checkThere(call, input.queue)
  return start(call, purgeTask, input)
}

async function checkThere({ deps }: Call, queue: string): Promise<void> {
  if ((await deps.engine.depth([queue])).length > 0) return
  throw new PosthornError('queue-not-found', `there is no queue '${queue}'`, { details: { queue } })
}

function bodyOf(call: Call): Record<string, unknown> {
  const body = jsonOf(call)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('the body', body, 'a JSON object')
  if (Object.hasOwn(body, 'queue')) throw invalid('queue', (body as { queue: unknown }).queue, 'in the path only')
  return body as Record<string, unknown>
}

async function start({ deps, memory }: Call, of: { readonly name: string }, input: unknown): Promise<Answer> {
  const { queue, message } = await deps.composer.compose(definitionOf(of), input)
  const operation: OperationSnapshot = {
    id: message.id,
    task: of.name,
    version: 1,
    status: 'accepted',
    attempts: 0,
    createdAt: deps.clock.wallMs(),
  }
  const answer = startedAnswer(operation)
  await commit(deps.engine, [{ do: 'send', queue, message }, ...memory.remember(answer)])
  return answer
}
