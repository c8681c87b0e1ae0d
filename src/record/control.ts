/** Users' records outside handlers: versioned entries that commit on their own. Keys of Posthorn's own prefixes are not seen here. */
import type { Page, Version } from '../core/engine.ts'
import type { Json } from '../core/json.ts'

export interface RecordValue {
  readonly key: string
  readonly value: Json
  /** Opaque; for `ifVersion`. */
  readonly version: Version
  readonly expiresAt: Date | null
}

export interface RecordControl {
  get(key: string): Promise<RecordValue | undefined>
  /** @throws PosthornError `conflict` where `ifVersion` is not the version (null: where there is one) */
  put(key: string, value: Json, options?: { readonly ifVersion?: Version | null | undefined; readonly expires?: import('../core/duration.ts').Duration | Date | undefined }): Promise<{ readonly version: Version }>
  remove(key: string, options?: { readonly ifVersion?: Version | undefined }): Promise<void>
  /** In bytewise order of the keys. */
  list(options?: { readonly prefix?: string | undefined; readonly after?: string | null | undefined; readonly limit?: number | undefined }): Promise<Page<RecordValue>>
}
