/** Requests that one connection sends ahead of the answers (pipelining): few are served, for each that waits costs memory. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const MOST_UNDER_WAY = 100

/** Counts per connection; gives whether this request is served. Where it is one too many, the connection is cut. */
export function createPipelineLimit(): (incoming: IncomingMessage, outgoing: ServerResponse) => boolean {
  const underWay = new WeakMap<Socket, number>()
  return ({ socket }, outgoing) => {
    const before = underWay.get(socket) ?? 0
    if (before >= MOST_UNDER_WAY) {
      socket.destroy()
      return false
    }
    underWay.set(socket, before + 1)
    outgoing.once('close', () => underWay.set(socket, underWay.get(socket)! - 1))
    return true
  }
}
