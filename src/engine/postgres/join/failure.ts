/** What it means that a statement in a user's transaction failed. Libraries wrap the server's error in their own. */
import { isPosthornError, PosthornError } from '../../../core/error.ts'

/** No such schema, no such function. */
const ABSENT = new Set(['3F000', '42883'])
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/
const LAYERS = 5

/** No such column, table, function or schema under that name. */
const UNKNOWN = new Set(['42703', '42P01', ...ABSENT])

/** Whether the schema is not as this program knows it, or is not there. */
export function isOfOtherSchema(error: unknown): boolean {
  return UNKNOWN.has(sqlStateOf(error) ?? '')
}

export function translate(error: unknown, otherDatabase: () => PosthornError): PosthornError {
  if (isPosthornError(error)) return error
  const code = sqlStateOf(error)
  if (code !== null && ABSENT.has(code)) return otherDatabase()
  const details = { field: 'within', ...(code === null ? {} : { sqlState: code }) }
  return new PosthornError('transaction-failed', `the transaction could not be joined: ${reasonOf(code, error)}`, {
    details,
    cause: error,
  })
}

function reasonOf(code: string | null, error: unknown): string {
  if (code === '25P02') return 'a statement before this one has failed, so it can only be rolled back'
  if (code === '40001')
    return 'it sees the database as it was when it began, and the lease was extended since; use READ COMMITTED, or a longer lease'
  if (code === '42501') return `its role lacks a right: ${messageOf(error)}`
  return messageOf(error)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 300)

/** As the libraries have it: at the error, at its cause, or at what an adapter below them threw. */
function sqlStateOf(error: unknown): string | null {
  let each: unknown = error
  for (let layer = 0; layer < LAYERS && typeof each === 'object' && each !== null; layer++) {
    const { code, originalCode, cause, meta } = each as {
      readonly code?: unknown
      readonly originalCode?: unknown
      readonly cause?: unknown
      readonly meta?: { readonly driverAdapterError?: unknown }
    }
    const found = [originalCode, code].find((text) => typeof text === 'string' && SQLSTATE.test(text))
    // Prisma's own codes look like those of the server.
    if (found !== undefined && meta === undefined) return found as string
    each = meta?.driverAdapterError ?? cause
  }
  return null
}
