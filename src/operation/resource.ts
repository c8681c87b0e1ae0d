/** An operation as the HTTP API and completion callbacks show it. */
import type { OperationSnapshot } from './snapshot.ts'
import { isDone } from './snapshot.ts'

export interface OperationResource {
  readonly id: string
  readonly task: string
  readonly status: OperationSnapshot['status']
  readonly done: boolean
  readonly progress?: OperationSnapshot['progress']
  readonly output?: unknown
  readonly error?: OperationSnapshot['error']
  readonly attempts: number
  readonly group?: string | undefined
  /** RFC 3339. */
  readonly createdAt: string
  readonly startedAt?: string | undefined
  readonly endedAt?: string | undefined
  readonly expiresAt?: string | undefined
}

export function toResource(operation: OperationSnapshot): OperationResource {
  const { id, task, status, progress, output, error, attempts, group, createdAt, startedAt, endedAt, expiresAt } =
    operation
  return {
    id,
    task,
    status,
    done: isDone(operation),
    ...(progress === undefined ? {} : { progress }),
    ...(output === undefined ? {} : { output }),
    ...(error === undefined ? {} : { error }),
    attempts,
    ...(group === undefined ? {} : { group }),
    createdAt: toText(createdAt),
    ...(startedAt === undefined ? {} : { startedAt: toText(startedAt) }),
    ...(endedAt === undefined ? {} : { endedAt: toText(endedAt) }),
    ...(expiresAt === undefined ? {} : { expiresAt: toText(expiresAt) }),
  }
}

const toText = (ms: number): string => new Date(ms).toISOString()
