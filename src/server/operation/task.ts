/** `POST /v1/tasks/{task}`: starts an operation; its input is the body, validated by the task's contract where that is known. */
import type { AppPrincipal } from '../../app/index.ts'
import { DEFAULTS } from '../../core/default.ts'
import { PosthornError } from '../../core/error.ts'
import { isUuid, timeOfUuid } from '../../core/id.ts'
import { checkName } from '../../core/name.ts'
import { isDone, taskQueue, type OperationSnapshot } from '../../operation/index.ts'
import { asShown, forgetStart, locateForApp, noteOf, startOfApps } from '../app/operation.ts'
import { checkTask } from '../app/space.ts'
import { readEvents } from '../message/incoming.ts'
import { checkTarget, toMessage } from '../message/outgoing.ts'
import {
  announceSent,
  checkKnown,
  noteDedupes,
  readCallback,
  receiptOf,
  SEND_PROBLEMS,
  takeRoom,
} from '../message/send.ts'
import { ref, uuid } from '../openapi/json-schema.ts'
import { DELIVERY_PARAMETERS, IDEMPOTENCY_PARAMETER, TRACE_PARAMETERS } from '../openapi/parameter.ts'
import { readWait } from '../request/prefer.ts'
import type { Answer } from '../route/answer.ts'
import type { Call } from '../route/call.ts'
import { commit } from '../route/commit.ts'
import { fingerprintOf, type Memory } from '../route/idempotency.ts'
import type { Parameter, Reply, Route } from '../route/route.ts'
import { operationAnswer, startedAnswer } from './show.ts'

export const TASK_PARAMETERS: readonly Parameter[] = [
  ...DELIVERY_PARAMETERS,
  IDEMPOTENCY_PARAMETER,
  {
    name: 'Operation-Id',
    in: 'header',
    description: "The operation's id, chosen by the client: a UUIDv7. The same again is the same operation.",
    schema: uuid,
  },
  {
    name: 'Prefer',
    in: 'header',
    description: 'wait=N (RFC 7240): answer with the finished operation where it ends within N seconds, at most 60.',
    schema: { type: 'string' },
  },
  ...TRACE_PARAMETERS,
]

export const TASK_REPLIES: Readonly<Record<200 | 202, Reply>> = {
  200: {
    description: 'The client preferred to wait, and the operation has ended: its status says how.',
    content: { 'application/json': ref('Operation') },
    headers: { 'Preference-Applied': 'What of Prefer was followed.' },
  },
  202: {
    description: 'Accepted, and as durable as it says.',
    content: { 'application/json': ref('Operation') },
    headers: {
      'Location': 'The operation.',
      'Operation-Location': 'The operation.',
      'Retry-After': 'Seconds until it is worth asking.',
    },
  },
}

export const taskRoute: Route = {
  method: 'POST',
  path: '/v1/tasks/{task}',
  id: 'startTask',
  forApps: true,
  tag: 'tasks',
  summary: 'Start a task',
  description:
    'The body is the input, as JSON. The answer is the operation, which can be asked about, waited for and cancelled.',
  parameters: TASK_PARAMETERS,
  body: { required: false, content: { 'application/json': {} } },
  replies: TASK_REPLIES,
  problems: SEND_PROBLEMS,
  writes: true,
  idempotent: true,
  run: start,
  conclude: waitIfPreferred,
}

async function start(call: Call): Promise<Answer> {
  const { deps, request, url, body, principal, memory, veil } = call
  const chosen = request.headers.get('operation-id')
  if (chosen === null) return send(call, deps.ids.uuid(), memory)
  const id = chosen.toLowerCase()
  if (!isUuid(id) || timeOfUuid(id) === null)
    throw new PosthornError('invalid', `Operation-Id is ${JSON.stringify(chosen)}: it must be a UUIDv7`, {
      details: { field: 'Operation-Id' },
    })
  return deps.idempotency.once({
    scope: `${principal.id}\noperation\n${id}`,
    fingerprint: fingerprintOf(request, url.pathname, body),
    keptMs: DEFAULTS.operationKeptMs,
    count: principal.kind === 'app' ? deps.usage.remembered(principal) : undefined,
    run: (inner) => send(call, veil.chosenId(id), both(memory, inner)),
  })
}

async function send(call: Call, id: string, memory: Memory): Promise<Answer> {
  const { deps, request, params, principal } = call
  const task = checkName(params['task'], 'task')
  checkTask(principal, task, 'start')
  const queue = checkTarget(taskQueue(task))
  await checkKnown(call, queue)
  const { batch, items } = readEvents(request.headers, call.body)
  if (batch)
    throw new PosthornError(
      'unsupported-media-type',
      `a task takes one input: POST /v1/queues/${queue}/messages takes batches`,
    )
  const message = await toMessage(deps, queue, items[0]!, {
    headers: request.headers,
    principal,
    id,
    notes: await notesOf(call, queue, id),
  })
  await takeRoom(call, [message], 1)
  const startedMs = deps.clock.monotonicMs()
  const durability = deps.engine.capabilities.durability.at(-1)!
  const operation: OperationSnapshot = {
    id,
    task,
    version: 1,
    status: 'accepted',
    attempts: 0,
    createdAt: deps.clock.wallMs(),
    ...(message.group === undefined ? {} : { group: message.group }),
  }
  const committed = await commit(deps.engine, [
    { do: 'send', queue, message },
    ...startOfApps(call, id, task, message.body.byteLength),
    ...memory.remember(startedAnswer(asShown(call, operation), { duplicate: false, durability })),
  ])
  announceSent(call, queue, 1, committed, startedMs)
  noteDedupes(call, [message])
  const receipt = receiptOf(committed.results[0], id)
  if (receipt.duplicate && receipt.id !== id) await forgetStart(call, id)
  const current = receipt.duplicate ? await deps.operations.get(task, receipt.id) : null
  const answer = startedAnswer(asShown(call, current ?? { ...operation, id: receipt.id }), {
    duplicate: receipt.duplicate,
    durability: committed.durability,
  })
  await memory.correct(answer)
  return answer
}

/** Where the client prefers to wait, the operation when it has ended, or the answer as it is when the time is over. */
async function waitIfPreferred(call: Call, answer: Answer): Promise<Answer> {
  const seconds = readWait(call.request.headers)
  const id = answer.headers['operation-location']?.split('/').at(-1)
  if (seconds === null || id === undefined) return answer
  const { principal } = call
  const operation =
    principal.kind === 'app'
      ? await waitForApps(call, principal, id, seconds)
      : await waitFor(call, call.params['task']!, id, seconds)
  if (operation === null || !isDone(operation)) return answer
  return operationAnswer(
    200,
    asShown(call, operation),
    {},
    {
      'preference-applied': `wait=${seconds}`,
      'vary': 'Prefer',
      'operation-location': answer.headers['operation-location']!,
    },
  )
}

/** The operation when it has ended, or as it is when the time is over or the server is about to stop; null where there is none. */
export async function waitFor(
  { deps, request }: Call,
  task: string,
  id: string,
  seconds: number,
): Promise<OperationSnapshot | null> {
  const signal = AbortSignal.any([request.signal, deps.drain.signal])
  try {
    return await deps.operations.wait(task, id, { timeoutMs: seconds * 1_000, signal })
  } catch (error) {
    if (!signal.aborted) throw error
    return deps.operations.get(task, id)
  }
}

/** The same for an app's operation, by the id that the app knows. */
async function waitForApps(
  call: Call,
  principal: AppPrincipal,
  id: string,
  seconds: number,
): Promise<OperationSnapshot | null> {
  const operation = await locateForApp(call, principal, id, 'read')
  return operation === null || operation === 'erased' ? null : waitFor(call, operation.task, operation.id, seconds)
}

/** What the operation is ended with. */
async function notesOf(call: Call, queue: string, id: string): Promise<Readonly<Record<string, string>>> {
  const { principal, veil } = call
  const callback = await readCallback(call, queue)
  const shown = veil.shownId(id)
  return {
    ...(callback === undefined ? {} : { callback }),
    ...noteOf(principal),
    ...(shown === id ? {} : { as: shown }),
  }
}

function both(outer: Memory, inner: Memory): Memory {
  return {
    remember: (answer) => [...outer.remember(answer), ...inner.remember(answer)],
    async correct(answer) {
      await outer.correct(answer)
      await inner.correct(answer)
    },
  }
}
