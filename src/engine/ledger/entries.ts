/**
 * What has been decided, one method per effect: the language in which the deciders speak to the state, the log's encoder writes
 * and its decoder reads. Every argument is a decision taken (numbers, places, times), so that replay evaluates no policy, no
 * filter and no clock. A method is called in the order of the decisions and must not throw.
 *
 * Numbers: slots, queues, names, blocks, records, topics and subscriptions are whole numbers below 2^32, from 1; 0 is none. Freed
 * ones are used again. Times are engine time in ms unless the name says wall. Texts are never longer than core allows.
 */
import type { QueueSettings, Retention, StoredSubscription, Subscription } from '../../core/settings.ts'

/** States as numbers, in the columns and in the log. `ARRIVED` is never written: it is a `READY` whose frame is not durable yet. */
export const FREE = 0
export const ARRIVED = 1
export const READY = 2
export const HELD = 3
export const DELAYED = 4
export const LEASED = 5
export const DEAD = 6
export const ACKED = 7
export const EXPIRED = 8
export const CANCELLED = 9
export const DISCARDED = 10

/** Bits of `MessageRow.flags`. */
export const FLAG = {
  /** Somebody asked that the run be cancelled. */
  cancelRequested: 1,
  /** The lease's holder lives in the process that handed it out. */
  processHolder: 2,
  /** `due` is wall time. */
  wallDue: 4,
  /** Its key, if any, is not a line: the queue is a subscription without order. */
  unlined: 8,
  /** It stands in the one line of a strictly ordered queue. */
  strict: 16,
  /** It is at the head of its line: nothing else of the line may be handed out. */
  head: 32,
  /** `expires` is wall time. */
  wallExpires: 64,
} as const

/** A message as its columns. Encoders must copy what they need: the object is used again. */
export interface MessageRow {
  slot: number
  queue: number
  /** The 16 bytes of the id, big-endian words. */
  id0: number
  id1: number
  id2: number
  id3: number
  /** Content: a block of the store (see store.ts). */
  block: number
  /** Size that counts against the queue's limit. */
  bytes: number
  state: number
  flags: number
  priority: number
  /** Order of arrival in its queue. */
  seq: number
  sentAt: number
  /** READY: when it became ready · HELD: its turn in the line, a count. */
  place: number
  /** DELAYED: until when · DEAD and ended: since when. */
  due: number
  /** 0: never. */
  expires: number
  /** Names. */
  key: number
  group: number
  type: number
  /** Of the queue that is told of its end. */
  report: number
  /** Why it is dead or ended. */
  reason: number
  acquired: number
  failed: number
  released: number
  /** Of a report: the block of the message it tells of, whose attributes complete its body when it is read; else 0. */
  about: number
}

export interface RecordRow {
  readonly record: number
  readonly key: string
  /** Raw bytes in the store. */
  readonly block: number
  readonly version: number
  /** Wall time; null: never. */
  readonly expiresAt: number | null
  readonly aliases: readonly string[]
}

export interface QueueRow {
  readonly queue: number
  readonly name: string
  readonly settings: QueueSettings
  /** 0: never configured, so it has no record. */
  readonly version: number
  /** Its subscription has ended: nothing is handed out, what waits is being discarded, and it goes when it is empty. */
  readonly unbound: boolean
}

export interface TopicRow {
  readonly topic: number
  readonly name: string
  readonly retention: Retention | null
  readonly version: number
}

export interface SubscriptionRow {
  readonly number: number
  /** Number of the queue it fills. */
  readonly queue: number
  readonly subscription: Subscription
  readonly version: number
  readonly status: StoredSubscription['status']
  /** It is owed what its topic keeps after this position; 0: nothing. */
  readonly cursor: number
  /** Its last gap is of this suspension and still grows. */
  readonly hasGap: boolean
}

/** An id remembered for a dedupe text: `id` is the text of the first message's id. */
export interface DedupeRow {
  readonly scope: 'queue' | 'topic'
  /** Name of the queue or topic. */
  readonly name: string
  readonly text: string
  readonly id: string
  readonly until: number
}

export interface Entries {
  /** An engine opened. `era` counts openings and is part of every token handed out from here on. */
  opened(era: number, now: number): void

  /** A text (key, group, type, reason, queue to report to) got a number. */
  named(name: number, text: string): void
  /** A queue was created or configured. */
  queueSet(row: QueueRow): void
  /** The queue is empty and gone; its number and its name are free. */
  queueGone(queue: number): void

  /** A message took a slot: sent, routed or restored (then with any state but LEASED and ARRIVED). */
  added(row: MessageRow): void
  /** READY since `place`: it fell due, was promoted to the head of its line, lapsed, was retried, released or redriven. */
  readied(slot: number, place: number): void
  /** HELD: it fell due or was redriven, and its line is busy. */
  held(slot: number, turn: number): void
  /** DELAYED until `due`. Keeps its head of the line, if it has it. */
  delayed(slot: number, due: number, wall: boolean): void
  /** LEASED: acquired + 1. `handout` is the slot's own count, part of the token. The era is the current one. Written, not synced. */
  leased(slot: number, handout: number, until: number, process: boolean): void
  /** The lease stands until then. Written, not synced. */
  extended(slot: number, until: number): void
  /** failed + 1, and the failure (block of raw bytes) is the last of its history. `code` is a name. */
  failed(slot: number, block: number, code: number): void
  /** released + 1 */
  released(slot: number): void
  cancelRequested(slot: number): void
  /** DEAD. `reason` is a name or 0. */
  buried(slot: number, at: number, reason: number): void
  /** Counts start afresh, the history stays. `readied` or `held` follows. */
  redriven(slot: number): void
  /** ACKED, EXPIRED, CANCELLED or DISCARDED: counted in its queue's totals, and its slot free unless `kept`. */
  ended(slot: number, queue: number, state: number, at: number, reason: number, kept: boolean): void
  /** An ended message that was kept is kept no longer: its slot is free. */
  forgotten(slot: number): void

  recordPut(row: RecordRow): void
  recordRemoved(record: number): void

  /** A topic was first named or its retention changed. */
  topicSet(row: TopicRow): void
  topicGone(topic: number): void
  /** An event got the next position of a topic that keeps its events. `type` is a name. */
  retained(topic: number, position: number, at: number, block: number, type: number): void
  /** The topic keeps no event up to and including this position any more. */
  trimmed(topic: number, position: number): void
  /** A subscription was bound, changed, or changed its status or cursor. */
  subscriptionSet(row: SubscriptionRow): void
  /** All its gaps. */
  subscriptionGaps(number: number, gaps: StoredSubscription['gaps']): void
  subscriptionGone(number: number): void

  deduped(row: DedupeRow): void
  /** A Commit's id with its results as JSON, so that a repetition answers the same. */
  remembered(id: string, until: number, results: string): void
}
