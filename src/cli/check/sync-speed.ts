/** How fast the disk under a folder makes a write durable: what bounds the file engine. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../../core/clock.ts'

export interface SyncSpeed {
  readonly syncs: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** The write alone, without the sync. */
  readonly writeP50Ms: number
}

export interface Room {
  readonly freeBytes: number
  readonly totalBytes: number
}

const ROUNDS = 400
/** A slow disk is measured no longer. */
const MOST_MS = 2_000
const FEWEST = 20
const BLOCK = new Uint8Array(4096).fill(0x70)

/** Overwrites blocks of a preallocated file and syncs each, as the engine's log does. Leaves nothing behind. */
export function measureSync(folder: string, clock: Clock): SyncSpeed {
  const place = mkdtempSync(join(folder, '.posthorn-doctor-'))
  try {
    const file = openSync(join(place, 'blocks'), 'w')
    try {
      for (let round = 0; round < ROUNDS; round++) writeSync(file, BLOCK)
      fdatasyncSync(file)
      return measure(file, clock)
    } finally {
      closeSync(file)
    }
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

function measure(file: number, clock: Clock): SyncSpeed {
  const writes: number[] = []
  const syncs: number[] = []
  const startMs = clock.monotonicMs()
  while (syncs.length < ROUNDS && (syncs.length < FEWEST || clock.monotonicMs() - startMs < MOST_MS)) {
    const beganMs = clock.monotonicMs()
    writeSync(file, BLOCK, 0, BLOCK.length, syncs.length * BLOCK.length)
    const writtenMs = clock.monotonicMs()
    fdatasyncSync(file)
    writes.push(writtenMs - beganMs)
    syncs.push(clock.monotonicMs() - writtenMs)
  }
  return {
    syncs: syncs.length,
    p50Ms: quantile(syncs, 0.5),
    p99Ms: quantile(syncs, 0.99),
    maxMs: Math.max(...syncs),
    writeP50Ms: quantile(writes, 0.5),
  }
}

/** The nearest folder that exists: where the engine's own is still to be made. */
export function nearestFolder(folder: string, exists: (path: string) => boolean): string {
  return exists(folder) || dirname(folder) === folder ? folder : nearestFolder(dirname(folder), exists)
}

export function roomOf(folder: string): Room {
  const { bavail, blocks, bsize } = statfsSync(folder)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
