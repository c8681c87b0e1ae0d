/**
 * How an operation ends: the changes that the ending commit carries besides the message's own end. One record, and the messages
 * to those who are told durably. The same for a handler's outcome, a client's settle and the engine's report.
 */
import { belongingKey } from '../core/belonging.ts'
import type { Clock } from '../core/clock.ts'
import { DEFAULTS } from '../core/default.ts'
import type { Change } from '../core/engine.ts'
import type { Ids } from '../core/id.ts'
import { toJsonBytes } from '../core/json.ts'
import { endpointQueue } from '../core/name.ts'
import { DEFAULT_PRIORITY, type Message, type StoredMessage } from '../core/message.ts'
import type { Ended as RunEnded } from '../delivery/binding.ts'
import {
  CALLBACK_QUEUE,
  ENDPOINT_NOTE,
  ENDED_TYPE,
  endpointOfCallback,
  eventTypeOf,
  operationAlias,
  operationKey,
  REPORT_QUEUE,
  taskOfQueue,
  type OperationNotes,
} from './address.ts'
import { identityOf, toFailureProblem, toRecordValue, type OperationSnapshot } from './snapshot.ts'
import { toResource } from './resource.ts'

export interface EndingDeps {
  readonly clock: Clock
  readonly ids: Ids
  /** CloudEvents source of what is sent. */
  readonly source: string
  /** What the contract of a queue, where it is known here, adds to a message with this data: its key, group, dedupe. */
  follow?(queue: string, input: unknown): Pick<Message, 'key' | 'group' | 'dedupe'>
}

/** The message whose operation ends, without its body where a report tells of it. */
export interface EndingMessage {
  readonly queue: string
  readonly message: Omit<Message, 'body'>
}

/** The operation as a holder's outcome ends it. */
export function fromEnded(stored: StoredMessage, ended: RunEnded, clock: Clock, startedAt?: number): OperationSnapshot {
  const operation: { -readonly [Field in keyof OperationSnapshot]: OperationSnapshot[Field] } = {
    ...identityOf(stored),
    status: ended.status,
    attempts: stored.acquired,
    createdAt: stored.sentAt,
    endedAt: clock.wallMs(),
  }
  if (startedAt !== undefined) operation.startedAt = startedAt
  if (ended.status === 'succeeded') operation.output = ended.value
  if (ended.status === 'failed') operation.error = toFailureProblem(ended.code, ended.message, ended.data)
  return operation
}

/**
 * The changes that end an operation.
 * @param told the output as `onSuccess` gets it: parsed, where the task's output schema transforms; the record has the wire form
 */
export function endingChanges(
  deps: EndingDeps,
  { queue, message }: EndingMessage,
  operation: OperationSnapshot,
  told: unknown = operation.output,
): readonly Change[] {
  if (taskOfQueue(queue) === null) return []
  const { id, task, status } = operation
  const expiresAt = deps.clock.wallMs() + DEFAULTS.operationKeptMs
  const changes: Change[] = [
    {
      do: 'put',
      key: operationKey(id),
      value: toRecordValue(operation),
      expiresAt,
      aliases: [operationAlias(task, status, id)],
    },
  ]
  const notes = message.notes as OperationNotes | undefined
  if (notes === undefined) return changes
  const { onSuccess, onFailure, callback, app, as = id } = notes
  if (app !== undefined) changes.push(endOfApps(app, id, task, expiresAt))
  if (status === 'succeeded' && onSuccess !== undefined)
    changes.push(followUp(deps, message, onSuccess, { id, output: told }))
  if (status !== 'succeeded' && onFailure !== undefined)
    changes.push(followUp(deps, message, onFailure, { id, error: problemOf(operation) }))
  if (callback !== undefined)
    changes.push(callbackOf(deps, { ...message, id: as }, { url: callback, app }, { ...operation, id: as, expiresAt }))
  return changes
}

/** An app's operation lives no more, and is listed as long as its record is kept. */
function endOfApps(app: string, id: string, task: string, expiresAt: number): Change {
  const [name = '', incarnation] = app.split(':')
  const value = toJsonBytes({ task, incarnation, bytes: 0 })
  return { do: 'put', key: belongingKey(name, 'operation', id), value, expiresAt, aliases: [] }
}

/** What `onFailure` is told: the failure, or that it was cancelled or has expired. */
function problemOf({ status, error }: OperationSnapshot): unknown {
  return (
    error ??
    (status === 'expired'
      ? toFailureProblem('operation-expired', 'it was not handled before its expiry')
      : toFailureProblem('operation-cancelled', 'it was cancelled'))
  )
}

function followUp(deps: EndingDeps, cause: Omit<Message, 'body'>, target: string, payload: unknown): Change {
  const [queue = target, version] = target.split('@')
  const body = toJsonBytes(payload)
  const notes = version === undefined ? {} : { notes: { v: version } }
  const report = taskOfQueue(queue) === null ? {} : { report: REPORT_QUEUE }
  return {
    do: 'send',
    queue,
    message: {
      ...message(deps, cause, eventTypeOf(queue), body),
      ...notes,
      ...report,
      ...deps.follow?.(queue, payload),
    },
  }
}

function callbackOf(
  deps: EndingDeps,
  cause: Omit<Message, 'body'>,
  { url, app }: { readonly url: string; readonly app: string | undefined },
  operation: OperationSnapshot,
): Change {
  const base = message(deps, cause, ENDED_TYPE, toJsonBytes(toResource(operation)))
  const told = { ...base, event: { ...base.event, subject: operation.id } }
  const endpoint = endpointOfCallback(url)
  return {
    do: 'send',
    ...(endpoint === null
      ? {
          queue: CALLBACK_QUEUE,
          message: { ...told, notes: { callback: url, ...(app === undefined ? {} : { app: app.split(':')[0]! }) } },
        }
      : {
          queue: endpointQueue(endpoint.id),
          message: {
            ...told,
            notes: { [ENDPOINT_NOTE]: endpoint.incarnation },
            // Of an endpoint that is no more nobody takes it.
            expires: { afterMs: DEFAULTS.operationKeptMs },
          },
        }),
  }
}

function message(
  { ids, clock, source }: EndingDeps,
  cause: Omit<Message, 'body'>,
  type: string,
  body: Uint8Array,
): Message {
  const id = ids.uuid()
  const { event, group } = cause
  return {
    id,
    event: {
      id,
      source,
      type,
      time: new Date(clock.wallMs()).toISOString(),
      datacontenttype: 'application/json',
      correlationid: event['correlationid'] ?? cause.id,
      causationid: cause.id,
      ...(event['traceparent'] === undefined ? {} : { traceparent: event['traceparent'] }),
      ...(event['tracestate'] === undefined ? {} : { tracestate: event['tracestate'] }),
    },
    body,
    priority: DEFAULT_PRIORITY,
    ...(group === undefined ? {} : { group }),
  }
}
