/** A request as verification sees it: headers in any of the shapes that people have them in, and the raw bytes of the body. */
import { toBytes } from './bytes.ts'

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
}

export function toArrived({ headers, body, url }: Incoming): Arrived {
  return {
    headers: toHeaders(headers),
    body: typeof body === 'string' ? toBytes(body) : ownBytes(body),
    query: new URL(url ?? '/', 'http://localhost').searchParams,
  }
}

export function toHeaders(source: HeaderSource): Headers {
  if (source instanceof Headers) return source
  const headers = new Headers()
  for (const [name, value] of Object.entries(source)) {
    // HTTP/2's :path and the like are no headers.
    if (value === undefined || name.startsWith(':')) continue
    for (const one of typeof value === 'string' ? [value] : value) headers.append(name, one)
  }
  return headers
}

/** WebCrypto takes no shared memory. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : Uint8Array.from(bytes)
}
