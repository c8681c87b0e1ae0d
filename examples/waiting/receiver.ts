// The other side of an HTTP callback: a small server that takes the POST and answers 204. A callback comes at least once, so a
// real receiver goes by the operation's id.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

export interface Receiver extends AsyncDisposable {
  readonly url: string
  /** The operation that the next callback tells of. */
  readonly next: Promise<{ readonly status: string; readonly output?: unknown }>
}

export async function receive(): Promise<Receiver> {
  const { promise: next, resolve } = Promise.withResolvers<{ readonly status: string; readonly output?: unknown }>()
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const event = (await json(request)) as { readonly data: { readonly status: string; readonly output?: unknown } }
    resolve(event.data)
    response.writeHead(204).end()
  }
  const server = createServer((request, response) => void take(request, response))
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}
