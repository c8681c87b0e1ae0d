/** Records by key, by alias and in order, and settings as the records that show them. */
import { toJsonBytes } from '../../../core/json.ts'
import type { StoredRecord } from '../../../core/record.ts'
import { isSettingsKey } from '../../../core/record.ts'
import { toVersion, type Desk } from '../desk.ts'
import { ALIASES_AFTER, ALIASES_FROM, RECORD, RECORD_OF_ALIAS, RECORDS_AFTER, RECORDS_FROM } from '../state/record.ts'
import { clamp, type StoredPage } from './browse.ts'

/** null where there is none. An alias finds its record. */
export function getRecord(desk: Desk, key: string): StoredRecord | null {
  if (typeof key !== 'string') return null
  const own = desk.statements.of(RECORD).first(key)
  if (own !== undefined) return readRecord(desk, key)
  const target = desk.statements.of(RECORD_OF_ALIAS).first(key)
  return target === undefined ? null : readRecord(desk, target[0] as string)
}

/** In bytewise order of keys and of aliases with their key behind a space, which is below every character of a key. */
export function listRecords(
  desk: Desk,
  { prefix, after, limit }: { readonly prefix: string; readonly after: string | null; readonly limit: number },
): StoredPage<StoredRecord> {
  const most = clamp(limit)
  const items: StoredRecord[] = []
  let next: string | null = null
  for (const { text, key } of textsFrom(desk, prefix, after, most + 1)) {
    if (!text.startsWith(prefix)) break
    if (items.length === most) return { items, next }
    const record = readRecord(desk, key)
    if (record !== null) items.push(record)
    next = text
  }
  return { items, next: items.length < most && next !== null && isMore(desk, prefix, next) ? next : null }
}

interface Text {
  readonly text: string
  readonly key: string
}

function textsFrom(desk: Desk, prefix: string, after: string | null, limit: number): Text[] {
  const { statements } = desk
  const isStart = after === null || after < prefix
  const keys = statements.of(isStart ? RECORDS_FROM : RECORDS_AFTER).all(isStart ? prefix : after, limit)
  const texts = keys.map(([key]): Text => ({ text: key as string, key: key as string }))
  for (const [alias, key] of aliasesFrom(desk, isStart ? null : after, prefix, limit))
    texts.push({ text: `${alias} ${key}`, key })
  return texts.sort((one, other) => (one.text < other.text ? -1 : 1)).slice(0, limit)
}

function aliasesFrom(desk: Desk, after: string | null, prefix: string, limit: number): (readonly [string, string])[] {
  const { statements } = desk
  const at = after?.indexOf(' ') ?? -1
  const rows =
    after === null || at === -1
      ? statements.of(ALIASES_FROM).all(after ?? prefix, limit)
      : statements.of(ALIASES_AFTER).all(after.slice(0, at), after.slice(at + 1), limit)
  return rows as unknown as (readonly [string, string])[]
}

/** Whether anything follows: records that are over are left out, so a page may be short. */
function isMore(desk: Desk, prefix: string, after: string): boolean {
  return textsFrom(desk, prefix, after, 1).some(({ text }) => text.startsWith(prefix))
}

function readRecord(desk: Desk, key: string): StoredRecord | null {
  const row = desk.statements.of(RECORD).first(key)
  if (row === undefined) return null
  const [, value, version, expiresAt] = row
  if (expiresAt !== null && (expiresAt as number) <= desk.wall) return null
  return {
    key,
    value: isSettingsKey(key) ? settingsOf(desk, key) : (value as Uint8Array),
    version: toVersion(version as number),
    expiresAt: expiresAt as number | null,
  }
}

function settingsOf(desk: Desk, key: string): Uint8Array {
  const [kind, first = '', second = ''] = key.split('/')
  if (kind === 'queue') return toJsonBytes(desk.queues.find(first)?.settings ?? null)
  if (kind === 'topic') return toJsonBytes(desk.topics.find(first)?.retention ?? null)
  return toJsonBytes(desk.topics.subscription(first, second)?.stored() ?? null)
}
