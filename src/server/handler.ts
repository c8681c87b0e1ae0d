/** The HTTP API as a function from Request to Response, to mount in any server that speaks them. */
import type { Post } from '../posthorn.ts'
import type { Log } from '../runtime/log.ts'

export interface HandlerOptions {
  /** The platform's key, at least 16 characters; several while one replaces another. Without one, only requests that came over loopback are answered. */
  readonly key?: string | readonly string[] | undefined
  /** Origins (`https://hooks.example.com`) to which completion callbacks may go. Default: none. */
  readonly callbackAllow?: readonly string[] | undefined
  /** Address ranges (CIDR) that are no public addresses and may be called back all the same. Default: none. */
  readonly callbackAllowRanges?: readonly string[] | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Default: the log of `open`. */
  readonly log?: Log | undefined
}

export interface Limits {
  /** Default 1 MiB. */
  readonly bodyBytes: number
  /** How long a body may take to arrive. Default 30 s. */
  readonly bodyMs: number
  /** How long headers may take to arrive (`serve` only). Default 10 s. */
  readonly headersMs: number
  /** Default 64 KiB (`serve` only). */
  readonly headersBytes: number
  /** Default 1,000 (`serve` only). */
  readonly connections: number
}

export type Handler = (request: Request) => Promise<Response>

export function handler(post: Post, options: HandlerOptions = {}): Handler {
  void post, options
  throw new Error('soon')
}
