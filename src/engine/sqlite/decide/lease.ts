/** Hands messages out: what may be handed out now, and who got what for a request, so that a repeated one gets the same. */
import type { LeaseRequest, Token } from '../../../core/engine.ts'
import type { QueueSettings } from '../../../core/settings.ts'
import type { Desk } from '../desk.ts'
import type { Row } from '../driver/driver.ts'
import {
  DELAYED,
  EXPIRED,
  FIRST_READY,
  HELD,
  LEASED,
  NEXT_DUE,
  NEXT_EXPIRY,
  NEXT_WALL_DUE,
  NEXT_WALL_EXPIRY,
  READY,
  READY_OF_RANK,
  SET_LEASED,
  SET_UNTIL,
} from '../state/message.ts'
import { BUNDLE_SIZE, NEXT_BUNDLE_DUE, seqOf, type Bundle, type Run } from '../state/bundle.ts'
import type { Queue } from '../state/queue.ts'
import { READY_VIEWS, toStored, VIEW_BY_SEQ, viewOf, type StoredRow } from '../read/view.ts'
import { end } from './ending.ts'
import { hasExpired } from './settle.ts'
import { heldBy, toToken } from './token.ts'

/** Ranks are priorities the other way round: 9 comes last. */
const LAST_RANK = 9

export interface DeliveredAlone {
  readonly token: Token
  readonly leaseUntil: number
  readonly stored: StoredRow
}

/** Messages of a bundle, from … to, less those that were gone. */
export interface DeliveredRun {
  readonly bundle: Bundle
  readonly queue: string
  readonly run: Run
  readonly gone: readonly number[]
}

export type Delivered = DeliveredAlone | DeliveredRun

/** What is handed out, in the order of the wants. */
export function lease(desk: Desk, request: LeaseRequest): Delivered[] {
  const given: Delivered[] = []
  let left = desk.limits.leaseBatch
  for (const { queue: name, max } of request.wants) {
    const queue = desk.queues.find(name)
    if (queue !== undefined) left -= leaseOf(desk, queue, Math.min(max, left), request, given)
  }
  return given
}

/** How many were handed out. */
function leaseOf(desk: Desk, queue: Queue, max: number, request: LeaseRequest, given: Delivered[]): number {
  desk.use(queue)
  if (queue.settings.paused || queue.unbound) return 0
  const most = Math.max(0, Math.floor(max))
  let left = most
  const order = new Order(desk, queue)
  const holder: Holder = { until: desk.now + request.leaseMs, process: request.holder === 'process' }
  while (left > 0 && queue.counts[READY]! > 0) {
    const bundle = order.firstBundle()
    const alone = bundle === undefined ? undefined : order.firstAlone()
    left -=
      bundle !== undefined && (alone === undefined || order.isBefore(bundle, bundle.next, alone))
        ? handBundled(desk, queue, bundle, order.endBefore(bundle, alone, left), holder, given)
        : handAlone(desk, queue, order, bundle, left, holder, given)
  }
  return most - left
}

interface Holder {
  readonly until: number
  readonly process: boolean
}

/** Messages with rows of their own, as far as they come before the bundle's. How many were handed out. */
function handAlone(
  desk: Desk,
  queue: Queue,
  order: Order,
  bundle: Bundle | undefined,
  most: number,
  { until, process }: Holder,
  given: Delivered[],
): number {
  const before = given.length
  for (const row of order.pick(most)) {
    if (
      bundle !== undefined &&
      order.isBefore(bundle, bundle.next, { rank: row[19], place: row[3], seq: row[0] } as Standpoint)
    )
      break
    const stored = toStored(desk, queue.name, row)
    // Expiries are swept in bounded steps, so one may be left.
    if (hasExpired(desk, stored)) end(desk, queue, desk.message(stored.seq)!, EXPIRED, 'reported')
    else given.push(hand(desk, queue, stored, until, process))
  }
  return given.length - before
}

/** Those of a bundle from its next one up to `to`. How many there were. */
function handBundled(desk: Desk, queue: Queue, bundle: Bundle, to: number, holder: Holder, given: Delivered[]): number {
  const from = bundle.next
  const run: Run = { ...holder, from, to, owner: desk.owner, handout: desk.handout + 1 }
  desk.handout += to - from
  desk.bundles.change(bundle).hand(run)
  const gone: number[] = []
  let bytes = 0
  for (let at = from; at < to; at++) {
    if (bundle.isGone(at)) gone.push(at)
    else bytes += bundle.content.bodySizeOf(at)
  }
  const count = to - from - gone.length
  desk.queues.change(queue).leave(READY, bytes, count)
  queue.enter(LEASED, bytes, count)
  given.push({ bundle, queue: queue.name, run, gone })
  desk.lowerDue(queue, run.until)
  desk.isDirty = true
  return count
}

function hand(desk: Desk, queue: Queue, stored: StoredRow, until: number, process: boolean): DeliveredAlone {
  const handout = ++desk.handout
  desk.run(SET_LEASED, until, desk.owner, handout, process ? 1 : 0, stored.seq)
  desk.queues.change(queue).leave(READY, stored.size)
  queue.enter(LEASED, stored.size)
  desk.lowerDue(queue, until)
  desk.isDirty = true
  stored.state = LEASED
  stored.acquired++
  stored.leaseUntil = until
  return { token: toToken(desk.owner, stored.seq, handout), leaseUntil: until, stored }
}

/** Where a message stands among those that are ready. */
interface Standpoint {
  readonly rank: number
  readonly place: number
  readonly seq: number
}

const standpointOf = (bundle: Bundle): Standpoint => ({
  rank: bundle.rank,
  place: bundle.place,
  seq: seqOf(bundle, bundle.next),
})

/** In which order a queue hands out: by rank, place and arrival, or by place − priority × agingMs. */
class Order {
  readonly #desk: Desk
  readonly #queue: Queue
  /** null: strictly by priority. */
  readonly #agingMs: number | null

  constructor(desk: Desk, queue: Queue) {
    this.#desk = desk
    this.#queue = queue
    const { by, agingMs } = queue.settings.pick
    this.#agingMs = by === 'priority' ? (agingMs ?? null) : 0
  }

  isBefore(bundle: Bundle, at: number, { rank, place, seq }: Standpoint): boolean {
    const own = seqOf(bundle, at)
    if (this.#agingMs === null) return (bundle.rank - rank || bundle.place - place || own - seq) < 0
    return (this.#at(bundle) - this.#at({ rank, place }) || own - seq) < 0
  }

  /** Where in the bundle a message with a row of its own comes first, or so many have been found. */
  endBefore(bundle: Bundle, alone: Standpoint | undefined, most: number): number {
    let at = bundle.next
    for (let left = most; at < bundle.size; at++) {
      if (bundle.isGone(at)) continue
      if (left-- === 0 || (alone !== undefined && !this.isBefore(bundle, at, alone))) break
    }
    return at
  }

  firstBundle(): Bundle | undefined {
    const { bundles } = this.#desk
    const first = bundles.firstReady(this.#queue.id)
    if (first === undefined || this.#agingMs === null) return first
    let best = first
    for (let rank = first.rank + 1; rank <= LAST_RANK; rank++) {
      const bundle = bundles.firstReady(this.#queue.id, rank)
      if (bundle !== undefined && this.isBefore(bundle, bundle.next, standpointOf(best))) best = bundle
    }
    return best
  }

  firstAlone(): Standpoint | undefined {
    const row =
      this.#agingMs === null ? this.#desk.statements.of(FIRST_READY).first(this.#queue.id) : this.#earliest(1)[0]
    return row && { rank: row[0] as number, place: row[1] as number, seq: row[2] as number }
  }

  /** Messages with rows of their own that are to be handed out next. */
  pick(most: number): readonly Row[] {
    const { statements } = this.#desk
    return this.#agingMs === null
      ? statements.of(READY_VIEWS).all(this.#queue.id, most)
      : this.#earliest(most).map(([, , seq]) => statements.of(VIEW_BY_SEQ).first(seq!)!)
  }

  /** A merge of the ten lists. */
  #earliest(most: number): readonly Row[] {
    const { statements } = this.#desk
    const rows: Row[] = []
    for (let rank = 0; rank <= LAST_RANK; rank++)
      rows.push(...statements.of(READY_OF_RANK).all(this.#queue.id, rank, most))
    const standpoints = rows.map(([rank, place, seq]) => ({ rank, place, seq }) as Standpoint)
    standpoints.sort((one, other) => this.#at(one) - this.#at(other) || one.seq - other.seq)
    return standpoints.slice(0, most).map(({ rank, place, seq }) => [rank, place, seq])
  }

  #at({ rank, place }: Omit<Standpoint, 'seq'>): number {
    return place - (LAST_RANK - rank) * this.#agingMs!
  }
}

export function extend(desk: Desk, token: Token, leaseMs: number): 'kept' | 'stale' | 'cancel' {
  const message = typeof token === 'string' ? heldBy(desk, token) : undefined
  if (message === undefined) return 'stale'
  const until = desk.now + leaseMs
  desk.isDirty = true
  desk.run(SET_UNTIL, until, message.seq)
  desk.lowerDue(desk.queues.get(message.queue)!, until)
  return message.cancel ? 'cancel' : 'kept'
}

/** For `LeaseResult.nextReadyInMs`. */
export function nextReadyInMs(desk: Desk, wants: LeaseRequest['wants']): number | null {
  let inMs = Infinity
  for (const { queue: name } of wants) {
    const queue = desk.queues.find(name)
    if (queue !== undefined && !isResting(queue, queue.settings)) inMs = Math.min(inMs, readyInMs(desk, queue))
  }
  return inMs === Infinity ? null : Math.max(0, inMs)
}

/** Nothing of it can become ready by time alone. */
function isResting({ counts, unbound }: Queue, { paused }: QueueSettings): boolean {
  const waiting = counts[DELAYED]! + counts[LEASED]! + counts[HELD]!
  return paused || unbound || waiting === 0
}

function readyInMs(desk: Desk, queue: Queue): number {
  desk.bundles.flush()
  const next = (sql: string, now: number): number => {
    const row = desk.statements.of(sql).first(queue.id)
    return row === undefined ? Infinity : (row[0] as number) - now
  }
  const due = Math.min(next(NEXT_DUE, desk.now), next(NEXT_BUNDLE_DUE, desk.now), next(NEXT_WALL_DUE, desk.wall))
  // Who expires at the head of a line lets the next one go.
  return queue.counts[HELD] === 0 ? due : Math.min(due, next(NEXT_EXPIRY, desk.now), next(NEXT_WALL_EXPIRY, desk.wall))
}

/** What one request was given: a message, or messages of a bundle. */
type Hold = Token | { readonly n: number; readonly run: Run }

const countOf = (holds: readonly Hold[]): number =>
  holds.reduce((count, hold) => count + (typeof hold === 'string' ? 1 : hold.run.to - hold.run.from), 0)

function tokensOf(hold: Hold): Token[] {
  if (typeof hold === 'string') return [hold]
  const { n, run } = hold
  return Array.from({ length: run.to - run.from }, (_, at) =>
    toToken(run.owner, n * BUNDLE_SIZE + run.from + at, run.handout + at),
  )
}

/** Which messages went to the last requests, and under which hand-out. */
export class LeaseMemory {
  readonly #most: number
  readonly #mostMessages: number
  readonly #requests = new Map<string, readonly Hold[]>()
  #held = 0

  constructor(most: number, mostMessages: number = 64 * most) {
    this.#most = most
    this.#mostMessages = mostMessages
  }

  remember(id: string, given: readonly Delivered[]): void {
    if (given.length === 0) return
    const holds = given.map((each): Hold => ('run' in each ? { n: each.bundle.n, run: each.run } : each.token))
    this.#requests.set(id, holds)
    this.#held += countOf(holds)
    for (const [oldest, held] of this.#requests) {
      if (this.#requests.size <= this.#most && this.#held <= this.#mostMessages) return
      this.#requests.delete(oldest)
      this.#held -= countOf(held)
    }
  }

  /** What of the request is still leased to it; null where it is not known, or nothing of it stands. */
  recall(desk: Desk, id: string): Delivered[] | null {
    const holds = this.#requests.get(id)
    if (holds === undefined) return null
    const standing = holds.flatMap(tokensOf).flatMap((token) => {
      const message = heldBy(desk, token)
      if (message === undefined) return []
      const stored = viewOf(desk, desk.queues.get(message.queue)!.name, message.seq)
      return [{ token, leaseUntil: message.due!, stored }]
    })
    if (standing.length > 0) return standing
    this.#requests.delete(id)
    this.#held -= countOf(holds)
    return null
  }
}
