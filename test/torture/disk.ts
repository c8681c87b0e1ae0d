// Simulated disks and engines on them, drawn from a seed: small segments and checkpoints, so that a short life meets many of them.

import { ManualClock } from '../../src/core/clock.ts'
import { createIds, type Ids, type Random } from '../../src/core/id.ts'
import type { FaultDisk, PowerCut } from '../../src/engine/file/disk/fault-disk.ts'
import { openFileEngine, type FileEngine, type FileEngineOptions } from '../../src/engine/file/engine.ts'
import type { LogLimits } from '../../src/engine/file/open-log.ts'

export const FOLDER = '/torture'

export function drawLimits(random: Random): Partial<LogLimits> {
  const among = <T>(...values: readonly T[]): T => values[Math.floor(random() * values.length)]!
  const [firstSegmentBytes, segmentBytes] = [among(2048, 4096, 16_384), among(2048, 8192, 65_536)]
  return {
    firstSegmentBytes,
    segmentBytes,
    // Filled at once, or growing by strides.
    strideBytes: segmentBytes === 8192 ? segmentBytes : 1024,
    keptSegments: among(0, 1, 3),
    checkpointBytes: among(2000, 6000, 30_000, 1 << 30),
    slackBytes: among(2048, 16_384),
    arenaBytes: among(4096, 65_536),
    cacheBytes: among(1, 1 << 16),
    minFreeBytes: 0,
    pauseMs: 0,
    earlyCommits: 3,
    busyShare: Infinity,
  }
}

export function drawCut(random: Random): PowerCut {
  const among = <T>(...values: readonly T[]): T => values[Math.floor(random() * values.length)]!
  return {
    unsynced: among('drop', 'tear', 'tear'),
    sectorBytes: among(512, 4096),
    names: among('drop', 'keep', 'tear'),
  }
}

export class Bench {
  readonly disk: FaultDisk
  readonly clock: ManualClock = new ManualClock()
  readonly ids: Ids
  readonly #options: FileEngineOptions

  constructor(disk: FaultDisk, random: Random, options: FileEngineOptions) {
    this.disk = disk
    this.ids = createIds(this.clock, (bytes) =>
      bytes.forEach((_, index) => (bytes[index] = Math.floor(random() * 256))),
    )
    this.#options = options
  }

  open(): Promise<FileEngine> {
    const { disk, clock, ids } = this
    return openFileEngine(FOLDER, { disk: disk.session(), clock, ids, ...this.#options })
  }
}

/** Resolves when this does, or when the power has gone and some turns have passed in which nobody was answered. */
export function untilOff(disk: FaultDisk, working: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    let left = 50
    const wait = (): void => {
      if (disk.steps > disk.offAt && left-- === 0) resolve()
      else timer = setImmediate(wait)
    }
    let timer = setImmediate(wait)
    const end = (): void => {
      clearImmediate(timer)
      resolve()
    }
    working.then(end, end)
  })
}
