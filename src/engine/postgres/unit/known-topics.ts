/**
 * The subscriptions of topics, as this process knows them from transactions that have committed: so that publishing reads what has changed since
 * and no more, however many there are. Each change of a subscription is under a number that grows in the order of the schema's lock.
 */
import type { EventAttributes } from '../../../core/message.ts'
import { RoutingIndex } from '../../../core/routing/routing-index.ts'
import type { Bound } from '../row/row.ts'

/** More than so many subscriptions are not kept: the topics that were used longest ago are read anew. */
const MOST = 200_000
/** Of a topic of which nothing is known. */
export const UNKNOWN = -1

/** Nobody changes what is in it, but for who brings it up to date. */
export class KnownSubscriptions {
  revision: number
  readonly #byName = new Map<string, Bound>()
  readonly #index = new RoutingIndex<Bound>()
  readonly #lagging = new Set<Bound>()

  constructor(bounds: readonly Bound[], revision: number) {
    this.revision = revision
    for (const bound of bounds) this.#put(bound)
  }

  get size(): number {
    return this.#byName.size
  }

  get lagging(): Iterable<Bound> {
    return this.#lagging
  }

  find(name: string): Bound | undefined {
    return this.#byName.get(name)
  }

  /** Those that can want the event; their filters have the last word. */
  wanting(event: EventAttributes): readonly Bound[] {
    return this.#index.find(event)
  }

  advance(later: readonly Bound[], revision: number): void {
    if (revision <= this.revision) return
    for (const bound of later) this.#put(bound)
    this.revision = revision
  }

  #put(bound: Bound): void {
    const before = this.#byName.get(bound.name)
    if (before !== undefined) {
      this.#index.delete(before)
      this.#lagging.delete(before)
    }
    this.#byName.set(bound.name, bound)
    this.#index.add(bound, bound.definition)
    if (bound.status !== 'live') this.#lagging.add(bound)
  }
}

/** What a transaction has read of a topic. */
export interface Learnt {
  readonly topic: string
  readonly known: KnownSubscriptions
  /** What has changed since, up to a revision. */
  readonly later: readonly Bound[]
  readonly revision: number
  /** How often all was forgotten before. */
  readonly clears: number
}

export class KnownTopics {
  /** Those that were used last come last. */
  readonly #topics = new Map<string, KnownSubscriptions>()
  #count = 0
  /** How often all of it was forgotten. */
  clears = 0

  find(topic: string): KnownSubscriptions | null {
    return this.#topics.get(topic) ?? null
  }

  /** Only from a transaction that has committed: what was read there may have been its own. */
  learn({ topic, known, later, revision, clears }: Learnt): void {
    // What it went by is forgotten.
    if (clears !== this.clears) return
    const before = this.find(topic)
    if (before !== null && before !== known && before.revision >= revision) return
    this.#forget(topic)
    known.advance(later, revision)
    if (known.size === 0) return
    this.#topics.set(topic, known)
    this.#count += known.size
    for (const oldest of this.#topics.keys()) {
      if (this.#count <= MOST || oldest === topic) return
      this.#forget(oldest)
    }
  }

  /** The database may not be the one any more from which it was learnt. */
  clear(): void {
    this.clears++
    this.#topics.clear()
    this.#count = 0
  }

  #forget(topic: string): void {
    this.#count -= this.find(topic)?.size ?? 0
    this.#topics.delete(topic)
  }
}
