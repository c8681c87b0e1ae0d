/** `file:DIR`: the compact ledger behind an append-only log in a folder that one process owns. */
import { resolve } from 'node:path'
import { systemClock, type Clock } from '../../core/clock.ts'
import { PosthornError, isPosthornError } from '../../core/error.ts'
import { createIds, type Ids } from '../../core/id.ts'
import type { Measure } from '../../core/measure.ts'
import { LedgerEngine, type LedgerEngineOptions } from '../ledger/engine.ts'
import type { EngineLimits } from '../ledger/limit.ts'
import { Snapshot } from '../ledger/snapshot/snapshot.ts'
import { LedgerState } from '../ledger/state/state.ts'
import type { Disk } from './disk/disk.ts'
import { FolderLock } from './lock.ts'
import { NodeDisk } from './disk/node-disk.ts'
import { inItsFile } from './recovery/lost-content.ts'
import { LOG_LIMITS, openLog, type LogLimits } from './open-log.ts'

export interface FileEngineOptions {
  readonly clock?: Clock | undefined
  readonly ids?: Ids | undefined
  /**
   * disk (the default): a commit is confirmed when it survives power loss · os: when it survives the process. What was confirmed at `os` may
   * be lost with the machine, newest first.
   */
  readonly durability?: 'disk' | 'os' | undefined
  readonly limits?: Partial<EngineLimits> | undefined
  readonly logLimits?: Partial<LogLimits> | undefined
  /** Stays the caller's to close; default: the real one. */
  readonly disk?: Disk | undefined
  /** For tests: watchers are never told anything. */
  readonly dropHints?: boolean | undefined
}

/** The ledger's engine, with what only the owner of a folder can do. */
export class FileEngine extends LedgerEngine {
  readonly #lock: FolderLock
  readonly #measure: () => readonly Measure[]
  readonly #release: () => Promise<void>
  #released: Promise<void> | null = null

  constructor(
    options: LedgerEngineOptions,
    parts: {
      readonly lock: FolderLock
      readonly measure: () => readonly Measure[]
      readonly release: () => Promise<void>
    },
  ) {
    super(options)
    this.#lock = parts.lock
    this.#measure = parts.measure
    this.#release = parts.release
  }

  measure(): readonly Measure[] {
    return this.#measure()
  }

  async announce(owner: { readonly address: string; readonly key: string }): Promise<void> {
    this.#lock.announce(owner)
  }

  override close(): Promise<void> {
    this.#released ??= this.#end()
    return this.#released
  }

  async #end(): Promise<void> {
    try {
      await super.close()
    } finally {
      await this.#release()
    }
  }
}

/**
 * Opens the folder, makes it where there is none, and recovers what it holds. Leases of the process that had it lapse; those of clients stand.
 * @throws PosthornError `engine-locked`, `corrupt`, `newer-format`, `disk-full`, `engine-failed`
 */
export async function openFileEngine(dir: string, options: FileEngineOptions = {}): Promise<FileEngine> {
  const clock = options.clock ?? systemClock
  const ids = options.ids ?? createIds(clock)
  const disk = options.disk ?? new NodeDisk()
  const folder = resolve(dir)
  const release: (() => void | Promise<void>)[] = options.disk === undefined ? [() => disk.close()] : []
  try {
    disk.makeFolder(folder)
    const lock = FolderLock.take(disk, folder, ids.uuid())
    release.unshift(() => lock.release())
    return await openLocked(folder, disk, lock, { ...options, clock, ids }, () => letGo(release))
  } catch (error) {
    await letGo(release)
    throw translate(error, folder)
  }
}

type Resolved = FileEngineOptions & { readonly clock: Clock; readonly ids: Ids }

async function openLocked(
  folder: string,
  disk: Disk,
  lock: FolderLock,
  options: Resolved,
  release: () => Promise<void>,
): Promise<FileEngine> {
  const { clock, ids, limits, dropHints, durability = 'disk' } = options
  const state = new LedgerState()
  const { store, now, measure } = await openLog(
    { disk, folder, clock, durability, limits: { ...LOG_LIMITS, ...options.logLimits } },
    () => new Snapshot(state),
  )
  try {
    const engine = new FileEngine(
      { state, store, clock, ids, openedAt: now(), limits, dropHints },
      { lock, measure, release },
    )
    await engine.opened()
    return engine
  } catch (error) {
    // What was made of it is not to be trusted, and must not become a checkpoint.
    store.abandon()
    await store.close()
    throw inItsFile(error, disk, folder)
  }
}

/** Ends everything, whatever fails on the way. */
async function letGo(release: readonly (() => void | Promise<void>)[]): Promise<void> {
  for (const step of release) {
    try {
      await step()
    } catch {
      // A disk that failed cannot release its lock; the lock of a process that has ended is nobody's.
    }
  }
}

function translate(error: unknown, folder: string): unknown {
  if (isPosthornError(error) || !(error instanceof Error) || !('code' in error)) return error
  const details = { folder, cause: error.code }
  if (error.code === 'ENOSPC')
    return new PosthornError('disk-full', `there is no room on the disk of ${folder} to open it`, {
      details,
      cause: error,
    })
  return new PosthornError('engine-failed', `${folder} cannot be opened: ${error.message}`, { details, cause: error })
}
