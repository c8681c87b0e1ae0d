// Stands between an engine and its database, and passes bytes on, until it is told to cut connections, or to leave them half-open: they
// stay, and nothing comes through any more.

import { connect as dial, createServer, type Socket } from 'node:net'

export interface Proxy {
  readonly url: string
  /** Ends all connections. */
  cut(): void
  /** From now on nothing comes through those that are there; new ones work. */
  freeze(): void
  /** New ones as well, until `thaw`; those that were frozen stay so. */
  freezeAll(): void
  thaw(): void
  close(): Promise<void>
}

export async function startProxy(url: string): Promise<Proxy> {
  const target = new URL(url)
  const near = new URL(url)
  const sockets = new Set<Socket>()
  const frozen = new WeakSet<Socket>()
  let isFrozen = false
  const server = createServer((caller) => {
    const far = dial(Number(target.port || 5432), target.hostname)
    for (const [one, other] of [
      [caller, far],
      [far, caller],
    ] as const) {
      sockets.add(one)
      if (isFrozen) frozen.add(one)
      one.on('data', (bytes) => {
        if (!frozen.has(one)) other.write(bytes)
      })
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        if (!frozen.has(one)) other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { readonly port: number }
  near.port = String(port)
  near.hostname = '127.0.0.1'
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  const freeze = (): void => {
    for (const socket of sockets) frozen.add(socket)
  }
  return {
    url: near.href,
    cut,
    freeze,
    freezeAll: () => {
      isFrozen = true
      freeze()
    },
    thaw: () => {
      isFrozen = false
    },
    close: () => {
      cut()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
