/** What `handler` and `serve` take. */
import type { Duration } from '../core/duration.ts'
import { invalidOption } from '../core/option.ts'
import type { Log } from '../runtime/log.ts'
import type { Limits } from './limit.ts'
import type { WebhookGrant } from './topic/handshake.ts'

export interface HandlerOptions {
  /** The platform's key, at least 16 characters; several while one replaces another. Without one, only requests for a
   * loopback name are answered, which keeps web pages out: mount `handler` without a key only where nobody else reaches it. */
  readonly key?: string | readonly string[] | undefined
  /** Origins (`https://hooks.example.com`) to which completion callbacks may go. Default: none; those that are due then wait for a server that allows some. */
  readonly callbackAllow?: readonly string[] | undefined
  /** Address ranges (CIDR) that are no public addresses and may be called back all the same. Default: none. */
  readonly callbackAllowRanges?: readonly string[] | undefined
  /** Who may deliver events here as webhooks, by the handshake of CloudEvents WebHook 1.0. Default: nobody is told that he may. */
  readonly webhooks?: WebhookGrant | undefined
  /** Whether a send to an unknown queue creates it. Default true. */
  readonly autoCreate?: boolean | undefined
  readonly limits?: { readonly [K in keyof Limits]?: number | undefined } | undefined
  /** Default: the log of `open`. */
  readonly log?: Log | undefined
  /** Where this server is reached from outside, like 'https://api.example.com': receivers that are asked whether they may be called may consent there later. */
  readonly publicUrl?: string | undefined
  /** DNS name of this server, as receivers know it that are asked whether they may be called. Default: that of `publicUrl`, else the machine's name. */
  readonly webhookOrigin?: string | undefined
  /** How long an endpoint may fail before it is disabled. Default '5d'. */
  readonly disableEndpointsAfter?: Duration | undefined
}

export interface ServeOptions extends HandlerOptions {
  /** Default 7070; 0: any free one. */
  readonly port?: number | undefined
  /** Default 127.0.0.1. Another address than loopback needs a key. */
  readonly host?: string | undefined
  /** How long `stop` lets requests and Posthorn's own work run on. Default 25 s. */
  readonly graceMs?: number | undefined
}

/** Its path, if it has one, is what paths of the API come after. @throws PosthornError `invalid-option` */
export function parsePublicUrl(text: string): URL {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '' || url.username !== '')
    throw invalidOption('serve', 'publicUrl', text, "an address like 'https://api.example.com'")
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}
