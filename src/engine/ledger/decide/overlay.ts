/**
 * What the changes of a Commit that were checked so far will have changed, so that the next is checked against it although nothing is
 * applied yet: whether a Commit is refused must be known before the first of its changes is decided.
 */
import type { QueueSettings } from '../../../core/settings.ts'

/** A version that is not known before the Commit is applied: no text equals it. */
export const PENDING: unique symbol = Symbol('pending')

export class Overlay {
  /** Slots settled. */
  readonly settled: Set<number> = new Set()
  /** Versions of records and settings; null: there is none. */
  readonly versions: Map<string, string | null | typeof PENDING> = new Map()
  readonly settings: Map<string, QueueSettings> = new Map()
  /** Topics that will keep their events, or not. */
  readonly retains: Map<string, boolean> = new Map()
  /** By queue: how many more messages and bytes it will have. */
  readonly growth: Map<string, { messages: number; bytes: number }> = new Map()
  /** Ids and dedupe texts sent, each with its queue, and the size of what was sent. */
  readonly sent: Map<string, number> = new Map()
  /** Of these ids, those that will have ended and are kept. */
  readonly ended: Set<string> = new Set()
  /** Slots that will have left or joined what counts against the limit. */
  readonly left: Set<number> = new Set()
  readonly joined: Set<number> = new Set()

  grow(queue: string, messages: number, bytes: number): void {
    const growth = this.growth.get(queue)
    if (growth === undefined) this.growth.set(queue, { messages, bytes })
    else {
      growth.messages += messages
      growth.bytes += bytes
    }
  }
}
