// Receivers on loopback that answer as they are told, and remember what came. For tests of callbacks.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Arrival {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly json: () => any // oxlint-disable-line typescript/no-explicit-any
  /** performance.now() */
  readonly atMs: number
}

export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** No answer at all. */
  readonly silent?: boolean
}

export interface Receiver extends Disposable {
  readonly url: string
  readonly arrivals: Arrival[]
  /** Asked for each call. */
  answer: (arrival: Arrival) => Reply | Promise<Reply>
}

export async function startReceiver(answer: Receiver['answer'] = () => ({})): Promise<Receiver> {
  const server = createServer((request, response) => void take(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrivals: [],
    answer,
    [Symbol.dispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const arrival: Arrival = {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body,
      json: () => JSON.parse(body.toString()) as unknown,
      atMs: performance.now(),
    }
    receiver.arrivals.push(arrival)
    const { status = 204, headers = {}, body: text, silent = false } = await receiver.answer(arrival)
    if (!silent) response.writeHead(status, headers).end(text)
  }
  return receiver
}
