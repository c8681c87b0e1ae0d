/**
 * Connections to receivers: one call on each at a time. The one that was free last is used first, so that there are no more than are needed. An answer that
 * has ended frees its connection when the socket has been asked once more what else came: a receiver that closes behind its answer without a word
 * would else have the next call written to a socket that is closed, and what follows an answer that was not asked for would be taken for the next one.
 */
import { Client, errors, type Dispatcher } from 'undici'

type Handler = Dispatcher.DispatchHandler
type Controller = Dispatcher.DispatchController
type Headers = Parameters<NonNullable<Handler['onResponseStart']>>[2]

/** Those to one origin. */
interface Site {
  readonly all: Set<Connection>
  /** The one that was used last is the last. */
  readonly free: Connection[]
}

export class Connections implements Pick<Dispatcher, 'dispatch'> {
  readonly #options: Client.Options
  readonly #sites = new Map<string, Site>()
  /** Their answers ended in this turn of the event loop, and in the one before. */
  #ended: Connection[] = []
  #rested: Connection[] = []
  #isDestroyed = false

  constructor(options: Client.Options) {
    // It gets one call at a time all the same: a client that might take a second spares itself a turn of the event loop at the end of each.
    this.#options = { ...options, pipelining: 2 }
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Handler): boolean {
    const origin = String(options.origin)
    if (this.#isDestroyed) {
      handler.onResponseError?.(undefined as unknown as Controller, new errors.ClientDestroyedError())
      return false
    }
    const site = this.#site(origin)
    const connection = site.free.pop() ?? this.#open(origin, site)
    connection.call(options, handler)
    return true
  }

  /** What is under way fails. */
  async destroy(): Promise<void> {
    this.#isDestroyed = true
    const all = [...this.#sites.values()].flatMap((site) => [...site.all])
    await Promise.all(all.map((connection) => connection.destroy()))
  }

  #site(origin: string): Site {
    let site = this.#sites.get(origin)
    if (site === undefined) this.#sites.set(origin, (site = { all: new Set(), free: [] }))
    return site
  }

  #open(origin: string, site: Site): Connection {
    const connection = new Connection(
      new Client(origin, this.#options),
      () => {
        if (site.all.has(connection)) site.free.push(connection)
      },
      () => this.#rest(connection),
      () => {
        const at = site.free.indexOf(connection)
        if (at >= 0) site.free.splice(at, 1)
        site.all.delete(connection)
        if (site.all.size === 0 && this.#sites.get(origin) === site) this.#sites.delete(origin)
      },
    )
    site.all.add(connection)
    return connection
  }

  #rest(connection: Connection): void {
    if (this.#ended.length === 0 && this.#rested.length === 0) setImmediate(this.#turn)
    this.#ended.push(connection)
  }

  /** Between two of them the event loop has looked at every socket. */
  readonly #turn = (): void => {
    const rested = this.#rested
    this.#rested = this.#ended
    this.#ended = []
    for (const connection of rested) connection.free()
    if (this.#rested.length > 0) setImmediate(this.#turn)
  }
}

/** Stands between undici and the call that is under way, and is the same for all of them: nothing is made for a call. */
class Connection implements Handler {
  readonly #client: Client
  /** May be called again, if it is still there. */
  readonly free: () => void
  readonly #ended: () => void
  readonly #gone: () => void
  #handler: Handler | null = null

  constructor(client: Client, free: () => void, ended: () => void, gone: () => void) {
    this.#client = client
    this.free = free
    this.#ended = ended
    this.#gone = gone
    // One that has a call already connects again by itself.
    client.on('disconnect', () => {
      if (this.#handler === null) void this.destroy()
    })
  }

  call(options: Dispatcher.DispatchOptions, handler: Handler): void {
    this.#handler = handler
    this.#client.dispatch(options, this)
  }

  destroy(): Promise<void> {
    this.#gone()
    return this.#client.destroy()
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#handler!.onRequestStart?.(controller, context)
  }

  onResponseStart(controller: Controller, status: number, headers: Headers, text?: string): void {
    this.#handler!.onResponseStart?.(controller, status, headers, text)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#handler!.onResponseData?.(controller, chunk)
  }

  onResponseEnd(controller: Controller, trailers: Headers): void {
    const handler = this.#handler!
    this.#handler = null
    this.#ended()
    handler.onResponseEnd?.(controller, trailers)
  }

  /** Whatever it was, the connection is not used again. */
  onResponseError(controller: Controller, error: Error): void {
    const handler = this.#handler
    if (handler === null) return
    this.#handler = null
    this.#gone()
    // Not at once: undici is in the middle of it.
    queueMicrotask(() => void this.#client.destroy())
    handler.onResponseError?.(controller, error)
  }
}
