/** Pages of messages, and the depths of queues: reads that look at many things, each with bounded work. */
import type { BrowseQuery, QueueDepth } from '../../../core/engine.ts'
import { PosthornError } from '../../../core/error.ts'
import { quote } from '../../sql/refusal.ts'
import { attributesOf } from '../wire/content.ts'
import type { Desk } from '../desk.ts'
import { BUNDLE_SIZE, BUNDLES_FROM, seqOf, type Bundle } from '../state/bundle.ts'
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
import { contentOf, viewOf, type StoredRow } from './view.ts'

/** Messages looked at for one page. */
const STEPS = 5_000
const BUNDLES_OF_STEP = 20
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
  const { last, found } = look(desk, queue, state, after)
  const limit = clamp(query.limit)
  const items: StoredRow[] = []
  let bytes = 0
  let reached: number | null = null
  for (const one of found) {
    if (!matches(desk, one, query.match)) continue
    bytes += one.bytes
    const isFull = items.length === limit || (bytes > PAGE_BYTES && items.length > 0)
    if (isFull) return { items, next: String(reached) }
    items.push(viewOf(desk, queue.name, one.seq))
    reached = one.seq
  }
  return { items, next: last === null ? null : String(last) }
}

/** What a match is made against, besides the content. */
interface Found {
  readonly seq: number
  readonly reason: string | null
  readonly bytes: number
  readonly sentAt: number
  readonly history: number
}

/** One step's messages in that state, in order of arrival; and the last that was looked at, where there are more behind it. */
function look(
  desk: Desk,
  queue: Queue,
  state: number,
  after: number,
): { readonly last: number | null; readonly found: readonly Found[] } {
  const { statements, bundles } = desk
  const [lastAlone, looked] = statements.of(LAST_STEP).first(queue.id, after, STEPS) as readonly [number | null, number]
  const some = bundles.all(BUNDLES_FROM, queue.id, Math.floor((after + 1) / BUNDLE_SIZE), BUNDLES_OF_STEP)
  const lastBundled = some.length < BUNDLES_OF_STEP ? Infinity : seqOf(some.at(-1)!, BUNDLE_SIZE - 1)
  const last = Math.min(looked < STEPS ? Infinity : lastAlone!, lastBundled)
  const until = Math.min(last, Number.MAX_SAFE_INTEGER)
  const alone = statements.of(OF_STATE).all(queue.id, after, until, state)
  const found = alone.map(([seq, reason, bytes, sentAt, history]) => ({ seq, reason, bytes, sentAt, history }) as Found)
  if (state === READY || state === LEASED)
    for (const bundle of some) found.push(...bundledOf(bundles.load(bundle), state, after, until))
  return { last: last === Infinity ? null : last, found: found.sort((one, other) => one.seq - other.seq) }
}

function bundledOf(bundle: Bundle, state: number, after: number, until: number): Found[] {
  const found: Found[] = []
  for (let at = 0; at < bundle.size; at++) {
    const seq = seqOf(bundle, at)
    if (seq <= after || seq > until || bundle.isGone(at) || at < bundle.next !== (state === LEASED)) continue
    found.push({ seq, reason: null, bytes: bundle.content.bodySizeOf(at), sentAt: bundle.place, history: 0 })
  }
  return found
}

function hasAny({ counts }: Queue, state: number): boolean {
  return state >= READY && counts[Math.min(state, ACKED)]! > 0
}

function matches(desk: Desk, { seq, reason, sentAt, history }: Found, match: BrowseQuery['match']): boolean {
  if (match === undefined) return true
  const { type, group, key, error, before, since } = match
  if (before !== undefined && !(sentAt < before)) return false
  if (since !== undefined && !(sentAt >= since)) return false
  if (type !== undefined || group !== undefined || key !== undefined) {
    const message = attributesOf(contentOf(desk, seq))
    if (type !== undefined && message.event.type !== type) return false
    if (group !== undefined && message.group !== group) return false
    if (key !== undefined && message.key !== key) return false
  }
  if (error === undefined || reason === error) return true
  return (
    history !== 0 &&
    desk.statements
      .of(ERRORS_OF)
      .all(seq)
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
  const isBundled = desk.bundles.firstReady(queue.id) !== undefined
  for (let rank = 0; rank <= 9; rank++) {
    const row = desk.statements.of(OLDEST_OF_RANK).first(queue.id, rank)
    if (row !== undefined) oldest = Math.min(oldest, row[0] as number)
    const bundle = isBundled ? desk.bundles.firstReady(queue.id, rank) : undefined
    if (bundle !== undefined) oldest = Math.min(oldest, bundle.place)
  }
  return oldest === Infinity ? null : oldest
}

export function clamp(limit: number): number {
  return Math.min(Math.max(1, Math.floor(limit) || 1), LONGEST_PAGE)
}
