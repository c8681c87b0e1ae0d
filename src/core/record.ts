/** Records: versioned key-value entries that commit together with messages. Keys list in bytewise order on every engine. */
import type { Version } from './engine.ts'

export interface StoredRecord {
  readonly key: string
  readonly value: Uint8Array
  readonly version: Version
  /** Wall time, ms since the epoch; null: never. */
  readonly expiresAt: number | null
}

/** Printable ASCII without the space, 1 to 512 bytes. */
const KEY = /^[\x21-\x7e]{1,512}$/

/** Written by `configure`, `bind` and `retain` alone; read like any record. */
export const SETTINGS_PREFIXES: readonly string[] = ['queue/', 'subscription/', 'topic/']

/** Not for users' records: these belong to Posthorn's own floors. */
export const RESERVED_PREFIXES: readonly string[] = [...SETTINGS_PREFIXES, 'operation/', 'operation-of/', 'system/']

export const isRecordKey = (key: string): boolean => KEY.test(key)
export const isSettingsKey = (key: string): boolean => SETTINGS_PREFIXES.some((prefix) => key.startsWith(prefix))
export const isReservedKey = (key: string): boolean => RESERVED_PREFIXES.some((prefix) => key.startsWith(prefix))
