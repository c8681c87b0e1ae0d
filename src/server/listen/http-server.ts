/** Node's HTTP server in front of the API: what a connection may cost, and how an answer is written to it. */
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Face } from '../face.ts'
import type { Limits } from '../limit.ts'
import { problemOf, toResponse, type Answer } from '../route/answer.ts'
import { Pipeline } from './pipeline.ts'
import { answerFault } from './socket-fault.ts'
import { writeStream } from './write-stream.ts'

const KEEP_ALIVE_MS = 10_000
/** Longer than any wait for messages or operations. */
const SILENCE_MS = 120_000

export function createHttpServer(face: Face): HttpServer {
  const { limits } = face
  const listener = getRequestListener(
    async (request, env) => {
      const { incoming, outgoing } = env as HttpBindings
      const answer = await face.respond(request, incoming.socket.remoteAddress)
      write(outgoing, request.method, answer, face.drain.signal.aborted)
      return RESPONSE_ALREADY_SENT
    },
    {
      overrideGlobalObjects: false,
      errorHandler: (error) => toResponse(problemOf('malformed-request', (error as Error).message)),
    },
  )
  const pipeline = new Pipeline()
  const take = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    if (pipeline.admit(incoming, outgoing)) void listener(incoming, outgoing)
  }
  const server = createServer(timeouts(limits), take)
  server.maxConnections = limits.connections
  // Bytes are what bounds them, as the limit says; Node would also refuse more than 2,000.
  server.maxHeadersCount = 0
  server.timeout = SILENCE_MS
  // Whatever a client expects beyond 100-continue is answered like any request.
  server.on('checkExpectation', take)
  const onFault = (error: Error, socket: Duplex): void => {
    // An answer now would be taken for that of an earlier request, which may have been done.
    if (pipeline.owes(socket)) socket.destroy()
    else answerFault(error, socket)
  }
  server.on('clientError', onFault)
  server.on('connect', (_request, socket) =>
    onFault(Object.assign(new Error('CONNECT is not for this server'), { code: 'CONNECT' }), socket),
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
  if (body instanceof ReadableStream) return void writeStream(outgoing, status, headers, body)
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

export function listen(server: HttpServer, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
