/** `file:DIR`: the compact ledger behind an append-only log in a folder that one process owns. */
import { resolve } from 'node:path'
import { systemClock, type Clock } from '../../core/clock.ts'
import { PosthornError, isPosthornError } from '../../core/error.ts'
import { createIds, systemRandom, type Ids } from '../../core/id.ts'
import type { Measure } from '../../core/measure.ts'
import { LedgerEngine, type LedgerEngineOptions } from '../ledger/engine.ts'
import type { EngineLimits } from '../ledger/limit.ts'
import { Snapshot } from '../ledger/snapshot/snapshot.ts'
import { FLAG, LEASED } from '../ledger/entries.ts'
import { CHUNK_MASK } from '../ledger/state/slots.ts'
import { LedgerState } from '../ledger/state/state.ts'
import type { Disk } from './disk/disk.ts'
import { refuseOther } from './backup/backup.ts'
import { clearTornHolds } from './backup/hold.ts'
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
  /** The folder was copied from another: its leases lapse, and its tokens are of an era that the other will not have. */
  readonly isCopy?: boolean | undefined
  /** Opened for a copy to another engine, or from one: what it holds stays as it is. */
  readonly isStill?: boolean | undefined
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
    if (options.isCopy !== true) refuseOther(disk, folder)
    const lock = FolderLock.take(disk, folder, ids.uuid())
    release.unshift(() => lock.release())
    return await openLocked(folder, disk, lock, { ...options, clock, ids }, () => letGo(release))
  } catch (error) {
    await letGo(release)
    throw translate(error, folder)
  }
}

/** The folder and its copies each have a line of eras: 32 bits together. */
const ERAS_OF_LINE = 2 ** 20
const LINES = 2 ** 12

type Resolved = FileEngineOptions & { readonly clock: Clock; readonly ids: Ids }

async function openLocked(
  folder: string,
  disk: Disk,
  lock: FolderLock,
  options: Resolved,
  release: () => Promise<void>,
): Promise<FileEngine> {
  const { clock, ids, limits, dropHints, isStill, durability = 'disk' } = options
  clearTornHolds(disk, folder)
  const state = new LedgerState()
  const { store, now, measure } = await openLog(
    { disk, folder, clock, durability, limits: { ...LOG_LIMITS, ...options.logLimits } },
    () => new Snapshot(state),
  )
  try {
    if (options.isCopy === true) orphanLeases(state)
    const engine = new FileEngine(
      {
        state,
        store,
        clock,
        ids,
        openedAt: now(),
        limits,
        isStill,
        dropHints,
        era: eraOf(state, options.isCopy === true),
      },
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

/** For a copy one of so many that those who go on with the original, or with another copy, do not come by it. */
function eraOf(state: LedgerState, isCopy: boolean): number {
  if (!isCopy) return state.era + 1
  const line = Math.floor(state.era / ERAS_OF_LINE)
  const other = (line + 1 + Math.floor(systemRandom() * (LINES - 1))) % LINES
  return other * ERAS_OF_LINE + ((state.era + 1) % ERAS_OF_LINE)
}

/** Their holders have their tokens from the original. */
function orphanLeases(state: LedgerState): void {
  const { slots } = state.messages
  for (let slot = 1; slot <= slots.high; slot++) {
    const chunk = slots.of(slot)
    const row = slot & CHUNK_MASK
    if (chunk.state[row] === LEASED) chunk.flags[row]! |= FLAG.processHolder
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
