/**
 * The seam between the ledger, which decides, and what keeps its decisions. The ledger decides synchronously and speaks to
 * `entries` and `blocks` as it goes; the store gathers what it heard in its open frame, closes frames, makes them durable and says
 * so. `memory:` keeps nothing; `file:DIR` is an append-only log. A store never calls the ledger from inside one of these methods.
 */
import type { Durability } from '../../core/engine.ts'
import type { Message } from '../../core/message.ts'
import type { Entries } from './entries.ts'

export interface Store {
  /** For `Capabilities.engine`. */
  readonly engine: string
  /** What a receipt can reach, weakest first; the last is what must be reached before anything is handed out. */
  readonly durability: readonly Durability[]
  /** Where decided effects go: encoded into the open frame at once. null: nowhere. */
  readonly entries: Entries | null
  readonly blocks: Blocks
  /** Number of the open frame, from 1: effects given to `entries` and blocks added now belong to it. Always 0 where nothing is kept. */
  readonly frame: number
  /** All frames up to this one have reached the level. */
  reached(level: Durability): number
  /** Called once, before anything else. */
  attach(listener: StoreListener): void
  /**
   * The open frame must become durable: close and sync it soon, together with whatever else is decided until then. `commits`: how many ask.
   * `isPatient`: who waits goes on with other work meanwhile, so that a few turns of the event loop more do not matter.
   */
  sync(commits?: number, isPatient?: boolean): void
  /** What a caller waits for is being decided: `sync` is likely to come at once. */
  expectSync?(): void
  /**
   * Closes the open frame, if it holds anything, and hands it to the operating system before it returns, without a sync (leases). What
   * `sync` asked for before still holds.
   */
  write(): void
  /** A sentence on why nothing new may be stored just now (the disk is nearly full); null where it may. Settling is always allowed. */
  refusal(): string | null
  /** A decision failed in the middle: nothing that was not written by now may be, and `close` then only lets go. */
  abandon(): void
  /** Makes durable what is open and lets go of everything. Later calls of the listener are not made. */
  close(): Promise<void>
}

export interface StoreListener {
  /** Every frame up to and including this one has reached the level. Called in a turn of its own, frames in order. */
  reached(level: Durability, frame: number): void
  /** The store has stopped for good: nothing that has not been reached will be. */
  failed(error: Error): void
  /** Engine time, for the head of a frame. */
  now(): number
}

/**
 * Content out of the ledger's way: blocks written once, read again, let go. Each is part of the frame in which it was added. The ledger
 * counts references (they are not stored: they follow from the state) and releases a block when the last is gone.
 */
export interface Blocks {
  /** A message's content; nothing of it is copied where that can be avoided. The number is below 2^32, from 1; freed ones are used again. */
  addMessage(message: Message): number
  /** A record's value, or a failure of a message's history. */
  addBytes(bytes: Uint8Array): number
  /**
   * At once where it is at hand, else later. Content that is read while the block is released or moved is still the right one: a read
   * that has begun holds what it reads. What is given out is the receiver's: a view must not pin a large buffer.
   * @throws (or rejects with) PosthornError `corrupt`, naming the place
   */
  readMessage(block: number): Message | Promise<Message>
  readBytes(block: number): Uint8Array | Promise<Uint8Array>
  release(block: number): void
  /** After a replay: releases every block of which `isUsed` says no. */
  keepOnly(isUsed: (block: number) => boolean): void
}

/**
 * What a fuzzy checkpoint needs of the state. A part is a range of slots or a page of a table. A checkpoint writes, one after
 * another and with pauses, every part that `parts` names, each with the number of the last *closed* frame at the moment of its copy: close the
 * open frame before copying. It may be installed when that frame of its last part is durable. To open: `load` every part, then replay
 * every frame after the one that was closed when the checkpoint began, then `finish`. Entries of a frame that a part already holds are
 * skipped for that part.
 */
export interface Checkpointed {
  /** Names of the parts there are now: short ASCII texts. */
  parts(): readonly string[]
  /** The part as bytes; null where it is gone meanwhile. Bounded work: well under a millisecond. */
  copy(part: string): Uint8Array | null
  /** @throws PosthornError `corrupt` where the bytes make no sense */
  load(part: string, frame: number, bytes: Uint8Array): void
  /** The entries given from here on are those of this frame. */
  replay(frame: number): Entries
  /** Lists, heaps, indexes and counts are made from what was read. Call once, before the state is used. */
  finish(): void
}
