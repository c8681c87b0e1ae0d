/** Hands messages out: what may be handed out now, and who got what for a request, so that a repeated one gets the same. */
import type { LeaseRequest, Token } from '../../../core/engine.ts'
import type { QueueSettings } from '../../../core/settings.ts'
import type { Desk } from '../desk.ts'
import type { Row } from '../driver/driver.ts'
import {
  DELAYED,
  EXPIRED,
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
import type { Queue } from '../state/queue.ts'
import { READY_VIEWS, toStored, VIEW_BY_SEQ, type StoredRow } from '../read/view.ts'
import { end } from './ending.ts'
import { hasExpired } from './settle.ts'
import { heldBy, toToken } from './token.ts'

export interface Delivered {
  readonly token: Token
  readonly leaseUntil: number
  readonly stored: StoredRow
}

/** What is handed out, in the order of the wants. */
export function lease(desk: Desk, request: LeaseRequest): Delivered[] {
  const given: Delivered[] = []
  for (const { queue: name, max } of request.wants) {
    const queue = desk.queues.find(name)
    if (queue !== undefined) leaseOf(desk, queue, Math.min(max, desk.limits.leaseBatch - given.length), request, given)
  }
  return given
}

function leaseOf(desk: Desk, queue: Queue, max: number, request: LeaseRequest, given: Delivered[]): void {
  desk.use(queue)
  if (queue.settings.paused || queue.unbound) return
  const until = desk.now + request.leaseMs
  for (let left = Math.floor(max); left > 0 && queue.counts[READY]! > 0;) {
    for (const row of pick(desk, queue, left)) {
      const stored = toStored(desk, queue.name, row)
      // Expiries are swept in bounded steps, so one may be left.
      if (hasExpired(desk, stored)) end(desk, queue, desk.message(stored.seq)!, EXPIRED, 'reported')
      else {
        given.push(hand(desk, queue, stored, until, request.holder === 'process'))
        left--
      }
    }
  }
}

function hand(desk: Desk, queue: Queue, stored: StoredRow, until: number, process: boolean): Delivered {
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

/** Messages to be handed out next, in order. */
function pick(desk: Desk, queue: Queue, most: number): readonly Row[] {
  const { by, agingMs } = queue.settings.pick
  if (by === 'priority' && agingMs === undefined) return desk.statements.of(READY_VIEWS).all(queue.id, most)
  return pickEarliest(desk, queue, most, by === 'priority' ? agingMs! : 0).map((seq) =>
    desk.statements.of(VIEW_BY_SEQ).first(seq)!,
  )
}

/** By place − priority × agingMs, of equals the one that arrived first: a merge of the ten lists. */
function pickEarliest(desk: Desk, queue: Queue, most: number, agingMs: number): number[] {
  const rows: { readonly seq: number; readonly at: number }[] = []
  for (let rank = 0; rank <= 9; rank++) {
    for (const [seq, , place] of desk.statements.of(READY_OF_RANK).all(queue.id, rank, most))
      rows.push({ seq: seq as number, at: (place as number) - (9 - rank) * agingMs })
  }
  rows.sort((one, other) => one.at - other.at || one.seq - other.seq)
  return rows.slice(0, most).map(({ seq }) => seq)
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
  const next = (sql: string, now: number): number => {
    const row = desk.statements.of(sql).first(queue.id)
    return row === undefined ? Infinity : (row[0] as number) - now
  }
  const due = Math.min(next(NEXT_DUE, desk.now), next(NEXT_WALL_DUE, desk.wall))
  // Who expires at the head of a line lets the next one go.
  return queue.counts[HELD] === 0 ? due : Math.min(due, next(NEXT_EXPIRY, desk.now), next(NEXT_WALL_EXPIRY, desk.wall))
}

/** Which messages went to the last requests, and under which hand-out. */
export class LeaseMemory {
  readonly #most: number
  readonly #mostMessages: number
  readonly #requests = new Map<string, readonly Token[]>()
  #held = 0

  constructor(most: number, mostMessages: number = 64 * most) {
    this.#most = most
    this.#mostMessages = mostMessages
  }

  remember(id: string, given: readonly Delivered[]): void {
    if (given.length === 0) return
    this.#requests.set(
      id,
      given.map(({ token }) => token),
    )
    this.#held += given.length
    for (const [oldest, { length }] of this.#requests) {
      if (this.#requests.size <= this.#most && this.#held <= this.#mostMessages) return
      this.#requests.delete(oldest)
      this.#held -= length
    }
  }

  /** What of the request is still leased to it; null where it is not known, or nothing of it stands. */
  recall(desk: Desk, id: string): Delivered[] | null {
    const tokens = this.#requests.get(id)
    if (tokens === undefined) return null
    const standing = tokens.flatMap((token) => {
      const message = heldBy(desk, token)
      if (message === undefined) return []
      const row = desk.statements.of(VIEW_BY_SEQ).first(message.seq)!
      const stored = toStored(desk, desk.queues.get(message.queue)!.name, row)
      return [{ token, leaseUntil: message.due!, stored }]
    })
    if (standing.length > 0) return standing
    this.#requests.delete(id)
    this.#held -= tokens.length
    return null
  }
}
