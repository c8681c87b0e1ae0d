/** Users' records outside handlers: versioned entries that commit on their own. Keys of Posthorn's own prefixes are not seen here. */
import type { Duration } from '../core/duration.ts'
import type { Page, Version } from '../core/engine.ts'
import type { Json } from '../core/json.ts'

export interface RecordValue {
  readonly key: string
  readonly value: Json
  /** Opaque; for `ifVersion`. */
  readonly version: Version
  readonly expiresAt: Date | null
}

export interface PutOptions {
  /** Only if the record still has this version; null: only if there is none. */
  readonly ifVersion?: Version | null | undefined
  /** Gone after so long, or at this time. */
  readonly expires?: Duration | Date | undefined
}

export interface ListOptions {
  readonly prefix?: string | undefined
  /** A page's `next`. */
  readonly after?: string | null | undefined
  /** Default 50, at most 500. */
  readonly limit?: number | undefined
}

export interface RecordControl {
  get(key: string): Promise<RecordValue | undefined>
  /** @throws PosthornError `conflict` where `ifVersion` is not the version, `invalid-name` for a key of Posthorn's own */
  put(key: string, value: Json, options?: PutOptions): Promise<{ readonly version: Version }>
  /** @throws PosthornError `conflict`, `invalid-name` */
  remove(key: string, options?: { readonly ifVersion?: Version | undefined }): Promise<void>
  /** In bytewise order of the keys; a page may be empty and still have `next`. */
  list(options?: ListOptions): Promise<Page<RecordValue>>
}
