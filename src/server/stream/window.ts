/**
 * What a reader was given and has not acknowledged, in order. It is held by leases of this process, so that a reader that comes back
 * with the last id it got goes on exactly there; one that does not come back in time lets it become ready again, uncounted.
 */
import { pause, type Clock } from '../../core/clock.ts'
import type { Delivery, Ledger } from '../../core/engine.ts'
import { isPosthornError } from '../../core/error.ts'
import type { Log } from '../../runtime/log.ts'

const EXTEND_MS = 10_000
export const WINDOW_LEASE_MS = 30_000
/** How long a reader may be away. */
const GRACE_MS = 30_000

export interface WindowDeps {
  readonly engine: Pick<Ledger, 'commit' | 'extend'>
  readonly clock: Clock
  readonly log: Log
}

interface Held {
  readonly delivery: Delivery
  readonly sinceMs: number
}

export class Window {
  readonly #deps: WindowDeps
  #held: Held[] = []
  readonly #closed = new AbortController()
  #away: Disposable | null = null
  #bytes = 0

  constructor(deps: WindowDeps) {
    this.#deps = deps
    void this.#extend()
  }

  get size(): number {
    return this.#held.length
  }

  get bytes(): number {
    return this.#bytes
  }

  get closed(): boolean {
    return this.#closed.signal.aborted
  }

  get deliveries(): readonly Delivery[] {
    return this.#held.map(({ delivery }) => delivery)
  }

  /** How long the oldest has waited for its acknowledgement. */
  get ageMs(): number {
    const [oldest] = this.#held
    return oldest === undefined ? 0 : this.#deps.clock.monotonicMs() - oldest.sinceMs
  }

  add(deliveries: readonly Delivery[]): void {
    const sinceMs = this.#deps.clock.monotonicMs()
    this.#set([...this.#held, ...deliveries.map((delivery) => ({ delivery, sinceMs }))])
  }

  /** Acknowledges what was given up to this id. One that is not held acknowledges nothing: it was before, or never was given. */
  async acknowledge(id: string): Promise<void> {
    const last = this.#held.findIndex(({ delivery }) => delivery.stored.id === id)
    const done = this.#held.slice(0, last + 1)
    if (done.length === 0) return
    this.#set(this.#held.slice(last + 1))
    // Each for itself: one that was lost must not hold back the others.
    await this.#deps.engine.commit(done.map(({ delivery: { token } }) => ({ changes: [{ do: 'ack', token }] })))
  }

  /** Its reader has gone: if nobody comes in time, it closes. */
  leave(): void {
    this.#away ??= this.#deps.clock.timer(GRACE_MS, () => void this.close())
  }

  /** A reader is there again. */
  enter(): void {
    this.#away?.[Symbol.dispose]()
    this.#away = null
  }

  /** Gives back what it holds, in order. */
  async close(): Promise<void> {
    if (this.closed) return
    this.#closed.abort()
    this.enter()
    const rest = this.#held
    this.#set([])
    await giveBack(
      this.#deps,
      rest.map(({ delivery }) => delivery.token),
    )
  }

  async #extend(): Promise<void> {
    const { engine, clock, log } = this.#deps
    while (!this.closed) {
      await pause(clock, EXTEND_MS, this.#closed.signal).catch(() => {})
      const held = this.#held
      if (this.closed || held.length === 0) continue
      try {
        const answers = await engine.extend(
          held.map(({ delivery }) => delivery.token),
          WINDOW_LEASE_MS,
        )
        const lost = new Set(held.filter((_, at) => answers[at] !== 'kept'))
        if (lost.size > 0) this.#set(this.#held.filter((each) => !lost.has(each)))
        const cancelled = held.filter((_, at) => answers[at] === 'cancel')
        await engine.commit(
          cancelled.map(({ delivery: { token } }) => ({ changes: [{ do: 'drop', token, reason: 'cancelled' }] })),
        )
      } catch (error) {
        log.warn('leases of a stream could not be extended', { error })
      }
    }
  }

  #set(held: Held[]): void {
    this.#held = held
    this.#bytes = held.reduce((sum, { delivery }) => sum + delivery.stored.message.body.byteLength, 0)
  }
}

/** Uncounted: nobody has failed at anything. Each for itself, for one may have lapsed. */
export async function giveBack({ engine, log }: Omit<WindowDeps, 'clock'>, tokens: readonly string[]): Promise<void> {
  if (tokens.length === 0) return
  try {
    await engine.commit(tokens.map((token) => ({ changes: [{ do: 'release', token, delay: { afterMs: 0 } }] })))
  } catch (error) {
    // Whoever opens the engine again finds it lapsed.
    if (isPosthornError(error) && error.code === 'closed') return
    log.warn('what a stream held could not be given back; it will lapse', { count: tokens.length, error })
  }
}
