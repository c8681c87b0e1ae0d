/** Pages of messages, and the depths of queues: reads that look at many things, each with bounded work. */
import type { BrowseQuery, QueueDepth } from '../../../core/engine.ts'
import { PosthornError } from '../../../core/error.ts'
import { quote } from '../../sql/refusal.ts'
import { attributesOf } from '../content.ts'
import type { Desk } from '../desk.ts'
import type { Row } from '../driver/driver.ts'
import {
  ACKED,
  CANCELLED,
  DEAD,
  DELAYED,
  DISCARDED,
  EXPIRED,
  HELD,
  LEASED,
  OLDEST_OF_RANK,
  READY,
  STATE_NAMES,
} from '../state/message.ts'
import { ALL_QUEUES, type Queue } from '../state/queue.ts'
import { contentOf, toStored, VIEW_BY_SEQ, type StoredRow } from './view.ts'

/** Messages looked at for one page. */
const STEPS = 5_000
const LONGEST_PAGE = 1_000
/** Bodies of one page together, as long as it has one. */
const PAGE_BYTES = 32 * 1_048_576
/** What a page's `next` looks like where it is a number. */
const NUMBER = /^\d{1,16}$/

const LAST_STEP =
  'select max(seq), count(*) from (select seq from message where queue = ? and seq > ? order by seq limit ?)'
const OF_STATE =
  'select seq, reason, bytes, sent_at, history from message indexed by message_arrival where queue = ? and seq > ? and seq <= ? and state = ? order by seq'
const ERRORS_OF = 'select code from failure where seq = ?'
export interface StoredPage<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

/** @throws PosthornError `invalid` for what is no `next` of a page */
export function browse(desk: Desk, query: BrowseQuery): StoredPage<StoredRow> {
  if (query.after !== null && !NUMBER.test(query.after))
    throw new PosthornError('invalid', `after is ${quote(query.after)}: it must be the next of a page`)
  const queue = desk.queues.find(query.queue)
  const state = STATE_NAMES.indexOf(query.state, 1)
  if (queue === undefined || !hasAny(queue, state)) return { items: [], next: null }
  const after = Number(query.after ?? 0)
  const [last, looked] = desk.statements.of(LAST_STEP).first(queue.id, after, STEPS) as readonly [number | null, number]
  if (last === null) return { items: [], next: null }
  const limit = clamp(query.limit)
  const items: StoredRow[] = []
  let bytes = 0
  for (const row of desk.statements.of(OF_STATE).all(queue.id, after, last, state)) {
    if (!matches(desk, row, query.match)) continue
    bytes += row[2] as number
    const isFull = items.length === limit || (bytes > PAGE_BYTES && items.length > 0)
    if (isFull) return { items, next: String(items.at(-1)!.seq) }
    items.push(toStored(desk, queue.name, desk.statements.of(VIEW_BY_SEQ).first(row[0]!)!))
  }
  return { items, next: looked < STEPS ? null : String(last) }
}

function hasAny({ counts }: Queue, state: number): boolean {
  return state >= READY && counts[Math.min(state, ACKED)]! > 0
}

function matches(desk: Desk, row: Row, match: BrowseQuery['match']): boolean {
  if (match === undefined) return true
  const [seq, reason, , sentAt, history] = row
  const { type, group, key, error, before, since } = match
  if (before !== undefined && !((sentAt as number) < before)) return false
  if (since !== undefined && !((sentAt as number) >= since)) return false
  if (type !== undefined || group !== undefined || key !== undefined) {
    const message = attributesOf(contentOf(desk, seq as number))
    if (type !== undefined && message.event.type !== type) return false
    if (group !== undefined && message.group !== group) return false
    if (key !== undefined && message.key !== key) return false
  }
  if (error === undefined || reason === error) return true
  return (
    history !== 0 &&
    desk.statements
      .of(ERRORS_OF)
      .all(seq!)
      .some(([code]) => code === error)
  )
}

export function depths(desk: Desk, names: readonly string[] | 'all'): QueueDepth[] {
  if (names !== 'all') {
    return names.flatMap((name) => {
      const queue = desk.queues.find(name)
      return queue === undefined ? [] : [depthOf(desk, queue)]
    })
  }
  // What this fold has changed is in memory.
  return desk.statements
    .of(ALL_QUEUES)
    .all()
    .map((row) => depthOf(desk, desk.queues.find(row[1] as string)!))
}

function depthOf(desk: Desk, queue: Queue): QueueDepth {
  const { counts, totals, settings, bytes, name } = queue
  return {
    queue: name,
    arrived: 0,
    ready: counts[READY]!,
    held: counts[HELD]!,
    delayed: counts[DELAYED]!,
    leased: counts[LEASED]!,
    dead: counts[DEAD]!,
    bytes,
    oldestReadyAt: counts[READY] === 0 ? null : oldestReadyAt(desk, queue),
    paused: settings.paused,
    ended: {
      acked: totals[ACKED]!,
      expired: totals[EXPIRED]!,
      cancelled: totals[CANCELLED]!,
      discarded: totals[DISCARDED]!,
    },
  }
}

function oldestReadyAt(desk: Desk, queue: Queue): number | null {
  let oldest = Infinity
  for (let rank = 0; rank <= 9; rank++) {
    const row = desk.statements.of(OLDEST_OF_RANK).first(queue.id, rank)
    if (row !== undefined) oldest = Math.min(oldest, row[0] as number)
  }
  return oldest === Infinity ? null : oldest
}

export function clamp(limit: number): number {
  return Math.min(Math.max(1, Math.floor(limit) || 1), LONGEST_PAGE)
}
