/** What the oracle keeps: plain lists of plain objects, so that a state can be copied, compared and gone back to. */
import type { ChangeResult, LeaseRequest, QueueDepth, RefusalCode } from '../core/engine.ts'
import type * as core from '../core/message.ts'
import type { StoredRecord } from '../core/record.ts'
import type { QueueSettings, Retention, StoredSubscription } from '../core/settings.ts'

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

/** A time on the engine's clock or on the wall's. */
export interface Moment {
  readonly clock: 'nowMs' | 'wallMs'
  readonly at: number
}

export interface Queue {
  name: string
  settings: QueueSettings
  ended: QueueDepth['ended']
  /** Its subscription was unbound: what is still handed out is discarded when it comes back. */
  isClosed: boolean
  /** Since it was closed once, what it says of ended messages is the engine's choice. */
  wasClosed: boolean
}

export interface Message extends Mutable<core.StoredMessage> {
  /** Order of the sends. */
  arrival: number
  /** Order of the last change of state. */
  turn: number
  /** Place behind its key, from when it is first due until it ends. */
  line: number | null
  due: Moment | null
  expires: Moment | null
  token: string | null
  holder: LeaseRequest['holder']
}

export interface Record extends StoredRecord {
  readonly aliases: readonly string[]
}

export interface Event {
  readonly position: number
  readonly at: number
  readonly message: core.Message
}

export interface Topic {
  name: string
  retention: Retention
  events: readonly Event[]
}

export interface Subscription extends Mutable<StoredSubscription> {
  /** Position of the first event it is still owed. */
  cursor: number | null
  /** Whether what it misses now belongs to the last of its gaps. */
  hasGap: boolean
}

export interface State {
  readonly queues: Queue[]
  readonly messages: Message[]
  readonly records: Record[]
  readonly topics: Topic[]
  readonly subscriptions: Subscription[]
  readonly firsts: { readonly scope: string; readonly id: string; readonly until: number }[]
  readonly commits: { readonly id: string; readonly until: number; readonly results: readonly ChangeResult[] }[]
}

/** A refusal names every change that is at fault: an engine may name any one of them. */
export type Answer =
  | { readonly status: 'committed'; readonly replayed: boolean; readonly results: readonly ChangeResult[] }
  | { readonly status: 'refused'; readonly faults: readonly { readonly code: RefusalCode; readonly at: number }[] }
