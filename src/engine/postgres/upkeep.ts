/**
 * What an open engine does by itself: looks for what is due, for processes that are gone, and for what others have written that somebody
 * here watches. All of it is also found without, by whoever calls next; it only makes it sooner.
 */
import type { Clock } from '../../core/clock.ts'
import type { Hint, Interest } from '../../core/engine.ts'
import type { Watchers } from './hint.ts'
import type { Session } from './session.ts'
import type { Transactor } from './transact.ts'

export interface UpkeepParts {
  readonly session: Session
  readonly transactor: Transactor
  readonly watchers: Watchers
  readonly clock: Clock
  /** Lets leases of processes that are gone lapse, and keeps this one known as living. */
  readonly findGone: () => Promise<void>
  readonly pollMs: number
  readonly failed: (error: unknown) => void
}

const SHORTEST_MS = 5
/** Every so many ticks it is looked for processes that are gone, and old memories are forgotten. */
const RARELY = 20

export class Upkeep {
  readonly #parts: UpkeepParts
  #timer: Disposable | null = null
  #tick: Promise<void> = Promise.resolve()
  #count = 0
  /** Short while there is something to do, longer with each look that finds nothing. */
  #napMs = SHORTEST_MS
  #isStopped = false
  /** Positions and versions that were seen last, of what is watched. */
  #seen = new Map<string, number>()

  constructor(parts: UpkeepParts) {
    this.#parts = parts
  }

  start(): void {
    if (this.#isStopped) return
    const { clock } = this.#parts
    this.#timer = clock.timer(this.#napMs, () => {
      this.#tick = this.tick().then(() => this.start())
    })
  }

  watch(interest: Interest, hint: (hint: Hint) => void): Disposable {
    return this.#parts.watchers.watch(interest, hint)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.[Symbol.dispose]()
    await this.#tick
  }

  async tick(): Promise<void> {
    const { session, transactor, failed, findGone } = this.#parts
    try {
      const { isDue } = await session.burst((query) => session.now(query))
      if (isDue) await transactor.sweep()
      const hasFound = await this.#look()
      this.#napMs = isDue || hasFound ? SHORTEST_MS : Math.min(this.#napMs * 2, this.#parts.pollMs)
      if (++this.#count % RARELY === 0) {
        await findGone()
        await session.burst((query) => this.#forget(query))
      }
    } catch (error) {
      failed(error)
    }
  }

  async #forget(query: Parameters<Parameters<Session['burst']>[0]>[0]): Promise<void> {
    const { now } = await this.#parts.session.now(query)
    await query('forget', [now])
  }

  /** Tells watchers of what others have written; whether there was anything. */
  async #look(): Promise<boolean> {
    const { session, watchers } = this.#parts
    const queues = watchers.watched('queue')
    const keys = watchers.watched('key')
    const topics = watchers.watched('topic')
    if (queues.length + keys.length + topics.length === 0) return false
    const { rows } = await session.burst((query) => query('look', [queues, keys, topics]))
    const hints: Exclude<Hint, { readonly cancel: string }>[] = []
    const seen = new Map<string, number>()
    for (const { kind, name, mark } of rows as readonly {
      kind: 'queue' | 'key' | 'topic'
      name: string
      mark: number
    }[]) {
      const key = `${kind} ${name}`
      seen.set(key, mark)
      if (kind === 'queue') hints.push({ queue: name })
      else if (this.#seen.get(key) !== mark) hints.push(kind === 'key' ? { key: name } : { topic: name })
    }
    this.#seen = seen
    watchers.give(hints)
    return hints.length > 0
  }
}
