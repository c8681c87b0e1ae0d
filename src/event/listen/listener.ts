/**
 * One who listens: a bounded queue in front of a function that is called for one batch at a time, in order. What becomes of an event
 * that there is no room for is the listener's stated policy; nothing here ever grows beyond twice its limit.
 */
import { PosthornError } from '../../core/error.ts'
import type { SourceEvent } from './told.ts'

export type Overflow = 'wait' | 'drop-oldest' | 'drop-newest'

export interface ListenerConfig {
  /** For messages. */
  readonly name: string
  /** Events that wait at most. */
  readonly limit: number
  readonly overflow: Overflow
  /** Of two events that wait and have the same text, the later takes the place of the earlier. undefined: it is like no other. Never throws. */
  readonly coalesce: ((event: SourceEvent) => string | undefined) | null
  readonly wants: (type: string) => boolean
  /** What it has taken is durable. */
  readonly isDurable: boolean
  readonly nowMs: () => number
  /** Told of each event's end. */
  readonly counted: (what: 'handled' | 'failed' | 'dropped') => void
  /** Events of one call. */
  readonly most: number
  /** Answers an error or null for each, in order. Never rejects. */
  readonly take: (events: readonly SourceEvent[], signal: AbortSignal) => Promise<readonly (Error | null)[]>
  /** Told of the first event of a row that is dropped. */
  readonly dropping: (error: PosthornError) => void
}

export interface Offer {
  /** Until there is room; null: there was. Rejects with `full` where too many wait for room already. */
  readonly admitted: Promise<void> | null
  /** Rejects with the reason why it was not taken. */
  readonly taken: Promise<void>
}

export interface ListenerCounts {
  /** Taken without an error. */
  readonly handled: number
  readonly failed: number
  /** Replaced by a later one while they waited. */
  readonly coalesced: number
  readonly dropped: number
  readonly waiting: number
}

interface Entry {
  event: SourceEvent
  /** What it coalesces by. */
  readonly text: string | undefined
  readonly atMs: number
  readonly taken: PromiseWithResolvers<void>
}

interface Outside extends Entry {
  readonly admitted: PromiseWithResolvers<void>
}

export class Listener {
  readonly config: ListenerConfig
  readonly #waiting: Entry[] = []
  /** Those that found no room, in order. */
  readonly #outside: Outside[] = []
  readonly #byText = new Map<string, Entry>()
  readonly #abort = new AbortController()
  readonly #counts = { handled: 0, failed: 0, coalesced: 0, dropped: 0 }
  /** When the first of what is being taken was told. */
  #takingSinceMs: number | null = null
  #pumping: Promise<void> | null = null
  #isClosed = false
  #isDropping = false

  constructor(config: ListenerConfig) {
    this.config = config
  }

  /** How long the oldest has waited, or has been under way. */
  get lagMs(): number {
    const sinceMs = this.#takingSinceMs ?? this.#waiting[0]?.atMs
    return sinceMs === undefined ? 0 : this.config.nowMs() - sinceMs
  }

  get counts(): ListenerCounts {
    return { ...this.#counts, waiting: this.#waiting.length + this.#outside.length }
  }

  offer(event: SourceEvent): Offer {
    if (this.#isClosed) return { admitted: null, taken: rejected(this.#closed()) }
    const text = this.config.coalesce?.(event)
    const before = text === undefined ? undefined : this.#byText.get(text)
    if (before !== undefined) {
      before.event = event
      this.#counts.coalesced++
      return { admitted: null, taken: before.taken.promise }
    }
    const entry: Entry = { event, text, atMs: this.config.nowMs(), taken: Promise.withResolvers() }
    // Whoever does not look at it learns of failures otherwise.
    entry.taken.promise.catch(() => {})
    if (text !== undefined) this.#byText.set(text, entry)
    if (this.#waiting.length >= this.config.limit) return this.#offerFull(entry)
    this.#isDropping = false
    this.#admit(entry)
    return { admitted: null, taken: entry.taken.promise }
  }

  /** Resolves when nothing waits and nothing runs. */
  async idle(): Promise<void> {
    while (this.#pumping !== null) await this.#pumping
  }

  /** Takes no more events. What waits is handled. */
  close(): void {
    this.#isClosed = true
  }

  /** Takes no more, gives up what waits, and tells the function under way. */
  abort(): void {
    this.#isClosed = true
    this.#abort.abort(this.#closed())
    for (const { admitted } of this.#outside) admitted.reject(this.#closed())
    for (const { taken } of [...this.#waiting.splice(0), ...this.#outside.splice(0)]) taken.reject(this.#closed())
    this.#byText.clear()
  }

  #offerFull(entry: Entry): Offer {
    const { overflow, limit } = this.config
    if (overflow === 'drop-oldest') {
      const [oldest] = this.#waiting.splice(0, 1)
      if (oldest !== undefined) this.#forget(oldest)
      this.#drop(oldest ?? entry)
      this.#admit(entry)
      return { admitted: null, taken: entry.taken.promise }
    }
    if (overflow === 'wait' && this.#outside.length < limit) {
      const admitted = Promise.withResolvers<void>()
      admitted.promise.catch(() => {})
      this.#outside.push(Object.assign(entry, { admitted }))
      return { admitted: admitted.promise, taken: entry.taken.promise }
    }
    this.#forget(entry)
    const error = this.#drop(entry)
    return { admitted: overflow === 'wait' ? rejected(error) : null, taken: entry.taken.promise }
  }

  #drop(entry: Entry): PosthornError {
    const { name, limit, overflow } = this.config
    const error = new PosthornError(
      'full',
      `${name} is too slow: ${limit} events wait (limit), so by overflow '${overflow}' one of type '${entry.event.type}' is dropped`,
      { details: { limit, overflow, type: entry.event.type } },
    )
    this.#counts.dropped++
    this.config.counted('dropped')
    entry.taken.reject(error)
    if (!this.#isDropping) this.config.dropping(error)
    this.#isDropping = true
    return error
  }

  #admit(entry: Entry): void {
    this.#waiting.push(entry)
    this.#pumping ??= this.#pump()
  }

  async #pump(): Promise<void> {
    // Never inside the call that tells: a source is not held up by what a handler does before its first await.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.config.most)
      this.#takingSinceMs = batch[0]!.atMs
      for (const entry of batch) this.#forget(entry)
      for (const late of this.#outside.splice(0, batch.length)) {
        this.#waiting.push(late)
        late.admitted.resolve()
      }
      const errors = await this.config.take(
        batch.map(({ event }) => event),
        this.#abort.signal,
      )
      for (const [at, { taken }] of batch.entries()) this.#settle(taken, errors[at] ?? null)
      this.#takingSinceMs = null
    }
    this.#pumping = null
  }

  #settle(taken: PromiseWithResolvers<void>, error: Error | null): void {
    this.config.counted(error === null ? 'handled' : 'failed')
    if (error === null) {
      this.#counts.handled++
      taken.resolve()
    } else {
      this.#counts.failed++
      taken.reject(error)
    }
  }

  /** It waits no more: a later one has nothing to replace. */
  #forget(entry: Entry): void {
    const { text } = entry
    if (text !== undefined && this.#byText.get(text) === entry) this.#byText.delete(text)
  }

  #closed(): PosthornError {
    return new PosthornError('closed', `${this.config.name} has stopped`)
  }
}

function rejected(fault: Error): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  reject(fault)
  return promise
}
