/** What is stored, as a unit of work has it in hand: the same columns, under the words of the contract. */
import type { EventAttributes, State, StoredFailure } from '../../../core/message.ts'
import type { QueueSettings, Retention, StoredSubscription, Subscription } from '../../../core/settings.ts'

/** The order is part of the schema: below `DEAD` a message lives, from there on it is in the table `past`. */
export const STATES: readonly State[] = [
  'ready',
  'leased',
  'arrived',
  'held',
  'delayed',
  'dead',
  'acked',
  'expired',
  'cancelled',
  'discarded',
]
export const READY = 0
export const LEASED = 1
export const HELD = 3
export const DELAYED = 4
export const DEAD = 5
export const ACKED = 6
export const EXPIRED = 7
export const CANCELLED = 8
export const DISCARDED = 9

export const isWaiting = (state: number): boolean => state < DEAD && state !== LEASED
/** Where a message with this state is stored. */
export const tableOf = (state: number): 'message' | 'past' => (state < DEAD ? 'message' : 'past')

export interface Tally {
  living: number
  bytes: number
  acked: number
  expired: number
  cancelled: number
  discarded: number
}

/** How many dead and how many ended messages are kept. */
export interface Kept {
  dead: number
  ended: number
}

export interface Queue {
  readonly number: number
  readonly name: string
  settings: QueueSettings
  isUnbound: boolean
  lineBy: Subscription['order']
  isLagging: boolean
  usedAt: number
  houseAt: number | null
  /** Not in the database yet. */
  readonly isNew: boolean
  isGone: boolean
  isDirty: boolean
  /** What this unit of work adds to the counts. */
  tally: Tally
  /** What the database counted, once it was asked. */
  counted: Tally | null
  /** What this unit of work adds to what is kept, and what was there, once that was asked. */
  keeps: Kept
  kept: Kept | null
  /** Something was kept, or how much may be has changed. */
  isFuller: boolean
}

export interface Row {
  readonly queue: Queue
  readonly id: string
  /** The table that has it now; null: it is new. */
  readonly origin: 'message' | 'past' | null
  isGone: boolean
  isDirty: boolean
  readonly seq: number
  state: number
  readonly rank: number
  /** When it became ready. */
  place: number | null
  /** Behind whom it waits: a key, '' for all of the queue; null: nobody. */
  readonly line: string | null
  /** Its place there, from when it is first due until it ends. */
  lineSeq: number | null
  lease: number | null
  holder: number | null
  until: number | null
  due: number | null
  isWallDue: boolean
  readonly expires: number | null
  readonly isWallExpires: boolean
  acquired: number
  failed: number
  released: number
  isCancelled: boolean
  readonly sentAt: number
  endedAt: number | null
  turn: number | null
  reason: string | null
  failures: readonly StoredFailure[]
  readonly size: number
  readonly report: string | null
  /** The message without its body, as JSON. */
  readonly attrs: string
  /** Only of what is new: of the others it stays in the database. */
  readonly body: Uint8Array | null
  /** Of what is new: its body, where others have the same. */
  readonly shared: Shared | null
}

/** A body that several messages of an event have, and the topic that keeps it: stored once, under a number of its own. */
export interface Shared {
  readonly n: number
  readonly body: Uint8Array
  readonly isStored: boolean
}

export interface Record {
  readonly key: string
  version: number
  expires: number | null
  value: Uint8Array
  aliases: readonly string[]
  isThere: boolean
  /** Whether the database has one of this key. */
  readonly isStored: boolean
  isDirty: boolean
}

export interface Event {
  readonly position: number
  readonly at: number
  readonly attrs: string
  readonly body: Uint8Array
  readonly shared: Shared | null
}

export interface Topic {
  readonly name: string
  /** null: it keeps nothing. */
  retention: Retention | null
  events: number
  houseAt: number | null
  readonly isStored: boolean
  isDirty: boolean
  /** Kept by this unit of work. */
  fresh: readonly Event[]
  /** Positions up to here are forgotten. */
  forgotten: number
  readonly subscriptions: Subscriptions
}

/** A topic's subscriptions: those in hand can be changed. */
export interface Subscriptions {
  find(name: string): Bound | null
  /** Those that want the event, oldest first. */
  wanting(event: EventAttributes): readonly Bound[]
  /** Those that do not follow live, oldest first. */
  lagging(): readonly Bound[]
  changed(): readonly Bound[]
  /** Changes one of them so that it can be taken back. */
  change(bound: Bound, patch: Partial<Bound>): void
  add(bound: Bound): void
  remove(bound: Bound): void
}

/** A subscription. */
export interface Bound {
  readonly topic: string
  readonly name: string
  readonly number: number
  version: number
  definition: Subscription
  status: StoredSubscription['status']
  cursor: number | null
  hasGap: boolean
  gaps: StoredSubscription['gaps']
  readonly isStored: boolean
  isGone: boolean
  isDirty: boolean
}

/** PostgreSQL's texts hold no NUL; what people choose may. */
export const toColumn = (text: string): string =>
  /[\\\0]/.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('\0', '\\0') : text
export const fromColumn = (text: string): string =>
  text.includes('\\') ? text.replace(/\\(.)/g, (_, mark: string) => (mark === '0' ? '\0' : mark)) : text

/** A commit of a user's transaction that was refused after that had committed. */
export interface RefusedArrival {
  /** Of its row of `arrival`, which it keeps. */
  readonly n: number
  readonly reason: string
}
