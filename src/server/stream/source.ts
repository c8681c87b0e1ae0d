/**
 * What a stream is fed from: it leases the subscription's events as its reader takes them, so that a slow reader holds few, and sleeps
 * until there are more. It says when the stream is to end.
 */
import type { Clock } from '../../core/clock.ts'
import type { Delivery, Engine } from '../../core/engine.ts'
import { fromJsonBytes } from '../../core/json.ts'
import { subscriptionKey, type StoredSubscription } from '../../core/settings.ts'
import type { SubscriptionView } from '../../topic/index.ts'
import { HEARTBEAT, toServerSent } from './server-sent.ts'

const HEARTBEAT_MS = 15_000
/** Hints may be lost. */
const LOOK_MS = 2_000
/** Events of one piece. */
const MOST = 16

export interface SourceDeps {
  readonly engine: Engine
  readonly clock: Clock
  readonly subscription: Pick<SubscriptionView, 'topic' | 'name' | 'queue'>
  readonly signal: AbortSignal
  /** How many more the reader may be given now. */
  readonly room: () => number | Promise<number>
  readonly lease: (
    max: number,
  ) => Promise<{ readonly deliveries: readonly Delivery[]; readonly nextReadyInMs: number | null }>
  /** What the reader is given becomes its. */
  readonly give: (deliveries: readonly Delivery[]) => string
  /** Whether the stream is to end, asked where nothing can be given. */
  readonly isOver: () => boolean | Promise<boolean>
  /** How often to look where the reader can take no more. Default: as where there is nothing. */
  readonly fullMs?: number | undefined
  /** Gaps that reach beyond this time are told; engine time. */
  readonly gapsSince: number
}

export class StreamSource {
  readonly #deps: SourceDeps
  readonly #pending: string[]
  /** How many were in each, by when it began. */
  readonly #toldGaps = new Map<number, number>()
  #hints = 0
  #wake: (() => void) | null = null
  #lastMs: number

  /** @param first what is sent before anything else */
  constructor(deps: SourceDeps, first: readonly string[]) {
    this.#deps = deps
    this.#pending = [...first]
    this.#lastMs = deps.clock.monotonicMs()
  }

  /** The next piece of the stream; null: it has ended. */
  async next(): Promise<string | null> {
    const { signal, engine, subscription, room, lease, give, isOver, clock, fullMs } = this.#deps
    const wake = () => this.#hint()
    using _watch = engine.watch({ queues: [subscription.queue] }, wake)
    signal.addEventListener('abort', wake)
    try {
      while (!signal.aborted) {
        // What is told while anything is asked for here is not slept over.
        const seen = this.#hints
        const piece = this.#pending.shift() ?? (await this.#gaps())
        if (piece !== undefined) return this.#sent(piece)
        if (signal.aborted) return null
        const max = Math.min(MOST, await room())
        const { deliveries, nextReadyInMs } = max > 0 ? await lease(max) : { deliveries: [], nextReadyInMs: null }
        if (deliveries.length > 0) return this.#sent(give(deliveries))
        if (await isOver()) return null
        const lookMs = max > 0 ? LOOK_MS : (fullMs ?? LOOK_MS)
        const quietMs = clock.monotonicMs() - this.#lastMs
        if (quietMs >= HEARTBEAT_MS) return this.#sent(HEARTBEAT)
        if (seen === this.#hints)
          await this.#sleep(Math.max(1, Math.min(lookMs, HEARTBEAT_MS - quietMs, nextReadyInMs ?? Infinity)))
      }
      return null
    } finally {
      signal.removeEventListener('abort', wake)
    }
  }

  #sent(piece: string): string {
    this.#lastMs = this.#deps.clock.monotonicMs()
    return piece
  }

  /** What the subscription has missed for good. A gap that has grown since it was told is told again. */
  async #gaps(): Promise<string | undefined> {
    const { engine, subscription, gapsSince } = this.#deps
    const [stored = null] = await engine.get([subscriptionKey(subscription.topic, subscription.name)])
    if (stored === null) return undefined
    const { gaps } = fromJsonBytes(stored.value) as StoredSubscription
    const news = gaps.filter(({ from, to, count }) => to >= gapsSince && this.#toldGaps.get(from) !== count)
    if (news.length === 0) return undefined
    for (const { from, count } of news) this.#toldGaps.set(from, count)
    return news.map(showGap).join('')
  }

  #hint(): void {
    this.#hints++
    this.#wake?.()
  }

  async #sleep(ms: number): Promise<void> {
    const woken = Promise.withResolvers<void>()
    this.#wake = () => woken.resolve()
    using _timer = this.#deps.clock.timer(ms, () => woken.resolve())
    await woken.promise
    this.#wake = null
  }
}

function showGap({ from, to, count }: StoredSubscription['gaps'][number]): string {
  const time = (ms: number) => new Date(Math.floor(ms)).toISOString()
  return toServerSent({ event: 'gap', data: JSON.stringify({ from: time(from), to: time(to), count }) })
}
