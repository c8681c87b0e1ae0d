/** What SQLite reports, in Posthorn's words. */
import { isPosthornError, PosthornError, type ErrorCode } from '../../core/error.ts'
import type { Fault } from './wire/request.ts'

const NONE = 0
const ERROR = 1
const BUSY = 5
const LOCKED = 6
/** Many at once want the log's index. */
const PROTOCOL = 15
const CORRUPT = 11
const FULL = 13
const CONSTRAINT = 19
const NOT_A_DATABASE = 26

export function isBusy(error: unknown): boolean {
  return [BUSY, LOCKED, PROTOCOL].includes(codeOf(error))
}

/** Whether what was decided may not be built upon any more: the disk failed, or what it holds is damaged. */
export function isFatal(error: unknown): boolean {
  return !isBusy(error) && ![NONE, ERROR, FULL, CONSTRAINT].includes(codeOf(error))
}

/** There is no room on the disk. */
export function isFull(error: unknown): boolean {
  return codeOf(error) === FULL
}

export function toFault(error: unknown, path: string): Fault {
  if (isPosthornError(error)) return { code: error.code, message: error.message, details: error.details }
  const message = error instanceof Error ? error.message : String(error)
  const code = codeOf(error)
  const details = { path, cause: code }
  if (code === FULL) return { code: 'disk-full', message: `there is no room on the disk of ${path}`, details }
  if (code === NOT_A_DATABASE)
    return { code: 'corrupt', message: `${path} is no SQLite database: name a file of Posthorn's own`, details }
  if (code === CORRUPT) return { code: 'corrupt', message: `${path} is damaged: ${message}`, details }
  if (isBusy(error)) return { code: 'unknown', message: `another process holds ${path}: ${message}`, details }
  return { code: 'engine-failed', message: `${path}: ${message}`, details }
}

export function toError({ code, message, details }: Fault): PosthornError {
  return new PosthornError(code as ErrorCode, message, { details })
}

/** SQLite's primary result code; NONE: it is none of SQLite's errors. */
function codeOf(error: unknown): number {
  const code = (error as { readonly errcode?: unknown } | null)?.errcode
  return typeof code === 'number' ? code & 0xff : NONE
}
