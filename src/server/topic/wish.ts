/** What a subscription wants, as clients write and read it. */
import type { Veil } from '../../app/index.ts'
import { compileFilters, compileTypes, type Filter } from '../../core/filter.ts'
import { isRfc3339 } from '../../core/cloud-event/attribute.ts'
import { DEFAULT_QUEUE, type QueueSettings, type ReadFrom, type Subscription } from '../../core/settings.ts'
import { DEFAULT_RETRY } from '../../delivery/retry.ts'
import { readRetry, showRetry, type HttpRetry } from '../queue/settings.ts'
import { Fields, invalid } from '../request/field.ts'
import { toTime } from '../message/show.ts'
import { readFrom, revealFrom } from './topic.ts'

export interface Wish extends Pick<Subscription, 'types' | 'filters' | 'from' | 'order'> {
  /** What may wait in its queue. */
  readonly backlog: QueueSettings['limit']
  /** What a client's `retry` means. */
  readonly retry: HttpRetry
}

export const DEFAULT_WISH: Wish = {
  types: [],
  filters: [],
  from: 'now',
  order: 'key',
  backlog: DEFAULT_QUEUE.limit,
  retry: DEFAULT_RETRY,
}

const WRITABLE = ['topic', 'types', 'filters', 'from', 'order', 'retry', 'backlog']
/** Shown beside what it wants, and ignored in a write. */
const READ_ONLY = ['name', 'queue', 'status', 'gaps', 'lag', 'dead', 'waitingSince', 'idle']
const MOST = 1_000
const COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER }

/** @throws PosthornError `invalid` */
export function readTopicName(value: unknown): string {
  const topic = new Fields(value, [...WRITABLE, ...READ_ONLY]).text('topic', null)
  if (topic === null) throw invalid('topic', undefined, 'the name of a topic')
  return topic
}

/**
 * What a write makes of `base`: what is stored for a patch, the defaults for a replacement. null is the default.
 * @throws PosthornError `invalid`, `invalid-duration`, `duration-without-unit`
 */
export function readWish(value: unknown, topic: string, name: string, base: Wish, veil: Veil): Wish {
  const fields = new Fields(value, [...WRITABLE, ...READ_ONLY])
  if (fields.has('topic') && fields.raw('topic') !== topic)
    throw invalid('topic', fields.raw('topic'), `'${topic}': subscription '${name}' is of that topic for good`)
  const orDefault = <T>(field: keyof Wish, read: () => T): T | Wish[typeof field] =>
    fields.raw(field) === null ? DEFAULT_WISH[field] : fields.has(field) ? read() : base[field]
  return {
    types: orDefault('types', () => readTypes(fields)) as Wish['types'],
    filters: orDefault('filters', () => readFilters(fields)) as Wish['filters'],
    from: orDefault('from', () => readBeginning(veil, fields.raw('from'))) as Wish['from'],
    order: orDefault('order', () => fields.oneOf('order', ['none', 'key', 'strict'], 'key')) as Wish['order'],
    backlog: orDefault('backlog', () => readBacklog(fields, base.backlog)) as Wish['backlog'],
    retry: readRetry(fields, base.retry),
  }
}

export function showWish({ types, filters, from, order, backlog, retry }: Wish, veil: Veil): Record<string, unknown> {
  return {
    types,
    filters,
    from: typeof from === 'string' ? from : 'at' in from ? toTime(from.at) : veil.hide('position', from.position),
    order,
    backlog,
    retry: showRetry(retry),
  }
}

function readTypes(fields: Fields): readonly string[] {
  const types = fields.list('types', MOST)
  for (const type of types) if (typeof type !== 'string') throw invalid('types', type, "patterns like 'order.*'")
  compileTypes(types as readonly string[])
  return types as readonly string[]
}

function readFilters(fields: Fields): readonly Filter[] {
  const filters = fields.list('filters', MOST) as readonly Filter[]
  compileFilters(filters)
  return filters
}

function readBeginning(veil: Veil, given: unknown): ReadFrom {
  const value = typeof given === 'string' ? revealFrom(veil, given) : given
  if (value === 'now') return 'now'
  if (typeof value === 'string' && (value === 'beginning' || /^\d{1,16}$/.test(value) || isRfc3339(value)))
    return readFrom(value)
  throw invalid('from', value, "'now', 'beginning', a time in RFC 3339 or a position")
}

function readBacklog(parent: Fields, base: Wish['backlog']): Wish['backlog'] {
  const fields = new Fields(parent.raw('backlog'), ['messages', 'bytes'], 'backlog')
  const read = (field: 'messages' | 'bytes') =>
    fields.raw(field) === null ? null : fields.whole(field, COUNT, base[field])
  return { messages: read('messages'), bytes: read('bytes') }
}
