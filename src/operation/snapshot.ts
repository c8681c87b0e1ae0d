/**
 * An operation at one moment, as plain data in wire form: read from its message while that lives, from its record after that.
 * The record is JSON; what a newer version adds to it is ignored.
 */
import { fromJsonBytes, toJsonBytes } from '../core/json.ts'
import { isErrorCode, PosthornError, toProblem, type Problem } from '../core/error.ts'
import { ENDED_STATES, type Report, type StoredMessage } from '../core/message.ts'
import type { StoredRecord } from '../core/record.ts'
import { taskOfQueue } from './address.ts'
import type { OperationStatus, Progress } from './operation.ts'

export interface OperationSnapshot {
  readonly id: string
  readonly task: string
  /** Of the task's contract. */
  readonly version: number
  readonly status: OperationStatus
  readonly progress?: Progress | undefined
  readonly output?: unknown
  readonly error?: Problem | undefined
  /** Times it was handed to a handler. */
  readonly attempts: number
  readonly group?: string | undefined
  /** Ms since the epoch. */
  readonly createdAt: number
  readonly startedAt?: number | undefined
  readonly endedAt?: number | undefined
  /** Until when its record is kept; absent while it has not ended. */
  readonly expiresAt?: number | undefined
}

/** What a record `operation/ID` holds: a snapshot, or the mark of one that was erased. */
type Kept = OperationSnapshot | { readonly erased: true }

export const isDone = ({ status }: Pick<OperationSnapshot, 'status'>): boolean =>
  status !== 'accepted' && status !== 'running'

/** Whether the message of an operation waits or is handled. */
export const isAlive = ({ state }: Pick<StoredMessage, 'state'>): boolean =>
  state !== 'dead' && !ENDED_STATES.includes(state)

export const toRecordValue = (kept: Kept): Uint8Array => toJsonBytes(kept)

/** @throws PosthornError `corrupt` */
export function fromRecord(record: StoredRecord): Kept {
  try {
    return fromJsonBytes(record.value) as Kept
  } catch (cause) {
    throw new PosthornError('corrupt', `the record '${record.key}' is not JSON`, { cause })
  }
}

/**
 * The operation as its message and its record show it; null where neither does. The message goes first while it lives (it may have
 * been redriven since the record was put); of an ended one the record knows more.
 */
export function toSnapshot(stored: StoredMessage | null, record: StoredRecord | null): OperationSnapshot | null {
  const kept = record === null ? null : fromRecord(record)
  if (kept !== null && 'erased' in kept) return null
  const alive = stored !== null && isAlive(stored)
  if (kept !== null && !alive && (isDone(kept) || stored === null))
    return { ...kept, ...(record!.expiresAt === null ? {} : { expiresAt: record!.expiresAt }) }
  if (stored === null) return null
  const progress =
    kept !== null && stored.state === 'leased' && kept.attempts === stored.acquired
      ? { progress: kept.progress, startedAt: kept.startedAt }
      : {}
  return { ...fromMessage(stored), ...progress }
}

function fromMessage(stored: StoredMessage): OperationSnapshot {
  const { state, endedAt, failures, reason } = stored
  const base = { ...identityOf(stored), attempts: stored.acquired, createdAt: stored.sentAt }
  const ended = endedAt === null ? base : { ...base, endedAt }
  switch (state) {
    case 'arrived':
    case 'ready':
    case 'held':
    case 'delayed':
      return { ...base, status: 'accepted' }
    case 'leased':
      return { ...base, status: 'running' }
    case 'dead':
      return {
        ...ended,
        status: 'failed',
        error: toFailureProblem(
          reason ?? 'buried',
          reason === 'lapsed' ? LAPSED : (failures.at(-1)?.message ?? 'the message was buried'),
        ),
      }
    case 'acked':
      return { ...ended, status: 'succeeded' }
    case 'expired':
      return { ...ended, status: 'expired' }
    case 'cancelled':
    case 'discarded':
      return { ...ended, status: 'cancelled' }
  }
}

/** The ended operation that a report tells of. */
export function fromReport(report: Report): OperationSnapshot {
  const { state, acquired, sentAt, endedAt, reason } = report
  const base = { ...identityOf(report), attempts: acquired, createdAt: sentAt, endedAt }
  if (state === 'dead')
    return {
      ...base,
      status: 'failed',
      error: toFailureProblem(
        reason ?? 'lapsed',
        reason === null || reason === 'lapsed' ? LAPSED : `the message was buried: ${reason}`,
      ),
    }
  return { ...base, status: state === 'expired' ? 'expired' : 'cancelled' }
}

/** Who the operation of a message is. */
export function identityOf({
  queue,
  message,
}: {
  readonly queue: string
  readonly message: Omit<StoredMessage['message'], 'body'>
}): Pick<OperationSnapshot, 'id' | 'task' | 'version' | 'group'> {
  const { id, group, notes } = message
  return {
    id,
    task: taskOfQueue(queue) ?? queue,
    version: Number(notes?.['v'] ?? 1),
    ...(group === undefined ? {} : { group }),
  }
}

/** The problem of a failure: Posthorn's own by the table, or one of the task's errors, which never has a code of the table, with its data. */
export function toFailureProblem(code: string, detail: string, data?: unknown): Problem {
  if (isErrorCode(code)) return toProblem(code, detail)
  return {
    type: `urn:posthorn:task-error:${code}`,
    title: code,
    status: 422,
    code,
    detail,
    ...(data === undefined ? {} : { data }),
  }
}

const LAPSED = 'its holder vanished without a word more often than is allowed'
