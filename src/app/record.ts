/** An app as it is stored: the record `system/app/APP`, found by any of its keys as well. */
import type { Engine, Version } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { fromJsonBytes, toJsonBytes } from '../core/json.ts'
import type { StoredRecord } from '../core/record.ts'
import { DEFAULT_QUOTAS, type Quotas } from './quota.ts'

export interface StoredKey {
  /** Names it where it is shown; opens nothing. */
  readonly id: string
  /** SHA-256 of the key, in base64url. */
  readonly digest: string
  readonly note: string | null
  /** Null: all that the app may. Otherwise what both allow. */
  readonly scopes: readonly string[] | null
  /** Wall time, ms since the epoch. */
  readonly createdAt: number
  readonly expiresAt: number | null
}

export interface StoredApp {
  readonly name: string
  /** Tells it from an app that had the name before. */
  readonly incarnation: string
  /** For people. */
  readonly title: string | null
  readonly scopes: readonly string[]
  readonly quotas: Quotas
  /** What it sends has no higher one. */
  readonly maxPriority: number
  /** CloudEvents source of what it sends. */
  readonly source: string
  /** Origins that completion callbacks of its operations may go to. */
  readonly callbackOrigins: readonly string[]
  readonly paused: boolean
  readonly createdAt: number
  readonly keys: readonly StoredKey[]
  /** It is being deleted: its keys are void, what is left of it is being removed. */
  readonly deleting?: boolean | undefined
}

export interface VersionedApp {
  readonly app: StoredApp
  readonly version: Version
}

export const APPS = 'system/app/'
const KEYS = 'system/app-key/'

export const appRecordKey = (app: string): string => APPS + app
export const keyAlias = (digest: string): string => KEYS + digest

export async function readApp(engine: Pick<Engine, 'get'>, name: string): Promise<VersionedApp | null> {
  const [record = null] = await engine.get([appRecordKey(name)])
  return record === null ? null : fromRecord(record)
}

/** The app that a key with this digest belongs to. */
export async function readAppOfKey(engine: Pick<Engine, 'get'>, digest: string): Promise<VersionedApp | null> {
  const [record = null] = await engine.get([keyAlias(digest)])
  return record === null ? null : fromRecord(record)
}

/** @throws PosthornError `corrupt` */
export function fromRecord({ key, value, version }: StoredRecord): VersionedApp {
  try {
    const stored = fromJsonBytes(value) as StoredApp
    return { app: { ...stored, quotas: { ...DEFAULT_QUOTAS, ...stored.quotas } }, version }
  } catch (cause) {
    throw new PosthornError('corrupt', `the record '${key}' is not JSON`, { cause })
  }
}

export const toRecordValue = (app: StoredApp): Uint8Array => toJsonBytes(app)
