// Which ports are free on loopback.

import { once } from 'node:events'
import { createServer } from 'node:net'

const DEFAULT_PORT = 7070

/** The port that was asked for; else the default one, or, said so, the next free one. */
export async function choosePort(asked: number | undefined): Promise<number> {
  if (asked !== undefined) return asked
  let port = DEFAULT_PORT
  while (!(await isFree(port))) port++
  if (port !== DEFAULT_PORT) console.log(`port ${DEFAULT_PORT} is taken, so the server uses ${port}`)
  return port
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
