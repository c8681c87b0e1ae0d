/** Listens: the API on Node's HTTP server, with limits on what a connection may cost and an orderly end. */
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pause } from '../core/clock.ts'
import { DEFAULTS } from '../core/default.ts'
import { PosthornError } from '../core/error.ts'
import { internalsOf, type Post } from '../posthorn.ts'
import { createFace, type Face } from './face.ts'
import { createHttpServer, listen } from './listen/http-server.ts'
import type { ServeOptions } from './option.ts'
import { isLoopbackHost } from './request/access.ts'

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
    await face.work.start()
  } catch (error) {
    server.close()
    face.dispose()
    throw error
  }
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
