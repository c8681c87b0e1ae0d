/** Records put and removed, and the settings that are read as records. */
import type { Change, ChangeResult, Version } from '../../../core/engine.ts'
import { isRecordKey, isSettingsKey } from '../../../core/record.ts'
import { toJsonBytes } from '../../../core/json.ts'
import type { Record } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { quote } from '../../sql/refusal.ts'
import { refuse } from './refusal.ts'

export const toVersion = (version: number): Version => version.toString(36)

export async function put(work: Work, change: Extract<Change, { readonly do: 'put' }>): Promise<ChangeResult> {
  const { key, value, expiresAt, aliases = [], ifVersion } = change
  const { limits } = work
  for (const text of [key, ...aliases]) checkKey(text, text === key ? 'key' : 'alias')
  if (aliases.length > limits.aliases)
    refuse('invalid', `there are ${aliases.length} aliases: at most ${limits.aliases} are allowed`)
  if (!(value instanceof Uint8Array)) refuse('invalid', `value is ${quote(value)}: it must be bytes`)
  if (value.byteLength > limits.recordBytes)
    refuse('invalid', `the value has ${value.byteLength} bytes: at most ${limits.recordBytes} are allowed`)
  if (expiresAt !== undefined && !Number.isFinite(expiresAt))
    refuse('invalid', `expiresAt is ${quote(expiresAt)}: it must be a time in ms since the epoch`)
  const record = await checked(work, key, ifVersion)
  await work.reserve(1)
  const version = work.serial()
  noticeKeys(work, key, record.aliases)
  const expires = expiresAt === undefined ? null : Math.round(expiresAt)
  work.undo.set(record, { value, version, expires, aliases: [...new Set(aliases)], isThere: true })
  noticeKeys(work, key, aliases)
  return { version: toVersion(version) }
}

export async function remove(work: Work, key: string, ifVersion: Version | undefined): Promise<null> {
  checkKey(key, 'key')
  const record = await checked(work, key, ifVersion)
  if (!record.isThere) return null
  noticeKeys(work, key, record.aliases)
  work.undo.set(record, { isThere: false, aliases: [] })
  return null
}

/** Settings as a record that shows them, under a new version unless it is given. */
export async function putSettings(
  work: Work,
  key: string,
  settings: unknown,
  ifVersion?: Version | null,
): Promise<{ readonly version: Version }> {
  const record = await checked(work, key, ifVersion)
  await work.reserve(1)
  const version = work.serial()
  work.undo.set(record, { value: toJsonBytes(settings), version, isThere: true })
  work.hints.push({ key })
  return { version: toVersion(version) }
}

/** The record, whatever its version must be. @throws Refusal `conflict` */
export async function checked(work: Work, key: string, ifVersion: Version | null | undefined): Promise<Record> {
  const record = await work.record(key)
  if (ifVersion === undefined) return record
  const isThere = record.isThere && (record.expires === null || record.expires > work.wall)
  const current = isThere ? toVersion(record.version) : null
  if (current !== ifVersion) {
    const is = current === null ? 'does not exist' : `has version ${quote(current)}`
    refuse('conflict', `'${key}' ${is}, but ifVersion is ${quote(ifVersion)}`)
  }
  return record
}

function checkKey(key: unknown, field: string): void {
  if (typeof key !== 'string' || !isRecordKey(key) || isSettingsKey(key))
    refuse(
      'invalid',
      `${field} is ${quote(key)}: it must be 1 to 512 printable ASCII characters without spaces, and not begin with queue/, subscription/ or topic/`,
    )
}

function noticeKeys(work: Work, key: string, aliases: readonly string[]): void {
  for (const each of [key, ...aliases]) work.hints.push({ key: each })
}
