/** A small HTTP server of a source's own, with limits on what a connection may cost. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Mount } from '../contract.ts'
import type { Log } from '../../runtime/log.ts'
import { hostInUrl, listenAt, type Place } from './listen-place.ts'

export interface HttpListener {
  readonly url: string
  /** Takes no more requests, and ends when those under way are answered. */
  close(): Promise<void>
}

const LIMITS = { headersTimeout: 10_000, requestTimeout: 45_000, keepAliveTimeout: 10_000, maxHeaderSize: 65_536 }
const MOST_CONNECTIONS = 1_000
const CLOSE_MS = 30_000

export async function listenHttp(place: Place, answer: Mount, { log }: { readonly log: Log }): Promise<HttpListener> {
  const server = createServer({ ...LIMITS, connectionsCheckingInterval: 2_000 }, (incoming, outgoing) => {
    respond(answer, incoming, outgoing).catch((error: unknown) => {
      log.error('a request to a source failed', { error })
      outgoing.destroy()
    })
  })
  server.maxConnections = MOST_CONNECTIONS
  server.timeout = CLOSE_MS
  const { host, port } = await listenAt(server, place)
  server.on('error', (error) => log.error('listening for a source failed', { error }))
  return {
    url: `http://${hostInUrl(host)}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
      }),
  }
}

async function respond(answer: Mount, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const response = await answer(toRequest(incoming))
  const body = response.body === null ? null : Buffer.from(await response.arrayBuffer())
  // What was not read would be taken for the next request.
  const close = incoming.readableEnded ? {} : { connection: 'close' }
  if (outgoing.destroyed) return
  outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), ...close })
  outgoing.end(body ?? undefined)
  incoming.resume()
}

function toRequest(incoming: IncomingMessage): Request {
  const { method = 'GET', url = '/', headers } = incoming
  const target = new URL(url, 'http://source.invalid')
  const hasBody = method !== 'GET' && method !== 'HEAD'
  const given = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : Array.isArray(value) ? value.map((each) => [name, each]) : [[name, value]],
  )
  return new Request(target, {
    method,
    headers: given,
    ...(hasBody ? { body: Readable.toWeb(incoming) as ReadableStream, duplex: 'half' } : {}),
  })
}
