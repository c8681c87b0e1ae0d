// A server on a free port of loopback, and a client that reads what it answers. For tests.

import { open, type Post } from '../../../src/posthorn.ts'
import type { OpenOptions } from '../../../src/posthorn.ts'
import { serve, type Server, type ServeOptions } from '../../../src/server/index.ts'
import { silentLog } from '../../../src/runtime/log.ts'

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON; tests look into it freely. */
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any
}

export interface CallOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Bytes and texts go as they are, anything else as JSON. */
  readonly body?: unknown
  /** Default: it is given up after a minute. */
  readonly signal?: AbortSignal
}

export interface TestServer extends AsyncDisposable {
  readonly post: Post
  readonly server: Server
  call(method: string, path: string, options?: CallOptions): Promise<Reply>
}

export interface TestOptions extends ServeOptions {
  readonly url?: string
  readonly open?: OpenOptions
}

export async function startServer({
  url = 'memory:',
  open: opening = {},
  ...options
}: TestOptions = {}): Promise<TestServer> {
  const post = await open(url, { log: silentLog, ...opening })
  let server: Server
  try {
    server = await serve(post, { port: 0, graceMs: 1_000, ...options })
  } catch (error) {
    // What it keeps open would keep the process.
    await post.close({ grace: 0 })
    throw error
  }
  return {
    post,
    server,
    call: (method, path, call) => callAt(server.url, method, path, call),
    async [Symbol.asyncDispose]() {
      await server.stop({ graceMs: 0 })
      await post.close({ grace: 0 })
    },
  }
}

export async function callAt(
  base: string,
  method: string,
  path: string,
  { headers = {}, body, signal }: CallOptions = {},
): Promise<Reply> {
  const raw = typeof body === 'string' || body instanceof Uint8Array
  const type = body === undefined || raw ? {} : { 'content-type': 'application/json' }
  const response = await fetch(base + path, {
    method,
    headers: { ...type, ...headers },
    ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    signal: signal ?? AbortSignal.timeout(60_000),
    redirect: 'manual',
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: parse(text) }
}

/** Resolves when the condition holds. Looks again at every turn of the event loop, and gives up loudly. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited in vain for: ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
