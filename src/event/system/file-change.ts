/**
 * Files that are created, changed and removed. The system's notices are hints that something happened, never what: they are missed, come twice, name
 * a file that is a temporary one or has been renamed since. So each hint has the folder looked at again, once it is quiet, and what is told
 * is the difference between two looks. Nothing is polled, unless it is asked for.
 */
import { watch, type FSWatcher } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { parseDuration, type Duration } from '../../core/duration.ts'
import { invalidOption } from '../../core/option.ts'
import type { Log } from '../../runtime/log.ts'
import { Loop } from '../../runtime/loop.ts'
import { brandSource, resolveSource, type Source, type SourceOptions } from '../contract.ts'
import { Hub, type Feed } from '../listen/hub.ts'
import { differences, isGone, look, type LookOptions, type SeenFile } from './file-tree.ts'

export interface FileChange {
  /** From the folder that is watched, with `/`; of a file that is watched alone: its name. */
  readonly path: string
  readonly sizeBytes: number
  /** RFC 3339. */
  readonly modifiedAt: string
}

export interface FileEvents {
  readonly 'file.created': FileChange
  /** Written to, or replaced by another under its name, as editors save. */
  readonly 'file.changed': FileChange
  /** With what it was. A file that is renamed is removed and created. */
  readonly 'file.removed': FileChange
}

export interface FileChangesOptions extends SourceOptions {
  /** Also in the folders below. Symbolic links are not followed. Default false. */
  readonly recursive?: boolean | undefined
  /** Tell the files that are there already as created. Default false. */
  readonly existing?: boolean | undefined
  /** How long it must be quiet before it is looked at; ten times that at most. Default 100 ms. */
  readonly settle?: Duration | undefined
  /** What is left out, by path. Default: what editors and systems leave for a moment (`*~`, `*.swp`, `.#*`, `4913`, `*.tmp`, `.DS_Store`). */
  readonly ignore?: ((path: string) => boolean) | undefined
  /** Also look so often, for file systems that tell nothing (those of networks); at least 10 ms. Default: never. */
  readonly rescan?: Duration | undefined
  /** Files at most; those beyond are not looked at, and the log says so. Default 10,000. */
  readonly maxFiles?: number | undefined
}

/** To look without rest would leave the process nothing else to do. */
const SHORTEST_RESCAN_MS = 10
const KNOWN = ['recursive', 'existing', 'settle', 'ignore', 'rescan', 'maxFiles']
const MOST_FOLDERS = 1_000
/** While the root is not there, or cannot be looked at. */
const AWAY_MS = 2_000
/** Of a Date. */
const MOST_DATE_MS = 8.64e15
const PASSING = /(^|\/)([^/]*~|\.[^/]*\.sw[a-z]|\.#[^/]*|#[^/]*#|4913|[^/]*\.tmp|\.DS_Store)$/

/**
 * `fileChanges('inbox', './in')`: a folder, or one file. What happens while nobody listens is not told. It keeps no process alive.
 * @throws PosthornError `invalid-name`, `invalid-option`, `invalid-duration`
 */
export function fileChanges<const N extends string>(
  name: N,
  path: string,
  options: FileChangesOptions = {},
): Source<N, FileEvents> {
  const { field, ...config } = resolveSource('fileChanges', name, options, KNOWN)
  if (typeof path !== 'string' || path === '') throw invalidOption(field, 'path', path, 'a folder or a file')
  const { recursive = false, existing = false, settle = 100, ignore, rescan, maxFiles = 10_000 } = options
  if (ignore !== undefined && typeof ignore !== 'function')
    throw invalidOption(field, 'ignore', ignore, 'a function from a path to whether it is left out')
  if (!Number.isSafeInteger(maxFiles) || maxFiles < 1)
    throw invalidOption(field, 'maxFiles', maxFiles, 'a whole number of at least 1')
  const rescanMs = rescan === undefined ? null : parseDuration(rescan, `${field}: rescan`)
  if (rescanMs !== null && rescanMs < SHORTEST_RESCAN_MS)
    throw invalidOption(field, 'rescan', rescan, `at least ${SHORTEST_RESCAN_MS} ms`)
  const resolved: WatchOptions = {
    field,
    path: resolve(path),
    isDeep: recursive,
    tellsExisting: existing,
    settleMs: parseDuration(settle, `${field}: settle`),
    rescanMs,
    ignore: ignore ?? ((each) => PASSING.test(each)),
    mostFiles: maxFiles,
  }
  const hub = new Hub(config, async (feed) => {
    const watching = new Watching(feed, config, resolved)
    await watching.start()
    return () => watching.stop()
  })
  return brandSource(name, { name, hub, isAcknowledged: false, mount: null })
}

interface WatchOptions extends Pick<LookOptions, 'isDeep' | 'ignore' | 'mostFiles'> {
  readonly field: string
  readonly path: string
  readonly tellsExisting: boolean
  readonly settleMs: number
  readonly rescanMs: number | null
}

class Watching {
  readonly #feed: Feed
  readonly #clock: Clock
  readonly #log: Log
  readonly #options: WatchOptions
  readonly #watchers = new Map<string, { readonly watcher: FSWatcher; readonly mark: string }>()
  readonly #loop: Loop
  #root = ''
  #only: string | null = null
  #files: ReadonlyMap<string, SeenFile> = new Map()
  /** Of the first and of the last hint since the last look; null: none. */
  #hinted: { readonly firstMs: number; lastMs: number } | null = null
  #isCut = false
  #isAway = false
  #isBlind = false
  #isStuck = false

  constructor(feed: Feed, { clock, log }: { readonly clock: Clock; readonly log: Log }, options: WatchOptions) {
    this.#feed = feed
    this.#clock = clock
    this.#log = log
    this.#options = options
    this.#loop = new Loop(
      clock,
      () => this.#step(),
      (error) => log.error(`${options.field}: looking at the files failed`, { error }),
    )
  }

  /** @throws PosthornError `invalid-option` where there is nothing at the path */
  async start(): Promise<void> {
    const { field, path, tellsExisting } = this.#options
    const found = await stat(path).catch((cause: unknown) => {
      throw Object.assign(invalidOption(field, 'path', path, 'a folder or a file that is there'), { cause })
    })
    // A file that is replaced by a rename is another one: its folder knows of both.
    this.#only = found.isDirectory() ? null : basename(path)
    this.#root = found.isDirectory() ? path : dirname(path)
    const files = await this.#look()
    if (!tellsExisting) this.#files = files
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop.stop()
    for (const folder of this.#watchers.keys()) this.#unwatch(folder)
  }

  async #step(): Promise<number | null> {
    const { settleMs, rescanMs } = this.#options
    const nowMs = this.#clock.monotonicMs()
    if (this.#hinted !== null) {
      const dueMs = Math.min(this.#hinted.lastMs + settleMs, this.#hinted.firstMs + settleMs * 10)
      if (dueMs > nowMs) return dueMs - nowMs
    }
    this.#hinted = null
    let now: ReadonlyMap<string, SeenFile>
    try {
      now = await this.#look()
      this.#isAway = this.#isStuck = false
    } catch (error) {
      if (!isGone(error)) return this.#stuck(error)
      if (!this.#isAway)
        this.#log.warn(`${this.#options.field}: the folder is away; looked for until it is back`, { error })
      this.#isAway = true
      for (const folder of this.#watchers.keys()) this.#unwatch(folder)
      now = new Map()
    }
    await this.#tell(now)
    return this.#isAway ? AWAY_MS : this.#hinted === null ? rescanMs : settleMs
  }

  /** Nothing is known of the files: what was seen last stands. */
  #stuck(error: unknown): number {
    if (!this.#isStuck)
      this.#log.warn(`${this.#options.field}: the files cannot be looked at; tried until they can`, { error })
    this.#isStuck = true
    return AWAY_MS
  }

  async #tell(now: ReadonlyMap<string, SeenFile>): Promise<void> {
    const found = differences(this.#files, now)
    this.#files = now
    for (const { kind, path, file } of found) {
      const { sizeBytes, modifiedMs } = file
      const data: FileChange = { path, sizeBytes, modifiedAt: toTime(modifiedMs) }
      await this.#feed.tell({ type: `file.${kind}`, data, subject: path }).admitted.catch(() => {})
    }
  }

  async #look(): Promise<ReadonlyMap<string, SeenFile>> {
    const { isDeep, ignore, mostFiles, field } = this.#options
    const { files, folders, isCut } = await look(this.#root, {
      isDeep,
      ignore,
      mostFiles,
      only: this.#only,
      mostFolders: MOST_FOLDERS,
      entering: (folder, mark) => this.#watch(folder, mark),
    })
    const known = new Set(folders)
    for (const folder of this.#watchers.keys()) if (!known.has(folder)) this.#unwatch(folder)
    if (isCut && !this.#isCut)
      this.#log.warn(
        `${field}: there are more than ${mostFiles} files or ${MOST_FOLDERS} folders: the others are not watched`,
      )
    this.#isCut = isCut
    return files
  }

  /** One watcher a folder, not Node's own for all below: it would miss what is made in a new folder before it looks there. */
  #watch(folder: string, mark: string): void {
    const known = this.#watchers.get(folder)
    if (known?.mark === mark) return
    // It was removed and made again under its name.
    if (known !== undefined) this.#unwatch(folder)
    try {
      const watcher = watch(join(this.#root, folder), { persistent: false })
      this.#watchers.set(folder, { watcher, mark })
      watcher.on('change', (kind, named) => {
        // Its own name: it is gone, and what comes under its name is watched anew.
        if (kind === 'rename' && named === basename(join(this.#root, folder))) this.#unwatch(folder)
        this.#hint()
      })
      watcher.on('error', () => {
        this.#unwatch(folder)
        this.#hint()
      })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || this.#isBlind) return
      this.#isBlind = true
      this.#log.warn(`${this.#options.field}: folders cannot be watched, so give it a rescan`, { folder, error })
    }
  }

  #unwatch(folder: string): void {
    const known = this.#watchers.get(folder)
    this.#watchers.delete(folder)
    known?.watcher.close()
  }

  #hint(): void {
    const nowMs = this.#clock.monotonicMs()
    if (this.#hinted === null) this.#hinted = { firstMs: nowMs, lastMs: nowMs }
    else this.#hinted.lastMs = nowMs
    this.#loop.wake()
  }
}

/** A file may say that it was modified when no date can be. */
function toTime(ms: number): string {
  return new Date(Math.max(-MOST_DATE_MS, Math.min(MOST_DATE_MS, ms))).toISOString()
}
