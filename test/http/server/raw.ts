// A raw connection to the server, for requests that no client library would make. For tests.

import { connect } from 'node:net'
import type { Server } from '../../../src/server/index.ts'

export interface RawReply {
  /** 0 where the connection ended without an answer. */
  readonly status: number
  readonly headers: string
  readonly body: string
}

export interface Raw extends Disposable {
  write(bytes: string | Uint8Array): void
  /** The answer, once the server has ended the connection. */
  readonly ended: Promise<RawReply>
  /** Resolves with the first bytes that come. */
  readonly answered: Promise<void>
}

export function connectRaw({ host, port }: Pick<Server, 'host' | 'port'>): Raw {
  const socket = connect({ host, port })
  const chunks: Buffer[] = []
  const answered = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<RawReply>()
  socket.on('data', (chunk) => {
    chunks.push(chunk)
    answered.resolve()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    answered.resolve()
    ended.resolve(parse(Buffer.concat(chunks).toString('latin1')))
  })
  return {
    ended: ended.promise,
    answered: answered.promise,
    write: (bytes) => void (socket.writable && socket.write(bytes)),
    [Symbol.dispose]: () => socket.destroy(),
  }
}

function parse(text: string): RawReply {
  const end = text.indexOf('\r\n\r\n')
  const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]
  return status === undefined
    ? { status: 0, headers: '', body: '' }
    : { status: Number(status), headers: text.slice(0, end).toLowerCase(), body: text.slice(end + 4) }
}
