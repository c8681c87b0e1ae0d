/** Records put and removed. Versions and aliases have been checked. */
import type { Change, ChangeResult } from '../../../core/engine.ts'
import { toVersion, type Desk } from './desk.ts'

const NO_ALIASES: readonly string[] = []

export function put(desk: Desk, change: Extract<Change, { readonly do: 'put' }>): ChangeResult {
  const { records } = desk.state
  const version = desk.nextVersion()
  const record = records.find(change.key)?.record ?? records.rows.next()
  const aliases = change.aliases === undefined ? NO_ALIASES : [...new Set(change.aliases)]
  desk.effects.recordPut({
    record,
    key: change.key,
    block: desk.store.blocks.addBytes(change.value),
    version,
    expiresAt: change.expiresAt ?? null,
    aliases,
  })
  desk.isDirty = true
  noticeRecord(desk, change.key, aliases)
  return { version: toVersion(version) }
}

export function remove(desk: Desk, key: string): null {
  const row = desk.state.records.find(key)
  if (row === undefined) return null
  desk.effects.recordRemoved(row.record)
  desk.isDirty = true
  noticeRecord(desk, key, row.aliases)
  return null
}

export function noticeRecord(desk: Desk, key: string, aliases: readonly string[]): void {
  desk.notices.key(key)
  for (const alias of aliases) desk.notices.key(alias)
}
