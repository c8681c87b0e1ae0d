/** Records put and removed, if they are in the version that was asked for; and the versions of settings, which stand among them. */
import type { ChangeResult, Version } from '../../../core/engine.ts'
import { refuse, quote, type Refusal } from '../../sql/refusal.ts'
import { toVersion, type Desk } from '../desk.ts'
import type { SentChange } from '../wire/request.ts'
import { ALIASES_OF, DELETE_ALIASES, DELETE_RECORD, INSERT_ALIAS, PUT_RECORD, RECORD_VERSION } from '../state/record.ts'

type Expected = Version | null | undefined

export function put(desk: Desk, change: Extract<SentChange, { readonly do: 'put' }>): ChangeResult {
  const { key, value, expiresAt, aliases } = change
  const version = desk.nextVersion()
  const isNew = desk.statements.of(RECORD_VERSION).first(key) === undefined
  if (isNew) desk.numbers.records++
  else dropAliases(desk, key)
  const [offset, length] = value
  desk.run(PUT_RECORD, key, desk.bytes.subarray(offset, offset + length), version, expiresAt ?? null)
  for (const alias of new Set(aliases)) {
    desk.run(INSERT_ALIAS, alias, key)
    desk.notices.key(alias)
  }
  desk.notices.key(key)
  return { version: toVersion(version) }
}

export function remove(desk: Desk, key: string): null {
  if (desk.statements.of(RECORD_VERSION).first(key) === undefined) return null
  dropAliases(desk, key)
  desk.run(DELETE_RECORD, key)
  desk.numbers.records--
  desk.isDirty = true
  desk.notices.key(key)
  return null
}

function dropAliases(desk: Desk, key: string): void {
  const aliases = desk.statements.of(ALIASES_OF).all(key)
  if (aliases.length === 0) return
  desk.run(DELETE_ALIASES, key)
  for (const [alias] of aliases) desk.notices.key(alias as string)
}

export function refusalOfVersion(desk: Desk, key: string, expected: Expected): Refusal | null {
  if (expected === undefined) return null
  const current = currentVersion(desk, key)
  if (current === expected) return null
  const is = current === null ? 'does not exist' : `has version ${quote(current)}`
  return refuse('conflict', `'${key}' ${is}, but ifVersion is ${quote(expected)}`)
}

export function refusalOfNewRecord(desk: Desk, key: string): Refusal | null {
  const { records } = desk.numbers
  if (records < desk.limits.records || desk.statements.of(RECORD_VERSION).first(key) !== undefined) return null
  return refuse('full', `there are ${records} records: the engine holds at most ${desk.limits.records}`)
}

/** What was put into the settings of a queue, topic or subscription is listed among the records. */
export function noteSettings(desk: Desk, key: string, version: number): ChangeResult {
  desk.run(PUT_RECORD, key, null, version, null)
  desk.settingsChanged()
  desk.notices.key(key)
  return { version: toVersion(version) }
}

export function forgetSettings(desk: Desk, key: string): void {
  desk.run(DELETE_RECORD, key)
  desk.settingsChanged()
  desk.notices.key(key)
}

function currentVersion(desk: Desk, key: string): Version | null {
  const row = desk.statements.of(RECORD_VERSION).first(key)
  if (row === undefined) return null
  const [version, expiresAt] = row
  return expiresAt !== null && (expiresAt as number) <= desk.wall ? null : toVersion(version as number)
}
