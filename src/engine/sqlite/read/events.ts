/** Retained events of a topic, in order of position. */
import { PosthornError } from '../../../core/error.ts'
import type { ReadFrom } from '../../../core/settings.ts'
import { isReadFrom } from '../../sql/check.ts'
import { quote } from '../../sql/refusal.ts'
import type { Content } from '../wire/content.ts'
import type { Desk } from '../desk.ts'
import { EVENT_CONTENT, FIRST_SINCE, type Topic } from '../state/topic.ts'
import { clamp, type StoredPage } from './browse.ts'

const EVENTS = `select position, split, ${EVENT_CONTENT} from retained where topic = ? and position > ? order by position limit ?`
const PAGE_BYTES = 32 * 1_048_576

export interface EventRow extends Content {
  readonly position: string
}

/** @throws PosthornError `unsupported` for a topic that keeps nothing */
export function readEvents(desk: Desk, topicName: string, from: ReadFrom, limit: number): StoredPage<EventRow> {
  const topic = desk.topics.find(topicName)
  if (topic === undefined || topic.retention === null)
    throw new PosthornError('unsupported', `topic '${topicName}' keeps no events: retain it first`)
  if (!isReadFrom(from))
    throw new PosthornError('invalid', `from is ${quote(from)}: it must be 'now', 'beginning', { at } or { position }`)
  const after = startOf(desk, topic, from)
  if (after === null) return { items: [], next: null }
  const most = clamp(limit)
  const rows = desk.statements.of(EVENTS).all(topic.id, after, most + 1)
  const items: EventRow[] = []
  let bytes = 0
  for (const [position, split, content] of rows) {
    bytes += (content as Uint8Array).byteLength
    if (items.length === most || (bytes > PAGE_BYTES && items.length > 0))
      return { items, next: items.at(-1)!.position }
    items.push({ position: String(position), split: split as number, bytes: content as Uint8Array })
  }
  return { items, next: null }
}

/** The position after which it begins; null: with what is published next. */
function startOf(desk: Desk, topic: Topic, from: ReadFrom): number | null {
  if (from === 'now') return null
  if (from === 'beginning') return 0
  if ('position' in from) return Number(from.position)
  const first = desk.statements.of(FIRST_SINCE).first(topic.id, from.at)
  return first === undefined ? null : (first[0] as number) - 1
}
