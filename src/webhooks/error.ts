/**
 * What can be wrong with a request or with the options, in one table. This folder is published for receivers who have nothing else
 * of Posthorn, so it has an error class of its own. No message and no detail ever holds a secret or a signature.
 */

export const WEBHOOK_ERRORS = {
  // how it was set up
  'invalid-option': { status: 500, title: 'Invalid option' },
  'invalid-secret': { status: 500, title: 'A secret cannot be used' },
  'body-consumed': { status: 500, title: 'The body was read before it could be verified' },
  // what came
  'method-not-allowed': { status: 405, title: 'Webhooks come by POST' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'missing-part': { status: 400, title: 'Something that the signature needs is missing' },
  'invalid-part': { status: 400, title: 'Something that the signature needs is malformed' },
  'stale-timestamp': { status: 400, title: 'The timestamp is outside the tolerance' },
  'bad-signature': { status: 401, title: 'The signature does not fit' },
  'invalid-body': { status: 400, title: 'The body is signed, but cannot be read' },
  // what could not be done about it now
  'keys-unavailable': { status: 503, title: 'The keys to verify with cannot be had' },
  'not-stored': { status: 503, title: 'The event could not be stored' },
  'too-slow': { status: 503, title: 'The event was not stored in time' },
} as const

export type WebhookErrorCode = keyof typeof WEBHOOK_ERRORS

const BRAND = Symbol.for('posthorn.webhook-error')

/** Recognise it with `isWebhookError`, which holds across copies of the package. */
export class WebhookError extends Error {
  override readonly name = 'WebhookError'
  readonly code: WebhookErrorCode
  /** Facts for programs: which header, how stale, how many secrets were tried. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: WebhookErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    options?: { readonly cause?: unknown },
  ) {
    super(message, options)
    this.code = code
    this.details = details
    Object.defineProperty(this, BRAND, { value: true })
  }

  get status(): number {
    return WEBHOOK_ERRORS[this.code].status
  }
}

export function isWebhookError(error: unknown): error is WebhookError {
  return typeof error === 'object' && error !== null && BRAND in error
}
