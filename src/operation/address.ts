/** Where operations live: names of queues, records and notes that the task floor and the operation floor agree on. */
import type { OperationStatus } from './operation.ts'

const TASK = 'task:'

export const taskQueue = (task: string): string => TASK + task

/** The task whose messages this queue holds; null for another kind of queue. */
export const taskOfQueue = (queue: string): string | null => (queue.startsWith(TASK) ? queue.slice(TASK.length) : null)

/** CloudEvents type of what is sent to this queue through a contract. */
export const eventTypeOf = (queue: string): string => {
  const task = taskOfQueue(queue)
  return task === null ? `posthorn.queue.${queue}` : `posthorn.task.${task}`
}

/** Reports on messages of tasks that ended without a handler. Every open process handles them. */
export const REPORT_QUEUE = 'system:operation'

/** Completion callbacks on their way to a URL. The server handles them. */
export const CALLBACK_QUEUE = 'system:callback'

/** Type of the event that a completion callback carries; its data is the operation. */
export const ENDED_TYPE = 'posthorn.operation.ended'

const ENDPOINT = 'endpoint:'

/** Note of what is sent to one endpoint alone: its incarnation. One that has the same id later does not get it. */
export const ENDPOINT_NOTE = 'endpoint'

/** What a note `callback` says in place of a URL, to tell an endpoint. */
export const callbackToEndpoint = (id: string, incarnation: string): string => `${ENDPOINT}${id}#${incarnation}`

/** The endpoint that a note `callback` names in place of a URL; null for a URL. */
export function endpointOfCallback(callback: string): { readonly id: string; readonly incarnation: string } | null {
  if (!callback.startsWith(ENDPOINT)) return null
  const [id = '', incarnation = ''] = callback.slice(ENDPOINT.length).split('#')
  return { id, incarnation }
}

/** The record of an operation that has ended, or reports progress. */
export const operationKey = (id: string): string => `operation/${id}`

/** Alias of the record of an ended operation, so that they list by task and by status. */
export const operationAlias = (task: string, status: OperationStatus, id: string): string =>
  `${ALIASES}${task}/${status}/${id}`
export const ALIASES = 'operation-of/'

/** Notes of a message that its operation is ended with. */
export interface OperationNotes {
  /** The contract's version; absent: 1. */
  readonly v?: string | undefined
  /** Queues told of the end, with the version of their contract after an `@` where it is not 1. */
  readonly onSuccess?: string | undefined
  readonly onFailure?: string | undefined
  /** URL told of the end, or `endpoint:ID#INCARNATION`. */
  readonly callback?: string | undefined
  /** The app whose operation it is, as `NAME:INCARNATION`. */
  readonly app?: string | undefined
  /** The id as that app knows it, where it chose it. */
  readonly as?: string | undefined
}
