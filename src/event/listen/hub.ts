/** A source while it runs, between what tells and those who listen: begun by the first listener, ended with the last. */
import type { Clock } from '../../core/clock.ts'
import type { Ids } from '../../core/id.ts'
import { Lifecycle } from '../../runtime/lifecycle.ts'
import type { Log } from '../../runtime/log.ts'
import type { SourceEvent } from './told.ts'
import type { Listener } from './listener.ts'

/** What a source says of an event. */
export interface Telling {
  readonly type: string
  /** As handlers get it. */
  readonly data: unknown
  /** As topics take it. Default: `data`. */
  readonly wire?: unknown
  /** The sender's own. */
  readonly id?: string | undefined
  /** Default: now. */
  readonly atMs?: number | undefined
  readonly subject?: string | undefined
}

export interface Emission {
  /** Every listener has room for it. Rejects with `full` where a listener does not, and too many wait for room already. */
  readonly admitted: Promise<unknown>
  /** Where anything forwards it: it is durable. Else every handler has returned. Rejects with the first reason why it is not. */
  readonly taken: Promise<unknown>
}

export interface Feed {
  tell(telling: Telling): Emission
  /** Something came that is not to be told: it is not what it should be. */
  refuse(): void
}

/** Begins a source; what it gives ends it. */
export type Begin = (feed: Feed) => (() => void | Promise<void>) | Promise<() => void | Promise<void>>

/** What happens to what comes to a source. */
type Happening = 'told' | 'refused' | 'published' | 'unpublished' | 'handled' | 'failed'

/** Since the source was made, over all its listeners, those that have gone among them. */
export interface HubCounts extends Readonly<Record<Happening, number>> {
  readonly waiting: number
  /** How long the oldest event that is to be durable has waited for it. */
  readonly forwardLagMs: number
}

export interface HubDeps {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
}

export class Hub implements Feed {
  readonly #deps: HubDeps
  readonly #listeners = new Set<Listener>()
  readonly #lifecycle: Lifecycle
  readonly #counts: Record<Happening, number> = {
    told: 0,
    refused: 0,
    published: 0,
    unpublished: 0,
    handled: 0,
    failed: 0,
  }

  constructor(deps: HubDeps, begin: Begin) {
    this.#deps = deps
    let end: Awaited<ReturnType<Begin>> | null = null
    this.#lifecycle = new Lifecycle({
      begin: async () => {
        end = await begin(this)
      },
      end: async () => {
        await end?.()
        end = null
      },
    })
  }

  get log(): Log {
    return this.#deps.log
  }

  get clock(): Clock {
    return this.#deps.clock
  }

  get isHeard(): boolean {
    return this.#listeners.size > 0
  }

  /** Whether events of this type are made durable. */
  isForwarded(type: string): boolean {
    return [...this.#listeners].some(({ config }) => config.isDurable && config.wants(type))
  }

  get counts(): HubCounts {
    const listeners = [...this.#listeners]
    const durable = listeners.filter(({ config }) => config.isDurable)
    return {
      ...this.#counts,
      waiting: listeners.reduce((sum, { counts }) => sum + counts.waiting, 0),
      forwardLagMs: Math.max(0, ...durable.map(({ lagMs }) => lagMs)),
    }
  }

  refuse(): void {
    this.#counts.refused++
  }

  count(what: Exclude<Happening, 'told' | 'refused'>): void {
    this.#counts[what]++
  }

  /** Resolves when the source runs. @throws what keeps it from beginning */
  async attach(listener: Listener): Promise<void> {
    this.#listeners.add(listener)
    try {
      await this.#lifecycle.start()
    } catch (error) {
      this.#listeners.delete(listener)
      throw error
    }
  }

  async detach(listener: Listener): Promise<void> {
    if (this.#listeners.delete(listener) && this.#listeners.size === 0) await this.#lifecycle.stop()
  }

  tell(telling: Telling): Emission {
    const event = this.#toEvent(telling)
    this.#counts.told++
    const offers = [...this.#listeners]
      .filter(({ config }) => config.wants(event.type))
      .map((listener) => ({ isDurable: listener.config.isDurable, ...listener.offer(event) }))
    const durable = offers.filter(({ isDurable }) => isDurable)
    return {
      admitted: all(offers.map(({ admitted }) => admitted)),
      taken: all((durable.length > 0 ? durable : offers).map(({ taken }) => taken)),
    }
  }

  #toEvent({ type, data, wire = data, id, atMs, subject }: Telling): SourceEvent {
    const { clock, ids } = this.#deps
    const time = new Date(Math.floor(atMs ?? clock.wallMs())).toISOString()
    return { id: id ?? ids.uuid(), type, time, ...(subject === undefined ? {} : { subject }), data, wire }
  }
}

const NOTHING: Promise<unknown> = Promise.resolve()

function all(promises: readonly (Promise<void> | null)[]): Promise<unknown> {
  const open = promises.filter((promise) => promise !== null)
  if (open.length === 0) return NOTHING
  const together = Promise.all(open)
  // Who tells looks at one of the two only.
  together.catch(() => {})
  return together
}
