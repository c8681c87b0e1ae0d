/** Server-sent events as text (WHATWG HTML, section 9.2). */

export interface ServerSent {
  readonly id?: string | undefined
  /** Default: `message`, which is what EventSource's `onmessage` hears. */
  readonly event?: string | undefined
  /** Line ends in it become one line of data each, and come out as line feeds: of JSON that is the same value. */
  readonly data: string
}

export const EVENT_STREAM_TYPE = 'text/event-stream'

/** A comment: it keeps the connection open, and tells both sides that it is. */
export const HEARTBEAT = ':\n\n'

export function toServerSent({ id, event, data }: ServerSent): string {
  const lines = data.split(/\r\n|\r|\n/)
  return `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}${lines.map((line) => `data: ${line}\n`).join('')}\n`
}

/** How long a client waits before it comes back. */
export const toRetry = (ms: number): string => `retry: ${ms}\n\n`
