/** Pages of messages, retained events and records, and the depths of queues. */
import type { BrowseQuery, Page, QueueDepth, RetainedEvent } from '../../../core/engine.ts'
import { PosthornError } from '../../../core/error.ts'
import { isUuid } from '../../../core/id.ts'
import type { MessageRef, StoredMessage } from '../../../core/message.ts'
import { isQueueName } from '../../../core/name.ts'
import { isRecordKey, type StoredRecord } from '../../../core/record.ts'
import type { QueueSettings, ReadFrom } from '../../../core/settings.ts'
import { toVersion } from '../decide/record.ts'
import { isReadFrom } from '../../sql/check.ts'
import { quote } from '../../sql/refusal.ts'
import { toMessage } from '../decide/retained.ts'
import type { ColumnName, Columns } from '../connection/driver.ts'
import { DEAD, STATES, toColumn } from './row.ts'
import type { Session } from '../session/session.ts'
import { toStored } from './view.ts'

const LONGEST_PAGE = 1_000
const PAGE_BYTES = 32 * 1_048_576
const NUMBER = /^\d{1,16}$/
/** As JSON says them: a character that no text of a database can have, and halves of one. An even number of backslashes before it are texts' own. */
const INCOMPARABLE = String.raw`(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})`
const STAND_IN = '\u{fffd}'
/** Above every character of a key. */
const AFTER_ALL = '\x7f'

export class Reads {
  readonly #session: Session

  constructor(session: Session) {
    this.#session = session
  }

  async find(refs: readonly MessageRef[]): Promise<readonly (StoredMessage | null)[]> {
    const sound = refs.filter(({ queue, id }) => isQueueName(queue) && isUuid(id))
    const columns = [sound.map(({ queue }) => queue), sound.map(({ id }) => id)]
    const answers = await this.#session.looking((query) =>
      Promise.all([query('find-messages', columns), query('find-past', columns)]),
    )
    const found = new Map(
      answers.flatMap(({ rows }) => rows.map((row) => [`${row.name as string} ${row.id as string}`, row])),
    )
    return refs.map(({ queue, id }) => {
      const row = found.get(`${queue} ${id}`)
      return row === undefined ? null : toStored(row, queue)
    })
  }

  async browse({ queue: name, state, after, limit, match = {} }: BrowseQuery): Promise<Page<StoredMessage>> {
    if (after !== null && !NUMBER.test(after))
      throw new PosthornError('invalid', `after is ${quote(after)}: it must be the next of a page`)
    const code = STATES.indexOf(state)
    if (!isQueueName(name) || code === -1) return { items: [], next: null }
    const { type, group, key, before, since, error } = match
    const most = clamp(limit)
    const { rows } = await this.#session.looking(async (query) => {
      const { rows: queues } = await query('load-queues', [[name], []])
      if (queues.length === 0) return { rows: [] }
      return query(code < DEAD ? 'browse-messages' : 'browse-past', [
        queues[0]!.queue,
        code,
        after === null ? -1 : Number(after),
        most + 1,
        type ?? null,
        group === undefined ? null : toComparable(group),
        key === undefined ? null : toComparable(key),
        before ?? null,
        since ?? null,
        error === undefined ? null : toColumn(error),
        INCOMPARABLE,
        `\\1${STAND_IN}`,
        error === undefined ? null : toComparable(error),
      ])
    })
    let bytes = 0
    const fits = (row: Columns, at: number): boolean => at === 0 || (bytes += row.size as number) <= PAGE_BYTES
    const shown = rows.slice(0, most).filter(fits)
    const isMore = rows.length > shown.length
    const isSame = ({ message }: StoredMessage): boolean =>
      (group === undefined || message.group === group) && (key === undefined || message.key === key)
    return {
      items: shown.map((row) => toStored(row, name)).filter(isSame),
      next: isMore ? String(shown.at(-1)!.seq) : null,
    }
  }

  async depth(queues: readonly string[] | 'all'): Promise<readonly QueueDepth[]> {
    const names = queues === 'all' ? null : queues.filter((name) => isQueueName(name))
    const { rows } = await this.#session.looking((query) => query('depths', [names]))
    const depths = rows.map(toDepth)
    if (queues === 'all') return depths
    return queues.flatMap((name) => depths.find(({ queue }) => queue === name) ?? [])
  }

  async get(keys: readonly string[]): Promise<readonly (StoredRecord | null)[]> {
    const { rows } = await this.#session.seeing(async (query) => {
      const { wall } = await this.#session.now(query)
      return query('get-records', [keys.filter((key) => isRecordKey(key)), wall])
    })
    const found = new Map(rows.map((row) => [row.text as string, toRecord(row)]))
    return keys.map((key) => found.get(key) ?? null)
  }

  async list(query: {
    readonly prefix: string
    readonly after: string | null
    readonly limit: number
  }): Promise<Page<StoredRecord>> {
    const { prefix, after } = query
    const limit = clamp(query.limit)
    if (prefix !== '' && !isRecordKey(prefix)) return { items: [], next: null }
    const [text = '', aliasOf = ''] = (after ?? '').split(' ')
    if (after !== null && !(isRecordKey(text) && (aliasOf === '' || isRecordKey(aliasOf))))
      throw new PosthornError('invalid', `after is ${quote(after)}: it must be the next of a page or a key`)
    const { rows } = await this.#session.seeing(async (ask) => {
      const { wall } = await this.#session.now(ask)
      return ask('list-records', [prefix, prefix + AFTER_ALL, text, aliasOf, limit + 1, wall])
    })
    const shown = rows.slice(0, limit)
    const last = shown.at(-1)
    return {
      items: shown.map(toRecord),
      next: rows.length > limit ? `${last!.text as string} ${last!.alias_of as string}`.trimEnd() : null,
    }
  }

  async read({
    topic,
    from,
    limit,
  }: {
    readonly topic: string
    readonly from: ReadFrom
    readonly limit: number
  }): Promise<Page<RetainedEvent>> {
    if (!isReadFrom(from))
      throw new PosthornError(
        'invalid',
        `from is ${quote(from)}: it must be 'now', 'beginning', { at } or { position }`,
      )
    const most = clamp(limit)
    const rows = await this.#session.looking(async (query) => {
      const topics = await query('load-topics', [[topic]])
      if (topics.rows.length === 0) return null
      if (from === 'now') return []
      const after = typeof from === 'object' && 'position' in from ? Number(from.position) : 0
      const since = typeof from === 'object' && 'at' in from ? Math.ceil(from.at) : null
      return (await query('read-events', [topic, after, since, most + 1])).rows
    })
    if (rows === null) throw new PosthornError('unsupported', `topic '${topic}' keeps no events: retain it first`)
    const items = rows.slice(0, most).map((row) => {
      const message = toMessage(row as unknown as { readonly attrs: string; readonly body: Uint8Array })
      return { position: String(row.position), message }
    })
    return { items, next: rows.length > most ? items.at(-1)!.position : null }
  }
}

function toDepth(row: Columns): QueueDepth {
  const number = (name: ColumnName): number => row[name] as number
  return {
    queue: row.name as string,
    arrived: number('arrived'),
    ready: number('ready'),
    held: number('held'),
    delayed: number('delayed'),
    leased: number('leased'),
    dead: number('dead'),
    bytes: number('bytes'),
    oldestReadyAt: row.oldest as number | null,
    paused: (JSON.parse(row.settings as string) as QueueSettings).paused,
    ended: {
      acked: number('acked'),
      expired: number('expired'),
      cancelled: number('cancelled'),
      discarded: number('discarded'),
    },
  }
}

function toRecord(row: Columns): StoredRecord {
  return {
    key: row.key as string,
    value: row.value as Uint8Array,
    version: toVersion(row.version as number),
    expiresAt: row.expires as number | null,
  }
}

function clamp(limit: number): number {
  return Math.min(Math.max(1, Math.floor(limit) || 1), LONGEST_PAGE)
}

const toComparable = (text: string): string => text.replaceAll('\0', STAND_IN).toWellFormed()
