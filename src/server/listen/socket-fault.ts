/** Answers on a socket where there is no request to answer, because what came is none: still as a problem, then it closes. */
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { ErrorCode } from '../../core/error.ts'
import { problemOf } from '../route/answer.ts'

export function answerFault(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [code, detail] = readFault(error)
  const { status, headers, body } = problemOf(code, detail)
  const lines = Object.entries({
    ...headers,
    'connection': 'close',
    'content-length': String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${body}`, () => socket.destroy())
}

function readFault({ code, message }: Error & { readonly code?: string }): readonly [ErrorCode, string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return ['headers-too-large', 'the headers are larger than this server takes']
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['request-timeout', 'the request took too long to arrive']
    case 'CONNECT':
      return ['method-not-allowed', message]
    default:
      return ['malformed-request', message]
  }
}
