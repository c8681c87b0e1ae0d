/** Operations: read, wait, list, cancel, erase. */
import { isDone, taskQueue, type OperationSnapshot, type OperationStatus } from '../../operation/index.ts'
import { page, ref, text, whole } from '../openapi/json-schema.ts'
import { IDEMPOTENCY_PARAMETER, PAGE_PARAMETERS } from '../openapi/parameter.ts'
import { invalid, parseWhole } from '../request/field.ts'
import { asShown, listForApp, locateForApp, markErased } from '../app/operation.ts'
import { readHiddenPage } from '../request/page.ts'
import { empty, json, type Answer } from '../route/answer.ts'
import type { Call } from '../route/call.ts'
import { commit } from '../route/commit.ts'
import type { Reply, Route } from '../route/route.ts'
import { goneOperation, noOperation, operationAnswer, showOperation } from './show.ts'
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
    forApps: true,
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
    forApps: true,
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
    forApps: true,
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
    forApps: true,
    tag: 'operations',
    summary: 'Erase an operation that has ended',
    replies: { 204: { description: 'Erased.' } },
    problems: [...NOT_THERE, 'operation-not-ended'],
    writes: true,
    run: deleteOperation,
  },
]

async function listOperations(call: Call): Promise<Answer> {
  const { deps, url, principal, veil } = call
  const query = url.searchParams
  const status = query.get('status') as OperationStatus | null
  if (status !== null && !STATUSES.includes(status)) throw invalid('status', status, `one of ${STATUSES.join(', ')}`)
  const wanted = {
    ...readHiddenPage(url, veil),
    task: query.get('task') ?? undefined,
    status: status ?? undefined,
    group: query.get('group') ?? undefined,
  }
  const { items, next } = await (principal.kind === 'app'
    ? listForApp(call, principal, wanted)
    : deps.operations.list(wanted))
  return json(200, {
    items: items.map((operation) => showOperation(asShown(call, operation))),
    next: next && veil.hide('page', next),
  })
}

async function getOperation(call: Call): Promise<Answer> {
  const { url } = call
  const seconds = Math.min(
    parseWhole(url.searchParams.get('wait'), 'wait', { min: 0, max: 999_999_999 }, 0),
    LONGEST_WAIT_SECONDS,
  )
  let operation = await find(call, 'read')
  if (seconds > 0 && !isDone(operation))
    operation = (await waitFor(call, operation.task, operation.id, seconds)) ?? (await find(call, 'read'))
  return operationAnswer(200, asShown(call, operation))
}

async function cancelOperation(call: Call): Promise<Answer> {
  const { deps, memory } = call
  const before = await find(call, 'cancel')
  const { task, id } = before
  await commit(deps.engine, [
    { do: 'cancel', messages: [{ queue: taskQueue(task), id }] },
    ...memory.remember(operationAnswer(202, asShown(call, before))),
  ])
  const answer = operationAnswer(202, asShown(call, (await deps.operations.get(task, id)) ?? before))
  await memory.correct(answer)
  return answer
}

async function deleteOperation(call: Call): Promise<Answer> {
  const operation = await find(call, 'cancel')
  const { task, id } = operation
  if (!(await call.deps.operations.erase(task, id))) throw await noOperation(call, call.params['id']!.toLowerCase())
  if (call.principal.kind === 'app') await markErased(call, call.principal, operation)
  return empty(204)
}

/** @throws PosthornError `operation-not-found`, `operation-gone` */
async function find(call: Call, verb: 'read' | 'cancel'): Promise<OperationSnapshot> {
  const { deps, principal } = call
  const id = call.params['id']!.toLowerCase()
  const operation = await (principal.kind === 'app'
    ? locateForApp(call, principal, id, verb)
    : deps.operations.locate(id))
  if (operation === 'erased') throw goneOperation(id)
  if (operation === null) throw await noOperation(call, id)
  return operation
}
