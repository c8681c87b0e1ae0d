/** Requests that one connection sends ahead of the answers (pipelining): few are served, for each that waits costs memory. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

const MOST_UNDER_WAY = 100

export class Pipeline {
  readonly #underWay = new WeakMap<Duplex, Set<IncomingMessage>>()

  /** Whether this request is served. Where it is one too many, its connection is cut. */
  admit(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
    const { socket } = incoming
    const requests = this.#underWay.get(socket) ?? new Set()
    if (requests.size >= MOST_UNDER_WAY) {
      socket.destroy()
      return false
    }
    this.#underWay.set(socket, requests.add(incoming))
    outgoing.once('close', () => requests.delete(incoming))
    return true
  }

  /** Whether the connection is owed the answer to a request that has come as a whole. */
  owes(socket: Duplex): boolean {
    const requests = this.#underWay.get(socket)
    return requests !== undefined && [...requests].some(({ complete }) => complete)
  }
}
