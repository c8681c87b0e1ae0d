/** What a decision has at hand: the state, where effects go, and the moment at which it is taken. */
import type { Version } from '../../../core/engine.ts'
import type { Ids } from '../../../core/id.ts'
import type { When } from '../../../core/message.ts'
import { DEFAULT_QUEUE, type QueueSettings } from '../../../core/settings.ts'
import { DueHeap, SparsePlaces } from '../state/due-heap.ts'
import type { Entries } from '../entries.ts'
import type { EngineLimits } from '../limit.ts'
import type { Queue } from '../state/queue.ts'
import type { LedgerState } from '../state/state.ts'
import type { Store } from '../store.ts'

/** The moment of a decision. */
export interface Now {
  /** Engine time, ms since the epoch; never steps. */
  readonly engine: number
  /** Wall time, ms since the epoch; may step. */
  readonly wall: number
}

/** Told of what watchers may want to know, once it is decided. */
export interface Notices {
  key(key: string): void
  topic(topic: string): void
  cancel(queue: string, token: string): void
}

export class Desk {
  readonly state: LedgerState
  /** Changes only when somebody begins or ceases to follow. */
  effects: Entries
  readonly store: Store
  readonly ids: Ids
  readonly limits: EngineLimits
  readonly notices: Notices
  now = 0
  wall = 0
  /** Something was decided, so it is in the open frame, that must be durable before anybody is told. */
  isDirty = false
  /** When each queue must be looked at next, on either clock. */
  readonly queueDuePlaces: SparsePlaces = new SparsePlaces()
  readonly queueDue: DueHeap = new DueHeap(this.queueDuePlaces)
  readonly queueWallPlaces: SparsePlaces = new SparsePlaces()
  readonly queueWallDue: DueHeap = new DueHeap(this.queueWallPlaces)
  /** When each topic that forgets by age has something to forget. */
  readonly topicDuePlaces: SparsePlaces = new SparsePlaces()
  readonly topicDue: DueHeap = new DueHeap(this.topicDuePlaces)
  /** Asks for a sweep soon: something waits for another turn. */
  wake: () => void = () => {}
  /** Subscriptions, by number, that were fed as much as one turn allows, and wait for the next. */
  readonly hungry: Set<number> = new Set()

  constructor(parts: {
    readonly state: LedgerState
    readonly effects: Entries
    readonly store: Store
    readonly ids: Ids
    readonly limits: EngineLimits
    readonly notices: Notices
  }) {
    this.state = parts.state
    this.effects = parts.effects
    this.store = parts.store
    this.ids = parts.ids
    this.limits = parts.limits
    this.notices = parts.notices
  }

  at(now: Now): void {
    this.now = now.engine
    this.wall = now.wall
  }

  /** What is decided next, and there is something, must be durable before anybody is told, and before what it makes ready is handed out. */
  dirty(): void {
    this.isDirty = true
    this.holdBack()
  }

  /** What becomes ready from here on is not handed out before the open frame is durable. */
  holdBack(): void {
    this.state.messages.placing.seatAfter = this.store.frame
  }

  /** The queue of that name, which is created where there is none. */
  queue(name: string, settings: QueueSettings = DEFAULT_QUEUE): Queue {
    const { state } = this
    const known = state.queueByName.get(name)
    if (known !== undefined) return known
    const number = state.queues.next()
    this.isDirty = true
    this.effects.queueSet({ queue: number, name, settings, version: 0, unbound: false })
    const queue = state.queues.get(number)!
    queue.lastUsedAt = this.now
    return queue
  }

  nextVersion(): number {
    return this.state.version + 1
  }

  /** Whether the moment has come. */
  isPast(when: When): boolean {
    return 'at' in when ? when.at <= this.wall : when.afterMs <= 0
  }

  /** The moment on its own clock. */
  momentOf(when: When): number {
    return 'at' in when ? when.at : this.now + when.afterMs
  }
}

export function toVersion(version: number): Version {
  return version.toString(36)
}
