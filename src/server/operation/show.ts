/** An operation as clients see it: the resource, its links, and when to ask again. */
import { DEFAULTS } from '../../core/default.ts'
import { PosthornError } from '../../core/error.ts'
import { timeOfUuid } from '../../core/id.ts'
import { isDone, toResource, type OperationSnapshot } from '../../operation/index.ts'
import { json, type Answer } from '../route/answer.ts'
import type { Call } from '../route/call.ts'

const RETRY_SECONDS = '1'

export const operationPath = (id: string): string => `/v1/operations/${id}`

export function showOperation(operation: OperationSnapshot): Record<string, unknown> {
  const self = operationPath(operation.id)
  return { ...toResource(operation), links: { self, cancel: `${self}/cancel` } }
}

export function operationAnswer(
  status: number,
  operation: OperationSnapshot,
  more: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const again = isDone(operation) ? {} : { 'retry-after': RETRY_SECONDS }
  return json(status, { ...showOperation(operation), ...more }, { ...again, ...headers })
}

/** The answer to a call that started an operation. */
export function startedAnswer(operation: OperationSnapshot, more: Readonly<Record<string, unknown>> = {}): Answer {
  const path = operationPath(operation.id)
  return operationAnswer(202, operation, more, { 'location': path, 'operation-location': path, 'vary': 'Prefer' })
}

/** 410 for one that was, 404 for one that never was. An id that holds its time tells which, long after the record has gone. */
export async function noOperation({ deps, principal }: Call, id: string): Promise<PosthornError> {
  const madeAt = timeOfUuid(id)
  const isOld = madeAt !== null && madeAt < deps.clock.wallMs() - DEFAULTS.operationKeptMs
  // Of whom the record is, is not known any more: what an app erased, its own records tell.
  if (isOld || (principal.kind === 'platform' && (await deps.operations.isErased(id)))) return goneOperation(id)
  return new PosthornError('operation-not-found', `there is no operation ${JSON.stringify(id)}`, {
    details: { operation: id },
  })
}

export function goneOperation(id: string): PosthornError {
  return new PosthornError('operation-gone', `operation ${id} is kept no longer`, { details: { operation: id } })
}
