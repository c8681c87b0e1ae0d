/** What this process believes of queues, as far as plain sends and settlings need it. Each statement that builds on it looks whether it is still so. */
import type { Clock } from '../../../core/clock.ts'
import type { Queue } from '../row/row.ts'

/** A queue is far from its limit where that is as large as this and half of it is free. */
const LARGE_LIMIT = 100_000
/** So much of what is free is sent, and for so long, before the queue is looked at again: as many processes may do so at once, and the limit holds. */
const SHARES = 64
const KNOWN_MS = 1_000
/** Where something did not go the short way, it is not tried again for so long. */
const AVOIDED_MS = 1_000

export interface KnownQueue {
  readonly number: number
  readonly name: string
  readonly settings: string
  readonly lineBy: string
  /** Plain sends that fit, whoever else sends; 0: none at all. */
  left: number
  /** On the process's own clock. */
  leftUntil: number
  /** An ack ends a message and nothing else. */
  isForgetful: boolean
  /** It hands out, by priority and nothing else. */
  isPlain: boolean
  avoidedUntil: number
}

export class KnownQueues {
  readonly #clock: Clock
  readonly #byName = new Map<string, KnownQueue>()
  readonly #byNumber = new Map<number, KnownQueue>()
  /** How often all of it was forgotten. */
  clears = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes note of queues as they were just read. */
  learn(queues: Iterable<Queue>): void {
    const now = this.#clock.monotonicMs()
    for (const queue of queues) {
      const { number, name, settings, lineBy, isGone, isUnbound, isLagging } = queue
      const known = this.#byNumber.get(number)
      if (isGone || isUnbound || settings.idleExpiryMs !== null) {
        if (known !== undefined) this.forget(known)
        continue
      }
      const { acked, endedMs, endedCount } = settings.keep
      const text = JSON.stringify(settings)
      const room = roomOf(queue)
      // What was counted before says nothing under other settings.
      const before = room === null && known?.settings === text ? known : null
      const fresh: KnownQueue = {
        number,
        name,
        settings: text,
        lineBy,
        left: room ?? before?.left ?? 0,
        leftUntil: settings.limit.messages === null ? Infinity : (before?.leftUntil ?? now + KNOWN_MS),
        isForgetful: !isLagging && (!acked || endedMs === 0 || endedCount === 0),
        isPlain: !settings.paused && settings.pick.by === 'priority' && settings.pick.agingMs === undefined,
        avoidedUntil: known?.avoidedUntil ?? 0,
      }
      // What was read before and what is read from now on may come into one fold: it is one queue there.
      const isSame = known?.settings === text && known.lineBy === lineBy && known.name === name
      const kept = isSame ? Object.assign(known, fresh) : fresh
      this.#byName.set(name, kept)
      this.#byNumber.set(number, kept)
    }
  }

  /** The queue, where so many plain messages can be sent to it; they are counted. */
  take(name: string, count: number): KnownQueue | null {
    const known = this.#byName.get(name)
    if (known === undefined || known.left < count || known.leftUntil < this.#clock.monotonicMs()) return null
    known.left -= count
    return known
  }

  /** The queue, where what it hands out can be taken the short way. */
  handingOut(name: string): KnownQueue | null {
    const known = this.#byName.get(name)
    return known !== undefined && known.isPlain ? known : null
  }

  /** The queue, where acks of its messages can go the short way. */
  forgetful(number: number): KnownQueue | null {
    const known = this.#byNumber.get(number)
    const isPlain = known !== undefined && known.isForgetful && known.avoidedUntil <= this.#clock.monotonicMs()
    return isPlain ? known : null
  }

  avoid(queue: KnownQueue): void {
    const known = this.#byNumber.get(queue.number)
    if (known !== undefined) known.avoidedUntil = this.#clock.monotonicMs() + AVOIDED_MS
  }

  /** The database may not be the one any more from which it was learnt: a number may be another queue's. Who goes by what he took before looks at `clears`. */
  clear(): void {
    this.clears++
    this.#byName.clear()
    this.#byNumber.clear()
  }

  forget({ name, number }: KnownQueue): void {
    this.#byName.delete(name)
    this.#byNumber.delete(number)
  }
}

/** How many more may be sent before somebody counts again; null: nobody has counted now. */
function roomOf({ lineBy, settings, counted, tally }: Queue): number | null {
  const { messages, bytes } = settings.limit
  if (lineBy === 'strict' || bytes !== null) return 0
  if (messages === null) return Infinity
  if (counted === null) return null
  const living = counted.living + tally.living
  return messages < LARGE_LIMIT || living * 2 >= messages ? 0 : Math.floor((messages - living) / SHARES)
}
