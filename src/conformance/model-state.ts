/** What the oracle keeps: plain lists of plain objects, so that a state can be copied, compared and gone back to. */
import type { ChangeResult, LeaseRequest, QueueDepth, RefusalCode } from '../core/engine.ts'
import type { Message, StoredMessage } from '../core/message.ts'
import type { StoredRecord } from '../core/record.ts'
import type { QueueSettings, Retention, StoredSubscription } from '../core/settings.ts'

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

/** A time on the engine's clock or on the wall's. */
export interface Moment {
  readonly clock: 'nowMs' | 'wallMs'
  readonly at: number
}

export interface ModelQueue {
  name: string
  settings: QueueSettings
  ended: QueueDepth['ended']
}

export interface ModelMessage extends Mutable<StoredMessage> {
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

export interface ModelRecord extends StoredRecord {
  readonly aliases: readonly string[]
}

export interface ModelEvent {
  readonly position: number
  readonly at: number
  readonly message: Message
}

export interface ModelTopic {
  name: string
  retention: Retention
  events: readonly ModelEvent[]
}

export interface ModelSubscription extends Mutable<StoredSubscription> {
  /** Position of the first event it is still owed. */
  cursor: number | null
}

export interface ModelState {
  readonly queues: ModelQueue[]
  readonly messages: ModelMessage[]
  readonly records: ModelRecord[]
  readonly topics: ModelTopic[]
  readonly subscriptions: ModelSubscription[]
  readonly firsts: { readonly scope: string; readonly id: string; readonly until: number }[]
  readonly commits: { readonly id: string; readonly until: number; readonly results: readonly ChangeResult[] }[]
}

/** A refusal names every change that is at fault: an engine may name any one of them. */
export type ModelAnswer =
  | { readonly status: 'committed'; readonly replayed: boolean; readonly results: readonly ChangeResult[] }
  | { readonly status: 'refused'; readonly faults: readonly { readonly code: RefusalCode; readonly at: number }[] }
