/** Opens the log of a folder: recovers what is there, begins a new incarnation, and puts the parts of the store together. */
import { type Clock, pause } from '../../core/clock.ts'
import { DEFAULTS } from '../../core/default.ts'
import type { Measure } from '../../core/measure.ts'
import type { Blocks, Checkpointed } from '../ledger/store.ts'
import { LogBlocks } from './block/blocks.ts'
import { ColdReader } from './block/cold-read.ts'
import type { Disk } from './disk/disk.ts'
import type { ArenaLimits } from './log/frame-writer.ts'
import { Log } from './log/log.ts'
import { LogMeasures, measure } from './log/log-measures.ts'
import { EARLY_LIMITS, LogStore, type EarlyLimits } from './log/log-store.ts'
import { Space } from './log/space.ts'
import { recover, type Recovered } from './recovery/recover.ts'
import { rewrite } from './recovery/rewrite.ts'
import { SHELF_LIMITS, Shelf, type ShelfLimits } from './log/shelf.ts'
import { UPKEEP_LIMITS, Upkeep, type UpkeepLimits, type UpkeepStart } from './recovery/upkeep.ts'

export interface LogLimits extends ShelfLimits, UpkeepLimits, ArenaLimits, EarlyLimits {
  /** As much again is kept of what was read from the disk. */
  readonly cacheBytes: number
  /** New messages are refused when the disk has less room than this: what is there can still be settled. */
  readonly minFreeBytes: number
  /** Between two parts of a checkpoint. 0: no longer than a turn of the event loop. */
  readonly pauseMs: number
}

export const LOG_LIMITS: LogLimits = {
  ...SHELF_LIMITS,
  ...UPKEEP_LIMITS,
  ...EARLY_LIMITS,
  arenaBytes: 1 << 20,
  cacheBytes: 8 << 20,
  minFreeBytes: DEFAULTS.minFreeBytes,
  pauseMs: 4,
}

export interface OpenLogOptions {
  readonly disk: Disk
  readonly folder: string
  readonly clock: Clock
  readonly durability: 'os' | 'disk'
  readonly limits: LogLimits
  /** For a folder that is new and goes on from another: when that was last written. */
  readonly lastMs?: Recovered['lastMs'] | undefined
}

export interface OpenedLog<State> {
  readonly store: LogStore
  readonly state: State
  /** Engine time: goes on from that of the last frame, plus the wall time passed since, at least 0. */
  readonly now: () => number
  readonly measure: () => readonly Measure[]
}

/** @throws PosthornError `corrupt` or `newer-format`, and the disk's errors */
export async function openLog<State extends Checkpointed>(
  options: OpenLogOptions,
  createState: (blocks: Blocks) => State,
): Promise<OpenedLog<State>> {
  const { disk, folder, clock, limits } = options
  const shelf = new Shelf(disk, folder, limits)
  const measures = new LogMeasures()
  let now = (): number => 0
  const engineMs = (): number => now()
  const log = new Log({ disk, folder, shelf, engineMs, wallMs: () => clock.wallMs(), limits, measures })
  const space = new Space({ disk, folder, log, shelf, engineMs, minFreeBytes: limits.minFreeBytes })
  const cold = new ColdReader(limits.cacheBytes)
  const blocks = new LogBlocks({ writer: log.writer, shelf, cold })
  const state = createState(blocks)
  try {
    const recovered = recover({ disk, folder, shelf, blocks, state })
    now = engineTime(clock, recovered.lastMs ?? options.lastMs ?? null)
    // A process that was killed leaves frames and names that the system has and the disk may not: from here on they count as durable.
    for (const { file, bytes, offset } of recovered.mended) file.write([bytes], offset)
    measures.mendedFrames = recovered.mended.length
    for (const stretch of recovered.unsure) rewrite(stretch)
    if (recovered.files.length > 0) await disk.sync(recovered.files, folder)
    log.start(recovered)
    await log.sync()
    const store = createStore(options, { log, shelf, cold, blocks, state, space, measures }, recovered.upkeep)
    return { store, state, now, measure: () => measure({ measures, disk, folder, log, shelf, space }) }
  } catch (error) {
    await shelf.close()
    throw error
  }
}

interface Parts {
  readonly log: Log
  readonly shelf: Shelf
  readonly cold: ColdReader
  readonly blocks: LogBlocks
  readonly state: Checkpointed
  readonly space: Space
  readonly measures: LogMeasures
}

function createStore(
  { disk, folder, clock, durability, limits }: OpenLogOptions,
  parts: Parts,
  start: UpkeepStart,
): LogStore {
  const store = new LogStore({ folder, ...parts, durability, limits })
  const hurry = new AbortController()
  const rest = (): Promise<void> =>
    hurry.signal.aborted || limits.pauseMs === 0
      ? nextTurn()
      : pause(clock, limits.pauseMs, hurry.signal).catch(() => {})
  const upkeep = new Upkeep(
    {
      disk,
      folder,
      ...parts,
      limits,
      write: () => store.write(),
      durable: (frame) => store.durable(frame),
      isTight: () => parts.space.refusal() !== null,
      pause: rest,
    },
    start,
  )
  store.maintain({
    onProgress: () => upkeep.tick(),
    onRefusal: () => upkeep.relieve(),
    onClose: async () => {
      hurry.abort()
      await upkeep.stop(store.failure === null)
      if (!upkeep.coversAll) store.mark()
    },
  })
  return store
}

function engineTime(clock: Clock, last: Recovered['lastMs']): () => number {
  const wallMs = clock.wallMs()
  const startMs = last === null ? wallMs : last.engine + Math.max(0, wallMs - last.wall)
  const originMs = clock.monotonicMs()
  return () => startMs + clock.monotonicMs() - originMs
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
