/** How fast the disk under a folder makes a write durable: what bounds the file engine. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../core/clock.ts'

export interface SyncSpeed {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly freeBytes: number
}

const ROUNDS = 200
const BLOCK = new Uint8Array(4096).fill(0x70)

/** Overwrites blocks of a preallocated file and syncs each, as the engine's log does. Leaves nothing behind. */
export function measureSync(folder: string, clock: Clock): SyncSpeed {
  const place = mkdtempSync(join(folder, '.posthorn-doctor-'))
  try {
    const file = openSync(join(place, 'blocks'), 'w')
    try {
      for (let round = 0; round < ROUNDS; round++) writeSync(file, BLOCK)
      fdatasyncSync(file)
      const tookMs = Array.from({ length: ROUNDS }, (_, round) =>
        timeOf(clock, () => {
          writeSync(file, BLOCK, 0, BLOCK.length, round * BLOCK.length)
          fdatasyncSync(file)
        }),
      ).toSorted((one, other) => one - other)
      return { p50Ms: tookMs[ROUNDS / 2]!, p99Ms: tookMs[Math.floor(ROUNDS * 0.99)]!, freeBytes: freeBytes(folder) }
    } finally {
      closeSync(file)
    }
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** The nearest folder that exists: where the engine's own is still to be made. */
export function nearestFolder(folder: string, exists: (path: string) => boolean): string {
  return exists(folder) || dirname(folder) === folder ? folder : nearestFolder(dirname(folder), exists)
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize
}

function timeOf(clock: Clock, step: () => void): number {
  const startMs = clock.monotonicMs()
  step()
  return clock.monotonicMs() - startMs
}
