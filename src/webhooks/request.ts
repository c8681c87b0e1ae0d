/** A request as verification sees it: headers in any of the shapes that people have them in, and the raw bytes of the body. */
import { toBytes, toText } from './bytes.ts'
import { WebhookError } from './error.ts'

export type HeaderSource = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

export interface Incoming {
  readonly headers: HeaderSource
  /** Exactly what came, before any parser. */
  readonly body: Uint8Array | string
  /** Some platforms sign what stands in the query. Absolute, or the path with its query. */
  readonly url?: string | undefined
}

/** The same, read once. */
export interface Arrived {
  readonly headers: Headers
  readonly body: Uint8Array<ArrayBuffer>
  readonly query: URLSearchParams
  /** The body as JSON, parsed once; undefined where it is none. */
  readonly json: () => unknown
}

export function toArrived({ headers, body, url = '' }: Incoming): Arrived {
  const [, query = ''] = /\?([^#]*)/.exec(url) ?? []
  return withBody({ headers: toHeaders(headers), query: new URLSearchParams(query) }, toOwnBytes(body))
}

export function withBody(
  { headers, query }: Pick<Arrived, 'headers' | 'query'>,
  body: Uint8Array<ArrayBuffer>,
): Arrived {
  let parsed: { readonly value: unknown } | undefined
  return { headers, query, body, json: () => (parsed ??= { value: parseJson(body) }).value }
}

/** Undefined where it is not JSON. */
export function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(toText(body)) as unknown
  } catch {
    return undefined
  }
}

export function toHeaders(source: HeaderSource): Headers {
  if (source instanceof Headers) return source
  const headers = new Headers()
  for (const [name, value] of Object.entries(source)) {
    // HTTP/2's :path and the like are no headers.
    if (value === undefined || name.startsWith(':')) continue
    try {
      for (const one of typeof value === 'string' ? [value] : value) headers.append(name, one)
    } catch {
      throw new WebhookError('invalid-part', `the header ${JSON.stringify(name)} is none that HTTP allows`, {
        header: name,
      })
    }
  }
  return headers
}

/** WebCrypto takes no shared memory. */
export function toOwnBytes(body: Uint8Array | string): Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return toBytes(body)
  if (!(body instanceof Uint8Array))
    throw new WebhookError('invalid-option', 'body: the raw bytes or the raw text is needed, before any parser')
  return body.buffer instanceof ArrayBuffer ? (body as Uint8Array<ArrayBuffer>) : new Uint8Array(body)
}
