/** Operations: read, wait, list, cancel, erase. */
import { isDone, taskQueue, type OperationSnapshot, type OperationStatus } from '../../operation/index.ts'
import { page, ref, text, whole } from '../openapi/json-schema.ts'
import { IDEMPOTENCY_PARAMETER, PAGE_PARAMETERS } from '../openapi/parameter.ts'
import { invalid, parseWhole } from '../request/field.ts'
import { readPage } from '../request/page.ts'
import { empty, json, type Answer } from '../route/answer.ts'
import type { Call } from '../route/call.ts'
import { commit } from '../route/commit.ts'
import type { Reply, Route } from '../route/route.ts'
import { noOperation, operationAnswer, showOperation } from './show.ts'
import { waitFor } from './task.ts'

const STATUSES: readonly OperationStatus[] = ['accepted', 'running', 'succeeded', 'failed', 'cancelled', 'expired']
const LONGEST_WAIT_SECONDS = 60
const OPERATION: Reply = {
  description: 'The operation.',
  content: { 'application/json': ref('Operation') },
  headers: { 'Retry-After': 'While it has not ended: seconds until it is worth asking again.' },
}
const NOT_THERE = ['operation-not-found', 'operation-gone'] as const

export const operationRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/operations',
    id: 'listOperations',
    tag: 'operations',
    summary: 'List operations: those that live in order of arrival, then those that have ended by id',
    parameters: [
      { name: 'task', in: 'query', description: 'Of this task.', schema: text() },
      { name: 'status', in: 'query', description: 'In this status.', schema: { enum: STATUSES } },
      { name: 'group', in: 'query', description: 'Of this group.', schema: text() },
      ...PAGE_PARAMETERS,
    ],
    replies: {
      200: {
        description: 'A page; it may be empty and still have a next.',
        content: { 'application/json': page(ref('Operation')) },
      },
    },
    problems: ['invalid'],
    run: listOperations,
  },
  {
    method: 'GET',
    path: '/v1/operations/{id}',
    id: 'getOperation',
    tag: 'operations',
    summary: 'Read an operation, or wait for its end',
    parameters: [
      {
        name: 'wait',
        in: 'query',
        description: `Seconds to wait for its end; more than ${LONGEST_WAIT_SECONDS} is ${LONGEST_WAIT_SECONDS}.`,
        schema: { ...whole(0, 999_999_999, 0) },
      },
    ],
    replies: { 200: OPERATION },
    problems: ['invalid', ...NOT_THERE],
    run: getOperation,
  },
  {
    method: 'POST',
    path: '/v1/operations/{id}/cancel',
    id: 'cancelOperation',
    tag: 'operations',
    summary: 'Ask that an operation be cancelled',
    description: 'At once while it waits; a running one is told, wherever it runs. No effect once it has ended.',
    parameters: [IDEMPOTENCY_PARAMETER],
    replies: { 202: OPERATION },
    problems: NOT_THERE,
    writes: true,
    idempotent: true,
    run: cancelOperation,
  },
  {
    method: 'DELETE',
    path: '/v1/operations/{id}',
    id: 'deleteOperation',
    tag: 'operations',
    summary: 'Erase an operation that has ended',
    replies: { 204: { description: 'Erased.' } },
    problems: [...NOT_THERE, 'operation-not-ended'],
    writes: true,
    run: deleteOperation,
  },
]

async function listOperations({ deps, url }: Call): Promise<Answer> {
  const query = url.searchParams
  const status = query.get('status') as OperationStatus | null
  if (status !== null && !STATUSES.includes(status)) throw invalid('status', status, `one of ${STATUSES.join(', ')}`)
  const { items, next } = await deps.operations.list({
    ...readPage(url),
    task: query.get('task') ?? undefined,
    status: status ?? undefined,
    group: query.get('group') ?? undefined,
  })
  return json(200, { items: items.map(showOperation), next })
}

async function getOperation(call: Call): Promise<Answer> {
  const { url } = call
  const seconds = Math.min(
    parseWhole(url.searchParams.get('wait'), 'wait', { min: 0, max: 999_999_999 }, 0),
    LONGEST_WAIT_SECONDS,
  )
  let operation = await find(call)
  if (seconds > 0 && !isDone(operation))
    operation = (await waitFor(call, operation.task, operation.id, seconds)) ?? (await find(call))
  return operationAnswer(200, operation)
}

async function cancelOperation(call: Call): Promise<Answer> {
  const { deps, memory } = call
  const before = await find(call)
  const { task, id } = before
  await commit(deps.engine, [
    { do: 'cancel', messages: [{ queue: taskQueue(task), id }] },
    ...memory.remember(operationAnswer(202, before)),
  ])
  const answer = operationAnswer(202, (await deps.operations.get(task, id)) ?? before)
  await memory.correct(answer)
  return answer
}

async function deleteOperation(call: Call): Promise<Answer> {
  const { task, id } = await find(call)
  if (!(await call.deps.operations.erase(task, id))) throw await noOperation(call, id)
  return empty(204)
}

/** @throws PosthornError `operation-not-found`, `operation-gone` */
async function find(call: Call): Promise<OperationSnapshot> {
  const id = call.params['id']!.toLowerCase()
  const operation = await call.deps.operations.locate(id)
  if (operation === null) throw await noOperation(call, id)
  return operation
}
