/** Listens: the API on Node's HTTP server, with limits on what a connection may cost and an orderly end. */
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { pause } from '../core/clock.ts'
import { DEFAULTS } from '../core/default.ts'
import { PosthornError } from '../core/error.ts'
import { internalsOf, type Post } from '../posthorn.ts'
import { isLoopbackHost } from './access.ts'
import { problemOf, toResponse, type Answer } from './answer.ts'
import { createFace, type Face } from './face.ts'
import type { Limits } from './limit.ts'
import type { ServeOptions } from './option.ts'
import { answerFault } from './socket-fault.ts'

export interface Server extends AsyncDisposable {
  /** Where it listens: `http://127.0.0.1:7070`. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** New writes are refused as `draining` from now on, `/readyz` says so, and long polls end. What is under way goes on. */
  drain(): void
  /** Drains, waits for what is under way at most `graceMs`, then closes. Idempotent; a later call can only shorten the grace. */
  stop(options?: { readonly graceMs?: number | undefined }): Promise<void>
}

const DEFAULT_PORT = 7070
const DEFAULT_HOST = '127.0.0.1'
const KEEP_ALIVE_MS = 10_000
/** Longer than any wait for messages or operations. */
const SILENCE_MS = 120_000

/** @throws PosthornError `invalid-option`; Node's own error (`EADDRINUSE`, `EACCES`) where the port cannot be had */
export async function serve(post: Post, options: ServeOptions = {}): Promise<Server> {
  const { port = DEFAULT_PORT, host = DEFAULT_HOST, graceMs = DEFAULTS.graceMs } = options
  checkOptions(port, graceMs)
  const face = createFace(post, options)
  if (!face.hasKeys && !isLoopbackHost(host)) {
    face.dispose()
    throw new PosthornError(
      'invalid-option',
      `host is '${host}': without a key the server listens on loopback only. Give a key, or leave the host at ${DEFAULT_HOST}`,
      { details: { field: 'host', value: host } },
    )
  }
  const server = createHttpServer(face)
  try {
    await listen(server, port, host)
  } catch (error) {
    face.dispose()
    throw error
  }
  await face.work.start()
  const { port: taken } = server.address() as AddressInfo
  return new ListeningServer(post, face, server, host, taken, graceMs)
}

class ListeningServer implements Server {
  readonly host: string
  readonly port: number
  readonly #post: Post
  readonly #face: Face
  readonly #server: HttpServer
  readonly #graceMs: number
  readonly #hurry = new AbortController()
  #stopped: Promise<void> | null = null

  constructor(post: Post, face: Face, server: HttpServer, host: string, port: number, graceMs: number) {
    this.#post = post
    this.#face = face
    this.#server = server
    this.host = host
    this.port = port
    this.#graceMs = graceMs
  }

  get url(): string {
    return `http://${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}`
  }

  drain(): void {
    this.#face.drain.begin()
  }

  stop({ graceMs = this.#graceMs }: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    this.#hurryAfter(graceMs)
    return (this.#stopped ??= this.#stop(graceMs))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(graceMs: number): Promise<void> {
    this.drain()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    const cut = () => this.#server.closeAllConnections()
    this.#hurry.signal.addEventListener('abort', cut)
    if (this.#hurry.signal.aborted) cut()
    await Promise.all([closed, this.#face.work.stop(graceMs)])
    this.#hurry.abort()
    this.#face.dispose()
  }

  /** What is still under way after the grace is cut off. */
  #hurryAfter(graceMs: number): void {
    const { clock } = internalsOf(this.#post)
    if (graceMs === 0) this.#hurry.abort()
    else
      pause(clock, graceMs, this.#hurry.signal).then(
        () => this.#hurry.abort(),
        () => {},
      )
  }
}

function createHttpServer(face: Face): HttpServer {
  const { limits } = face
  const listener = getRequestListener(
    async (request, env) => {
      const { outgoing } = env as HttpBindings
      write(outgoing, request.method, await face.respond(request), face.drain.signal.aborted)
      return RESPONSE_ALREADY_SENT
    },
    {
      overrideGlobalObjects: false,
      errorHandler: (error) => toResponse(problemOf('malformed-request', (error as Error).message)),
    },
  )
  const server = createServer(timeouts(limits), (incoming, outgoing) => void listener(incoming, outgoing))
  server.maxConnections = limits.connections
  server.timeout = SILENCE_MS
  // Whatever a client expects beyond 100-continue is answered like any request.
  server.on(
    'checkExpectation',
    (incoming: IncomingMessage, outgoing: ServerResponse) => void listener(incoming, outgoing),
  )
  server.on('clientError', answerFault)
  server.on('connect', (_request, socket) =>
    answerFault(Object.assign(new Error('CONNECT is not for this server'), { code: 'CONNECT' }), socket),
  )
  return server
}

function timeouts({ headersMs, bodyMs, headersBytes }: Limits): Parameters<typeof createServer>[0] & object {
  return {
    headersTimeout: headersMs,
    // The body has a limit of its own, which answers with a problem; this one stands behind it.
    requestTimeout: headersMs + bodyMs + 5_000,
    connectionsCheckingInterval: Math.max(10, Math.min(2_000, Math.floor(headersMs / 4))),
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: headersBytes,
    // A request without Host is answered with a problem too.
    requireHostHeader: false,
  }
}

function write(
  outgoing: ServerResponse,
  method: string,
  { status, headers, body, lost }: Answer,
  isEnding: boolean,
): void {
  if (outgoing.destroyed) return lost?.()
  if (lost !== undefined) outgoing.once('close', () => !outgoing.writableFinished && lost())
  const length = body === null ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
  outgoing.writeHead(status, {
    ...headers,
    ...(status === 204 ? {} : { 'content-length': length }),
    ...(isEnding ? { connection: 'close' } : {}),
  })
  outgoing.end(body === null || method === 'HEAD' ? undefined : body)
}

function listen(server: HttpServer, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function checkOptions(port: number, graceMs: number): void {
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new PosthornError('invalid-option', `port is ${port}: it must be a whole number from 0 to 65535`, {
      details: { field: 'port', value: port },
    })
  if (!(Number.isFinite(graceMs) && graceMs >= 0))
    throw new PosthornError(
      'invalid-option',
      `graceMs is ${graceMs}: it must be a number of milliseconds of at least 0`,
      { details: { field: 'graceMs', value: graceMs } },
    )
}
