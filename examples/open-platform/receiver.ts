// A process of its own that plays the caller's side of a completion callback: takes the POST, writes it down, answers 204.
// A callback comes at least once, so it goes by the operation's id.

import { createServer, type IncomingMessage } from 'node:http'
import { parseArgs } from 'node:util'
import { appendLine, openRunFolder, type Received } from './run-folder.ts'

const { values } = parseArgs({
  options: { port: { type: 'string', default: '0' }, data: { type: 'string', default: '' } },
})
const { receivedFile } = openRunFolder(values.data)

interface Ended {
  readonly type: string
  readonly data: Omit<Received, 'operation' | 'startedAt'> & { readonly id: string; readonly startedAt?: string }
}

const server = createServer((request, response) => {
  take(request).then(
    () => response.writeHead(204).end(),
    (error: unknown) => response.writeHead(400).end(String(error)),
  )
})

async function take(request: IncomingMessage): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { type, data } = JSON.parse(Buffer.concat(chunks).toString()) as Ended
  if (type !== 'posthorn.operation.ended') throw new Error(`unexpected event ${type}`)
  const { id, status, attempts, createdAt, startedAt, endedAt } = data
  appendLine(receivedFile, { operation: id, status, attempts, createdAt, startedAt: startedAt ?? null, endedAt })
  process.send?.({ received: id })
}

server.listen(Number(values.port), '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') process.send?.({ listening: address.port })
})
server.on('error', (error) => {
  console.error(`the receiver cannot listen: ${error.message}`)
  process.exit(1)
})

const stop = (): void => {
  server.close(() => process.exit(0))
  server.closeAllConnections()
}
process.once('SIGTERM', stop)
process.once('disconnect', stop)
process.on('SIGINT', () => {})
