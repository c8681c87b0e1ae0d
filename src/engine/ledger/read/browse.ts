/** Pages of messages, retained events and records, and the depths of queues: reads that look at many things, each with bounded work. */
import type { BrowseQuery, Page, QueueDepth, RetainedEvent } from '../../../core/engine.ts'
import { PosthornError } from '../../../core/error.ts'
import type { StoredMessage } from '../../../core/message.ts'
import type { StoredRecord } from '../../../core/record.ts'
import { isSettingsKey } from '../../../core/record.ts'
import type { ReadFrom } from '../../../core/settings.ts'
import { isReadFrom } from '../decide/check-settings.ts'
import { toVersion, type Desk } from '../decide/desk.ts'
import { quote } from '../decide/refusal.ts'
import {
  ACKED,
  ARRIVED,
  CANCELLED,
  DEAD,
  DELAYED,
  DISCARDED,
  EXPIRED,
  HELD,
  LEASED,
  READY,
  type RecordRow,
} from '../entries.ts'
import type { Queue } from '../state/queue.ts'
import type { RetainedItem } from '../state/retained-log.ts'
import { settingsRecord } from './settings-record.ts'
import { CHUNK_MASK, type Chunk } from '../state/slots.ts'
import { STATE_NAMES, nameOwner, rescue, viewOrMark } from './view.ts'

/** Messages looked at for one page. */
const STEPS = 5_000
const LONGEST_PAGE = 1_000
/** Bodies of one page together, as long as it has one: a thousand of the largest would be more than a process can hold. */
const PAGE_BYTES = 32 * 1_048_576
/** What a page's `next` looks like where it is a number. */
const NUMBER = /^\d{1,16}$/

export type Later<T> = T | Promise<T>

/** A page of which some items may come later. */
export interface LaterPage<T> {
  readonly items: readonly Later<T>[]
  readonly next: string | null
}

const NOTHING: LaterPage<never> = { items: [], next: null }

/** @throws PosthornError `invalid` for what is no `next` of a page */
export function browse(desk: Desk, query: BrowseQuery): LaterPage<StoredMessage> {
  if (query.after !== null && !NUMBER.test(query.after))
    throw new PosthornError('invalid', `after is ${quote(query.after)}: it must be the next of a page`)
  const queue = desk.state.queueByName.get(query.queue)
  const state = STATE_NAMES.indexOf(query.state, 1)
  if (queue === undefined || queue.counts[state] === 0) return NOTHING
  const limit = clamp(query.limit)
  const items: Later<StoredMessage>[] = []
  let slot = query.after === null ? queue.arrivals.head : queue.arrivals.after(Number(query.after))
  let next: string | null = null
  let bytes = 0
  for (let left = STEPS; slot !== 0 && left > 0 && items.length < limit; left--) {
    const chunk = desk.state.messages.slots.of(slot)
    if (chunk.state[slot & CHUNK_MASK] === state && matches(desk, chunk, slot & CHUNK_MASK, query.match)) {
      bytes += chunk.bytes[slot & CHUNK_MASK]!
      if (bytes > PAGE_BYTES && items.length > 0) break
      items.push(viewOrMark(desk, slot))
    }
    next = String(chunk.seq[slot & CHUNK_MASK])
    slot = queue.arrivals.later(slot)
  }
  return { items, next: slot === 0 ? null : next }
}

function matches(desk: Desk, chunk: Chunk, row: number, match: BrowseQuery['match']): boolean {
  if (match === undefined) return true
  const { names } = desk.state
  const { type, group, key, error, before, since } = match
  if (type !== undefined && names.text(chunk.type[row]!) !== type) return false
  if (group !== undefined && names.text(chunk.group[row]!) !== group) return false
  if (key !== undefined && names.text(chunk.key[row]!) !== key) return false
  if (before !== undefined && !(chunk.sentAt[row]! < before)) return false
  if (since !== undefined && !(chunk.sentAt[row]! >= since)) return false
  if (error === undefined) return true
  return (
    names.text(chunk.reason?.get(row) ?? 0) === error ||
    (chunk.history?.get(row)?.some(({ code }) => names.text(code) === error) ?? false)
  )
}

export function depthOf(queue: Queue): QueueDepth {
  const { counts, totals } = queue
  return {
    queue: queue.name,
    arrived: counts[ARRIVED]!,
    ready: counts[READY]!,
    held: counts[HELD]!,
    delayed: counts[DELAYED]!,
    leased: counts[LEASED]!,
    dead: counts[DEAD]!,
    bytes: queue.bytes,
    oldestReadyAt: queue.ready.oldestAt(),
    paused: queue.settings.paused,
    ended: {
      acked: totals[ACKED]!,
      expired: totals[EXPIRED]!,
      cancelled: totals[CANCELLED]!,
      discarded: totals[DISCARDED]!,
    },
  }
}

/** @throws PosthornError `unsupported` for a topic that keeps nothing */
export function readEvents(desk: Desk, topicName: string, from: ReadFrom, limit: number): LaterPage<RetainedEvent> {
  const log = desk.state.topicByName.get(topicName)?.log
  if (log === undefined || log === null)
    throw new PosthornError('unsupported', `topic '${topicName}' keeps no events: retain it first`)
  if (!isReadFrom(from))
    throw new PosthornError('invalid', `from is ${quote(from)}: it must be 'now', 'beginning', { at } or { position }`)
  const items: Later<RetainedEvent>[] = []
  let next: string | null = null
  for (const item of eventsFrom(log, from)) {
    if (items.length === clamp(limit)) return { items, next }
    const position = String(item.position)
    const message = rescue(
      () => desk.store.blocks.readMessage(item.block),
      (error) => {
        throw nameOwner(error, `event ${position} of topic ${topicName}`, { topic: topicName, position })
      },
    )
    items.push(
      message instanceof Promise ? message.then((content) => ({ position, message: content })) : { position, message },
    )
    next = position
  }
  return { items, next: null }
}

function eventsFrom(
  log: {
    after(position: number): Iterable<RetainedItem>
    since(at: number): Iterable<RetainedItem>
    lastPosition: number
  },
  from: ReadFrom,
): Iterable<RetainedItem> {
  if (from === 'beginning') return log.after(0)
  if (from === 'now') return []
  return 'at' in from ? log.since(from.at) : log.after(Number(from.position))
}

/** null where there is none. An alias finds its record. */
export function getRecord(desk: Desk, key: string): Later<StoredRecord | null> {
  const { records } = desk.state
  if (isSettingsKey(key)) return settingsRecord(desk.state, key)
  const own = records.find(key)
  if (own !== undefined) return recordView(desk, own)
  const target = records.keyOf(key)
  const row = target === undefined ? undefined : records.find(target)
  return row === undefined ? null : recordView(desk, row)
}

export function listRecords(
  desk: Desk,
  query: { readonly prefix: string; readonly after: string | null; readonly limit: number },
): LaterPage<StoredRecord> {
  const { prefix, after } = query
  const items: Later<StoredRecord>[] = []
  let next: string | null = null
  // The least text that is greater than another is that text with a zero behind it.
  const start = after === null || after < prefix ? prefix : `${after}\0`
  for (const { text, key } of desk.state.records.from(start)) {
    if (!text.startsWith(prefix)) break
    if (items.length === clamp(query.limit)) return { items, next }
    const row = desk.state.records.find(key)
    const record = row === undefined ? settingsRecord(desk.state, key) : recordView(desk, row)
    if (record !== null) items.push(record as Later<StoredRecord>)
    next = text
  }
  return { items, next: null }
}

function recordView(desk: Desk, row: RecordRow): Later<StoredRecord | null> {
  const { key, expiresAt, block } = row
  if (expiresAt !== null && expiresAt <= desk.wall) return null
  const version = toVersion(row.version)
  const value = rescue(
    () => desk.store.blocks.readBytes(block),
    (error) => {
      throw nameOwner(error, `record ${key}`, { key })
    },
  )
  return value instanceof Promise
    ? value.then((bytes) => ({ key, value: bytes, version, expiresAt }))
    : { key, value, version, expiresAt }
}

export function settlePage<T>(page: LaterPage<T>): Later<Page<T>> {
  if (!page.items.some((item) => item instanceof Promise)) return page as Page<T>
  return Promise.all(page.items).then((items) => ({ items, next: page.next }))
}

function clamp(limit: number): number {
  return Math.min(Math.max(1, Math.floor(limit) || 1), LONGEST_PAGE)
}
