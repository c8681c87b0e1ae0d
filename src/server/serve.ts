/** Listens: the handler on Node's HTTP server, with limits on what a connection may cost and an orderly end. */
import type { Post } from '../posthorn.ts'
import type { HandlerOptions } from './handler.ts'

export interface ServeOptions extends HandlerOptions {
  /** Default 7070; 0: any free one. */
  readonly port?: number | undefined
  /** Default 127.0.0.1. Another address than loopback needs a key. */
  readonly host?: string | undefined
  /** How long `stop` lets requests and internal work run on. Default 25 s. */
  readonly graceMs?: number | undefined
}

export interface Server extends AsyncDisposable {
  /** Where it listens: `http://127.0.0.1:7070`. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** New writes are refused as `draining` from now on, `/readyz` says so, and long polls end. What is under way goes on. */
  drain(): void
  /** Drains, waits for what is under way at most `graceMs`, then closes. Idempotent. */
  stop(options?: { readonly graceMs?: number | undefined }): Promise<void>
}

/** @throws PosthornError `invalid-option`; Node's own error (`EADDRINUSE`, `EACCES`) where the port cannot be had */
export async function serve(post: Post, options: ServeOptions = {}): Promise<Server> {
  void post, options
  throw new Error('soon')
}
