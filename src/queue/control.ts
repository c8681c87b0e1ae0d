/** Administration of one queue: look, pause, settle what is dead. What works by match stands on `browse`, in bounded steps. */
import type { Page, QueueDepth, Version } from '../core/engine.ts'
import type { State, StoredMessage } from '../core/message.ts'
import type { SettingsChange, StoredSettings } from './settings.ts'

export interface Match {
  readonly type?: string | undefined
  /** A failure's code, or the reason of the end. */
  readonly error?: string | undefined
  readonly group?: string | undefined
  readonly key?: string | undefined
  /** Sent before, and since. */
  readonly before?: Date | undefined
  readonly since?: Date | undefined
}

export interface BrowseOptions {
  readonly state: State
  readonly match?: Match | undefined
  /** A page's `next`. */
  readonly after?: string | null | undefined
  /** Default 50, at most 500. */
  readonly limit?: number | undefined
}

export interface SweepOptions {
  readonly match?: Match | undefined
  /** At most so many, the oldest first. */
  readonly max?: number | undefined
  /** Only count what matches. */
  readonly dryRun?: boolean | undefined
  /** So many a second, evenly. Default: as fast as it goes. */
  readonly rate?: number | undefined
  /** Aborted, it rejects with `aborted`; what it has moved stays moved and is told in the details. */
  readonly signal?: AbortSignal | undefined
  /** Told after each step. */
  readonly onProgress?: ((progress: Swept) => void) | undefined
}

export interface RedriveOptions extends SweepOptions {
  /** Only these, as far as they match as well. */
  readonly ids?: readonly string[] | undefined
}

export interface PurgeOptions extends SweepOptions {
  /** What to discard. Default: everything that waits. */
  readonly state?: 'arrived' | 'ready' | 'held' | 'delayed' | 'dead' | 'waiting' | undefined
}

export interface Swept {
  readonly matched: number
  /** How many were redriven or discarded. */
  readonly moved: number
}

export interface QueueControl {
  readonly name: string
  /** Null where there is no such queue. */
  depth(): Promise<QueueDepth | null>
  settings(): Promise<StoredSettings>
  /** Changes what is given; the rest stays. @throws PosthornError `conflict`, `invalid`, `unsupported` */
  configure(
    change: SettingsChange,
    options?: { readonly ifVersion?: Version | null | undefined },
  ): Promise<StoredSettings>
  pause(): Promise<void>
  resume(): Promise<void>
  /** A page in order of arrival; it may be empty and still have `next`. */
  browse(options: BrowseOptions): Promise<Page<StoredMessage>>
  find(id: string): Promise<StoredMessage | null>
  /** Dead messages become ready, with fresh counts. */
  redrive(options?: RedriveOptions): Promise<Swept>
  /** Discards. */
  purge(options?: PurgeOptions): Promise<Swept>
  /** Waiting ones end as cancelled; the handler of a running one is told. How many there were. */
  cancel(ids: string | readonly string[]): Promise<number>
  /** Waiting and dead ones end as discarded. How many there were. */
  discard(ids: string | readonly string[]): Promise<number>
}
