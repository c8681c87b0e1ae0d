/**
 * The HTTP API as the commands use it. Where the engine is free, requests go to the server's own code in this process; where a
 * `serve` or `work` holds it, over loopback to that: the commands see no difference.
 */
import type { Problem } from '../core/error.ts'
import { CommandError, exitOfCode } from './exit.ts'

export interface Exchange extends AsyncDisposable {
  /** What answers, for people. */
  readonly where: string
  readonly base: string
  /** Which process has the folder locked and answers for it; null where that is this one, or nobody tells. */
  readonly holder?: { readonly pid: number; readonly host: string } | null | undefined
  exchange(request: Request): Promise<Response>
}

export interface Call {
  readonly query?: Readonly<Record<string, string | undefined>> | undefined
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  /** Bytes go as they are, with a content type among the headers; anything else as JSON. */
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

export interface Answer<T> {
  readonly status: number
  readonly body: T
}

/** @throws CommandError with the problem that the API answered, or `unreachable` */
export async function call<T>(target: Exchange, method: string, path: string, options: Call = {}): Promise<Answer<T>> {
  const url = new URL(path, target.base)
  for (const [name, value] of Object.entries(options.query ?? {}))
    if (value !== undefined) url.searchParams.set(name, value)
  const headers = new Headers({ accept: 'application/json' })
  for (const [name, value] of Object.entries(options.headers ?? {})) if (value !== undefined) headers.set(name, value)
  const { body, signal } = options
  if (body !== undefined && !(body instanceof Uint8Array)) headers.set('content-type', 'application/json')
  const response = await target.exchange(
    new Request(url, {
      method,
      headers,
      ...(signal === undefined ? {} : { signal }),
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body) }),
    }),
  )
  const text = await response.text()
  const parsed = parseAnswer(text, response)
  if (response.ok) return { status: response.status, body: parsed as T }
  throw toCommandError(parsed as Partial<Problem>, response.status)
}

/** An item, or null where there is none. */
export async function callForOne<T>(exchange: Exchange, path: string, query: Call['query'] = {}): Promise<T | null> {
  try {
    return (await call<T>(exchange, 'GET', path, { query })).body
  } catch (error) {
    if (error instanceof CommandError && error.exit === 'not-found') return null
    throw error
  }
}

export const queuePath = (queue: string, ...rest: readonly string[]): string =>
  ['/v1/queues', encodeURIComponent(queue), ...rest].join('/')

function parseAnswer(text: string, response: Response): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new CommandError(
      'unreachable',
      'unreachable',
      `${response.url} does not answer as Posthorn does (status ${response.status})`,
      ['Is the URL that of a Posthorn server?'],
    )
  }
}

function toCommandError({ code = 'failed', detail, title, ...rest }: Partial<Problem>, status: number): CommandError {
  const hints: string[] = []
  const exit = status === 503 && code === 'draining' ? 'refused' : exitOfCode(code, status)
  if (exit === 'unreachable') hints.push('Give the key of the server with --key-file FILE or in POSTHORN_KEY.')
  if (status === 429 || status === 503) hints.push('The same command can work in a moment.')
  return new CommandError(exit, code, detail ?? title ?? `status ${status}`, hints, rest)
}
