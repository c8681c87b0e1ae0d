/** Administration of apps: third parties of the platform, with keys, scopes and quotas. Every change is written to the audit log. */
import type { Duration } from '../core/duration.ts'
import type { Page, Version } from '../core/engine.ts'
import type { Quotas } from './quota.ts'

export interface AppOptions {
  /** For people, at most 200 characters. null: none. */
  readonly title?: string | null | undefined
  /** What its keys may do: `KIND:PATTERN` or `KIND:PATTERN:VERBS`, as in 'task:image.*:start'. Default: nothing. */
  readonly scopes?: readonly string[] | undefined
  readonly quotas?: { readonly [K in keyof Quotas]?: number | undefined } | undefined
  /** What it sends has no higher priority. 0 to 9, default 4. */
  readonly maxPriority?: number | undefined
  /** CloudEvents source of what it sends: a URI reference. Default '/apps/NAME'. */
  readonly source?: string | undefined
  /** Origins that completion callbacks of its operations may go to, where the server allows them as well. Default: none. */
  readonly callbackOrigins?: readonly string[] | undefined
}

export interface ActOptions {
  /** Who does it, for the audit log. Default 'platform'. */
  readonly by?: string | undefined
}

export interface AppView {
  readonly name: string
  readonly title: string | null
  readonly scopes: readonly string[]
  readonly quotas: Quotas
  readonly maxPriority: number
  readonly source: string
  readonly callbackOrigins: readonly string[]
  /** Its keys are refused as `app-paused`, and its endpoints are not called. */
  readonly paused: boolean
  /** Its keys are void, and what is left of it is being removed. */
  readonly deleting: boolean
  readonly createdAt: Date
  readonly keys: readonly KeyView[]
  /** Opaque; for `ifVersion`. */
  readonly version: Version
}

export interface KeyView {
  /** Names the key, and opens nothing. */
  readonly id: string
  readonly note: string | null
  /** Null: all that the app may. */
  readonly scopes: readonly string[] | null
  readonly createdAt: Date
  /** Null: never. */
  readonly expiresAt: Date | null
}

export interface NewKey extends KeyView {
  /** Shown this once; Posthorn keeps its hash alone. */
  readonly key: string
}

export interface KeyOptions {
  /** For people, at most 200 characters. */
  readonly note?: string | undefined
  /** Only this of what the app may. Default: all of it. */
  readonly scopes?: readonly string[] | undefined
  /** From now, or a time. Default: never. */
  readonly expires?: Duration | Date | undefined
}

export interface RotateOptions {
  /** How long the old key is still good. Default 24 h. */
  readonly overlap?: Duration | undefined
  /** When the new key expires: from now, or a time. Default: never. */
  readonly expires?: Duration | Date | undefined
}

export interface DeleteAppOptions extends ActOptions {
  /** Also if it has queues, subscriptions or operations that have not ended: they are discarded. */
  readonly force?: boolean | undefined
}

export interface AppControl {
  /** @throws PosthornError `app-exists`, `invalid-option`, `invalid-name` */
  create(name: string, options?: AppOptions & ActOptions): Promise<AppView>
  get(name: string): Promise<AppView | null>
  /** By name. */
  list(options?: {
    readonly after?: string | null | undefined
    /** Default 50, at most 500. */
    readonly limit?: number | undefined
  }): Promise<Page<AppView>>
  /** Changes what is given; the rest stays. @throws PosthornError `app-not-found`, `conflict`, `invalid-option` */
  update(
    name: string,
    change: AppOptions,
    options?: ActOptions & { readonly ifVersion?: Version | undefined },
  ): Promise<AppView>
  /** Refuses its keys and holds what is due to its endpoints, within five seconds everywhere. What it has sent goes on. @throws PosthornError `app-not-found` */
  pause(name: string, options?: ActOptions): Promise<AppView>
  /** What waited for its endpoints goes on. @throws PosthornError `app-not-found` */
  resume(name: string, options?: ActOptions): Promise<AppView>
  /** Ends an app and its keys. @throws PosthornError `app-not-found`, `app-not-empty` where it still has something and `force` is not given */
  delete(name: string, options?: DeleteAppOptions): Promise<void>
  /** A further key, valid at once. At most 15. @throws PosthornError `app-not-found`, `invalid-option`, `full` */
  addKey(name: string, options?: KeyOptions & ActOptions): Promise<NewKey>
  /** A new key with the scopes and the note of an old one, which then expires. @throws PosthornError `app-not-found`, `key-not-found`, `full` */
  rotateKey(name: string, id: string, options?: RotateOptions & ActOptions): Promise<NewKey>
  /** Voids a key, within five seconds everywhere. @throws PosthornError `app-not-found`, `key-not-found` */
  revokeKey(name: string, id: string, options?: ActOptions): Promise<void>
}
