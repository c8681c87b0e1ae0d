/**
 * Everything that can go wrong, in one table: each code with its title, its HTTP status and whether trying again can help.
 * Posthorn throws no other error on purpose; drivers' errors are translated at the adapter's edge.
 */

export interface ErrorKind {
  readonly title: string
  readonly status: number
  /** Whether the same request can succeed later, unchanged. */
  readonly retryable: boolean
}

export const ERRORS = {
  // the engine
  'closed': { status: 503, title: 'The engine is closed', retryable: true },
  'unknown': { status: 503, title: 'The answer was lost; the commit may have happened', retryable: true },
  'stale': { status: 409, title: 'The lease is not held any more', retryable: false },
  'conflict': { status: 409, title: 'The version is not the expected one', retryable: false },
  'full': { status: 429, title: 'The queue is full', retryable: true },
  'invalid': { status: 400, title: 'Invalid request', retryable: false },
  'unsupported': { status: 400, title: 'The engine cannot do this', retryable: false },
  'engine-locked': { status: 503, title: 'The engine is in use by another process', retryable: true },
  'engine-failed': { status: 503, title: 'The disk failed; the engine has stopped', retryable: false },
  'disk-full': { status: 507, title: 'The disk is nearly full', retryable: true },
  'corrupt': { status: 500, title: 'Stored data is damaged', retryable: false },
  'master-key': { status: 500, title: 'The master key is missing, or another', retryable: false },
  'newer-format': { status: 500, title: 'Stored data is of a newer version', retryable: false },
  'copy-unfinished': { status: 503, title: 'A copy into the engine is not finished', retryable: true },
  'unknown-engine': { status: 400, title: 'No engine has this URL', retryable: false },
  // your own transactions
  'no-transaction': { status: 400, title: 'There is no open transaction', retryable: false },
  'other-database': { status: 400, title: 'The transaction is of another database', retryable: false },
  'transaction-failed': { status: 409, title: 'The transaction cannot be joined', retryable: true },
  'would-wait': { status: 409, title: 'This would wait for its own transaction', retryable: false },
  // options, contracts, modules
  'invalid-option': { status: 400, title: 'Invalid option', retryable: false },
  'invalid-name': { status: 400, title: 'Invalid name', retryable: false },
  'invalid-duration': { status: 400, title: 'Invalid duration', retryable: false },
  'duration-without-unit': { status: 400, title: 'Duration without a unit', retryable: false },
  'invalid-module': { status: 400, title: 'The module exports no handlers', retryable: false },
  'unknown-event': { status: 422, title: 'The topic has no event of this type', retryable: false },
  'duplicate-handler': { status: 400, title: 'Two handlers for one queue', retryable: false },
  'unknown-contract': { status: 400, title: 'No handler knows this type or version', retryable: false },
  // how a run ends
  'invalid-input': { status: 422, title: 'The input does not match its schema', retryable: false },
  'invalid-output': { status: 500, title: 'The output does not match its schema', retryable: false },
  'handler-failed': { status: 500, title: 'The handler failed', retryable: false },
  'timed-out': { status: 504, title: 'The run took too long', retryable: false },
  'outcome-not-returned': { status: 500, title: 'An outcome was made but not returned', retryable: false },
  'buried': { status: 500, title: 'The message was buried', retryable: false },
  'lapsed': { status: 500, title: 'The lease lapsed too often', retryable: false },
  // waiting for an operation
  'wait-timed-out': { status: 504, title: 'The wait ended before the operation', retryable: true },
  'operation-failed': { status: 500, title: 'The operation failed', retryable: false },
  'operation-cancelled': { status: 409, title: 'The operation was cancelled', retryable: false },
  'operation-expired': { status: 410, title: 'The operation expired', retryable: false },
  'aborted': { status: 499, title: 'The caller gave up', retryable: false },
  // callbacks
  'callback-not-allowed': { status: 403, title: 'Callbacks to this URL are not allowed', retryable: false },
  'address-forbidden': { status: 403, title: 'The address is not a public one', retryable: false },
  'callback-failed': { status: 502, title: 'The receiver did not take the callback', retryable: true },
  // HTTP: who asks, and how
  'unauthorized': { status: 401, title: 'A valid key is required', retryable: false },
  'app-paused': { status: 403, title: 'The app is paused', retryable: true },
  'forbidden-scope': { status: 403, title: 'The key has no scope for this', retryable: false },
  'quota-exceeded': { status: 429, title: 'The app has used up a quota', retryable: true },
  'too-many-requests': { status: 429, title: 'Without a key there were too many requests', retryable: true },
  'forbidden-host': { status: 403, title: 'Without keys the server answers on loopback only', retryable: false },
  'forbidden-origin': { status: 403, title: 'Web pages of other origins may not call this server', retryable: false },
  'forbidden-queue': { status: 403, title: 'The queue is reserved for Posthorn itself', retryable: false },
  'method-not-allowed': { status: 405, title: 'Method not allowed', retryable: false },
  'request-timeout': { status: 408, title: 'The request took too long to arrive', retryable: true },
  'payload-too-large': { status: 413, title: 'The body is too large', retryable: false },
  'unsupported-media-type': { status: 415, title: 'Unsupported media type', retryable: false },
  'headers-too-large': { status: 431, title: 'The headers are too large', retryable: false },
  'malformed-request': { status: 400, title: 'This is not a valid HTTP request', retryable: false },
  'invalid-json': { status: 400, title: 'The body is not JSON', retryable: false },
  'invalid-event': { status: 400, title: 'This is not a valid CloudEvent', retryable: false },
  'attribute-conflict': {
    status: 400,
    title: 'A header and an event attribute contradict each other',
    retryable: false,
  },
  'masked-value': { status: 400, title: 'A masked value cannot be written', retryable: false },
  'invalid-outcome': { status: 422, title: 'The outcome does not match the contract', retryable: false },
  'precondition-failed': { status: 412, title: 'The resource is not in the expected version', retryable: false },
  'idempotency-in-flight': { status: 409, title: 'A request with this Idempotency-Key is under way', retryable: true },
  'idempotency-mismatch': { status: 422, title: 'This Idempotency-Key was used for another request', retryable: false },
  'draining': { status: 503, title: 'The server is shutting down', retryable: true },
  'internal': { status: 500, title: 'Internal error', retryable: true },
  // HTTP: what is not there
  'route-not-found': { status: 404, title: 'No such path', retryable: false },
  'queue-not-found': { status: 404, title: 'No such queue', retryable: false },
  'task-not-found': { status: 404, title: 'No such task', retryable: false },
  'message-not-found': { status: 404, title: 'No such message', retryable: false },
  'message-leased': { status: 409, title: 'The message is leased', retryable: true },
  'topic-not-found': { status: 404, title: 'No such topic', retryable: false },
  'source-not-found': { status: 404, title: 'No such source', retryable: false },
  'subscription-not-found': { status: 404, title: 'No such subscription', retryable: false },
  'subscription-backlog': { status: 409, title: 'The subscription still has events', retryable: false },
  'stream-in-use': { status: 409, title: 'The subscription is being read by another stream', retryable: true },
  'endpoint-not-found': { status: 404, title: 'No such endpoint', retryable: false },
  'app-not-found': { status: 404, title: 'No such app', retryable: false },
  'app-exists': { status: 409, title: 'There is such an app already', retryable: false },
  'app-not-empty': { status: 409, title: 'The app still has something', retryable: false },
  'key-not-found': { status: 404, title: 'No such key', retryable: false },
  'operation-not-found': { status: 404, title: 'No such operation', retryable: false },
  'operation-gone': { status: 410, title: 'The operation is kept no longer', retryable: false },
  'operation-not-ended': { status: 409, title: 'The operation has not ended', retryable: true },
} as const

export type ErrorCode = keyof typeof ERRORS

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code)

/** An RFC 9457 problem. `code` is from the table, or a task's own error code; `data` then has that error's data. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail?: string | undefined
  readonly instance?: string | undefined
  readonly [extension: string]: unknown
}

const BRAND = Symbol.for('posthorn.error')

/** The one error class. Recognise it with `isPosthornError`, which holds across copies of the package. */
export class PosthornError extends Error {
  override readonly name = 'PosthornError'
  readonly code: ErrorCode
  /** Facts for programs: the field, the value, the limit. Never a secret. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly details?: Readonly<Record<string, unknown>>; readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.details = options.details ?? {}
    Object.defineProperty(this, BRAND, { value: true })
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable
  }

  toProblem(instance?: string): Problem {
    return toProblem(this.code, this.message, { instance, details: this.details })
  }
}

export function isPosthornError(error: unknown): error is PosthornError {
  try {
    return typeof error === 'object' && error !== null && BRAND in error
  } catch {
    return false
  }
}

export function toProblem(
  code: ErrorCode,
  detail: string,
  options: { readonly instance?: string | undefined; readonly details?: Readonly<Record<string, unknown>> } = {},
): Problem {
  const { title, status } = ERRORS[code]
  return {
    ...options.details,
    type: `urn:posthorn:error:${code}`,
    title,
    status,
    code,
    detail,
    ...(options.instance === undefined ? {} : { instance: options.instance }),
  }
}

/** Longer texts are cut: they ride in records and in messages that tell of a failure. */
const LONGEST_TEXT = 2_000

/** A short text of whatever was thrown. Never throws itself, whatever that is. */
export function describeError(error: unknown): { readonly message: string; readonly stack?: string } {
  try {
    if (!(error instanceof Error)) return { message: toText(error) }
    const { message, stack } = error
    return typeof stack === 'string' ? { message: toText(message), stack: cut(stack) } : { message: toText(message) }
  } catch {
    return { message: 'what was thrown cannot be shown' }
  }
}

/** Anything as a text for people, not too long. Never throws. */
export function toText(value: unknown): string {
  try {
    if (typeof value === 'string') return cut(value)
    if (typeof value !== 'object' || value === null) return cut(String(value))
    return cut(JSON.stringify(value) ?? 'an object')
  } catch {
    return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
  }
}

function cut(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text
}
