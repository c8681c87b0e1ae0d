/**
 * All that an engine keeps, as pieces that any other engine can take in: how a copy from engine to engine is made. It stands beside the
 * `Engine`, not in it: while a copy is made nobody works with what is copied into, and time decides nothing there.
 */
import type { ChangeResult } from './engine.ts'
import type { Message, State, StoredFailure } from './message.ts'
import type { QueueSettings, Retention, StoredSubscription, Subscription } from './settings.ts'

/**
 * In this order: the head, each queue followed by its messages in order of arrival, topics each followed by their events, records,
 * dedupe texts, commits, subscriptions. Names in bytewise order. Times are engine time in ms unless the name says wall. Versions and positions are
 * numbers, the same on every engine.
 */
export type Piece =
  | HeadPiece
  | QueuePiece
  | MessagePiece
  | TopicPiece
  | EventPiece
  | RecordPiece
  | DedupePiece
  | CommitPiece
  | SubscriptionPiece

export interface HeadPiece {
  readonly is: 'head'
  /** Engine time as of which this is. */
  readonly now: number
  /** No version, position or token was ever given with a number above this. */
  readonly highest: number
}

export interface QueuePiece {
  readonly is: 'queue'
  readonly name: string
  readonly settings: QueueSettings
  /** 0: never configured. */
  readonly version: number
  /** Its subscription has ended: nothing is handed out, and it goes when it is empty. */
  readonly unbound: boolean
}

export interface MessagePiece {
  readonly is: 'message'
  readonly queue: string
  readonly message: Message
  /** Never `arrived`. */
  readonly state: Exclude<State, 'arrived'>
  readonly sentAt: number
  /** ready, leased: when it became ready · delayed: until when, on the wall's clock where `wallDue` · others: null. */
  readonly readyAt: number | null
  readonly wallDue: boolean
  readonly leaseUntil: number | null
  readonly endedAt: number | null
  /** key: it stands in line behind its key · strict: behind all of its queue · null: behind nobody. */
  readonly line: 'key' | 'strict' | null
  /** Its place in its line, 0: at the head; null: it stands in none, or not yet. */
  readonly rank: number | null
  readonly acquired: number
  readonly failed: number
  readonly released: number
  readonly failures: readonly StoredFailure[]
  readonly cancelRequested: boolean
  readonly reason: string | null
}

export interface TopicPiece {
  readonly is: 'topic'
  readonly name: string
  readonly retention: Retention | null
  readonly version: number
}

export interface EventPiece {
  readonly is: 'event'
  readonly topic: string
  readonly position: number
  readonly at: number
  readonly message: Message
}

export interface RecordPiece {
  readonly is: 'record'
  readonly key: string
  readonly value: Uint8Array
  readonly version: number
  /** Wall time; null: never. */
  readonly expiresAt: number | null
  /** In bytewise order. */
  readonly aliases: readonly string[]
}

export interface DedupePiece {
  readonly is: 'dedupe'
  readonly scope: 'queue' | 'topic'
  readonly name: string
  readonly text: string
  readonly id: string
  readonly until: number
}

/** A commit's id with its results, so that a repetition is answered the same. */
export interface CommitPiece {
  readonly is: 'commit'
  readonly id: string
  readonly until: number
  readonly results: readonly ChangeResult[]
}

export interface SubscriptionPiece {
  readonly is: 'subscription'
  readonly subscription: Subscription
  readonly version: number
  readonly status: StoredSubscription['status']
  /** It is owed what its topic keeps after this position; 0: nothing. */
  readonly cursor: number
  /** Its last gap is of this suspension and still grows. */
  readonly hasGap: boolean
  readonly gaps: StoredSubscription['gaps']
}

/** Opened for a copy: nobody else works with the storage through this, and time decides nothing. */
export interface Transfer {
  /** Engine time now. */
  now(): number | Promise<number>
  /** Whether there is nothing at all. */
  isEmpty(): boolean | Promise<boolean>
  /** The record's value as it is stored; null where there is none. */
  peek(key: string): Uint8Array | null | Promise<Uint8Array | null>
  /**
   * Everything as of one moment. What is remembered for a while is left out where its time is over at `at`.
   * @throws PosthornError `conflict` where it was changed meanwhile and this engine cannot show one moment all the same
   */
  pieces(at: number): AsyncIterable<Piece>
  /**
   * All of them or none, durable when it resolves. A record replaces that of its key, everything else must not be there yet; a leased message
   * stands leased until its time, under a token that nobody has.
   */
  takeIn(pieces: readonly Piece[]): Promise<void>
  /** The record is no more. */
  drop(key: string): Promise<void>
  /** Ends it; what was opened is let go of. Idempotent. */
  close(): Promise<void>
}

/** Where a copy that is not finished says how far it is. */
export const COPY_KEY = 'system/copy'

const NUMBERS_OF_ERA = 2 ** 32
const ERAS_OF_LINE = 2 ** 20
const LINES = 2 ** 12

/**
 * For engines that number their openings: a number of which versions and positions begin above `highest`, and in a line of its own, drawn by
 * `random`, so that no token of what was copied is one of the copy.
 */
export function eraOfCopy(era: number, highest: number, random: number): number {
  const line = Math.floor(era / ERAS_OF_LINE)
  const other = (line + 1 + Math.floor(random * (LINES - 1))) % LINES
  const step = Math.max(era % ERAS_OF_LINE, Math.floor(highest / NUMBERS_OF_ERA) + 1)
  return other * ERAS_OF_LINE + Math.min(step, ERAS_OF_LINE - 1)
}
