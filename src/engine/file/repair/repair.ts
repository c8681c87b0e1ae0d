/**
 * Saves what can be read of a damaged folder into a new one, and says exactly what could not. The damaged one is only read: whoever knows
 * better may still try. What came after a loss is kept, so that a message whose end was lost may come again.
 */
import { join, resolve } from 'node:path'
import { systemClock, type Clock } from '../../../core/clock.ts'
import { PosthornError } from '../../../core/error.ts'
import { beginCopy, finishCopy } from '../backup/manifest.ts'
import { refuseOther } from '../backup/backup.ts'
import { renew } from '../backup/restore.ts'
import type { Disk } from '../disk/disk.ts'
import { NodeDisk } from '../disk/node-disk.ts'
import { refuseLocked } from '../lock.ts'
import { LOG_LIMITS, openLog } from '../open-log.ts'
import { CHECKPOINT } from '../recovery/checkpoint.ts'
import { isWhole, noLoss, type Loss } from './loss.ts'
import { OldBlocks } from './old-blocks.ts'
import { prune } from './prune.ts'
import { salvage, type Salvage } from './salvage.ts'

export interface RepairOptions {
  readonly disk?: Disk | undefined
  readonly clock?: Clock | undefined
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

export interface RepairReport {
  readonly from: string
  readonly to: string
  /** Whether nothing was lost. */
  readonly isWhole: boolean
  readonly saved: {
    readonly queues: number
    readonly messages: number
    readonly records: number
    readonly events: number
  }
  readonly lost: Loss
}

const MISSING_CONTENT = 'content of a file that is missing'

/** Content that is written between two syncs. */
const BATCH_BYTES = 4 << 20

/**
 * @param to a folder that is new or empty
 * @throws PosthornError `engine-locked`, `newer-format`, `invalid` for what is no folder of an engine, `disk-full`
 */
export async function repairFolder(from: string, to: string, options: RepairOptions = {}): Promise<RepairReport> {
  const { clock = systemClock } = options
  const disk = options.disk ?? new NodeDisk()
  const [source, target] = [resolve(from), resolve(to)]
  try {
    refuseOther(disk, source)
    refuseLocked(disk, source)
    await beginCopy(disk, target, 'repair')
    const lost = noLoss()
    const found = salvage(disk, source, lost)
    try {
      const saved = await rebuildIn(disk, { source, target }, found, lost, { ...options, clock })
      await renew(disk, target, { clock })
      await finishCopy(disk, target)
      return { from: source, to: target, isWhole: isWhole(lost), saved, lost }
    } finally {
      found.close()
    }
  } finally {
    if (options.disk === undefined) await disk.close()
  }
}

async function rebuildIn(
  disk: Disk,
  { source, target: folder }: { readonly source: string; readonly target: string },
  { state, snapshot, table, segments, owners, lastMs }: Salvage,
  lost: Loss,
  { clock, onProgress }: RepairOptions & { readonly clock: Clock },
): Promise<RepairReport['saved']> {
  const old = new OldBlocks(table, { folder: source, segments }, (file, at, until) => {
    const known = lost.ranges.some((range) => range.file === file && range.from === at)
    if (!known) lost.ranges.push({ file, from: at, until, what: until === 0 ? MISSING_CONTENT : 'content' })
  })
  const needed = prune(state, old, owners, lost)
  const { store } = await openLog(
    { disk, folder, clock, durability: 'disk', limits: LOG_LIMITS, lastMs },
    () => snapshot,
  )
  try {
    let [done, unsynced] = [0, 0]
    for (const block of needed) {
      const bytes = old.read(block)!
      store.blocks.put(block, bytes)
      unsynced += bytes.byteLength
      onProgress?.(++done, needed.size)
      if (unsynced < BATCH_BYTES) continue
      unsynced = 0
      store.write()
      await store.durable(store.reached('os'))
    }
  } finally {
    await store.close()
  }
  if (!disk.list(folder).includes(CHECKPOINT))
    throw new PosthornError('engine-failed', `${join(folder, CHECKPOINT)} could not be written`, {
      details: { folder },
    })
  let messages = 0
  for (const queue of state.queues) for (const count of queue.counts) messages += count
  const events = [...state.topics].reduce((sum, { log }) => sum + (log?.length ?? 0), 0)
  return { queues: state.queues.size, messages, records: state.records.rows.size, events }
}
