/** The disk of a file engine's folder: what is on it, how fast it is, and how much room there is. */
import { existsSync } from 'node:fs'
import { DEFAULTS } from '../../core/default.ts'
import { formatBytes, formatCount, formatSpan } from '../format.ts'
import type { Session } from '../session.ts'
import type { Check } from './check.ts'
import { checkFileSystem } from './file-system.ts'
import { mountOf, type Mount } from './mount.ts'
import { measureSync, nearestFolder, roomOf, type Room, type SyncSpeed } from './sync-speed.ts'

const SLOW_MS = 5
/** No disk that keeps what it is told is as fast: the fastest with a cache that survives power loss take twice as long. */
const IGNORED_MS = 0.015
/** Spikes so much longer than the usual are worth a word. */
const UNEVEN = 20
const LITTLE_BYTES = 1024 ** 3

/** @param isGuarded the engine refuses what is new before the disk is full */
export function checkDisk(session: Session, folder: string, isGuarded: boolean): readonly Check[] {
  const place = nearestFolder(folder, existsSync)
  const mount = mountOf(place)
  const checks = [checkFileSystem(mount, place)]
  try {
    const speed = measureSync(place, session.clock)
    checks.push(judgeSpeed(speed, place, mount, session.env))
  } catch (error) {
    checks.push({
      name: 'Sync',
      verdict: 'wrong',
      found: `${place} cannot be written`,
      meaning: [(error as Error).message],
    })
  }
  checks.push(checkRoom(roomOf(place), isGuarded))
  return checks
}

/** What the numbers mean, in words. */
export function judgeSpeed(speed: SyncSpeed, place: string, mount: Mount | null, env: Session['env'] = {}): Check {
  const { p50Ms, p99Ms, syncs } = speed
  const found = `fdatasync ${formatSpan(p50Ms)} (p50), ${formatSpan(p99Ms)} (p99) of ${syncs} in ${place}`
  const facts = { ...speed }
  const perSecond = formatCount(roundTo(1_000 / Math.max(p50Ms, 0.001)))
  const meaning = [
    `A send waits for one: about ${perSecond} commits a second for one caller who waits for each. Callers at the same time share`,
    'a sync, so a hundred of them send far more, none much later.',
  ]
  const isMemory = mount !== null && /^(tmpfs|ramfs)$/.test(mount.type)
  const eaten = /eatmydata/.test(env['LD_PRELOAD'] ?? '')
  if (eaten || (p50Ms < IGNORED_MS && !isMemory))
    return {
      name: 'Sync',
      verdict: 'wrong',
      found,
      meaning: [
        eaten
          ? 'libeatmydata makes a sync do nothing: what is called durable is not.'
          : 'So fast is no disk that keeps what it is told: syncs seem to be ignored (a virtual disk with an unsafe cache, a write cache',
        ...(eaten
          ? []
          : ['without a battery). What a receipt calls durable would not survive a power loss of the host.']),
      ],
      facts,
    }
  if (p50Ms > SLOW_MS)
    meaning.push('That is slow for a disk of today: a rotating disk, a network, or one that others keep busy.')
  else if (p99Ms > p50Ms * UNEVEN && p99Ms > 1)
    meaning.push(
      `One in a hundred takes ${Math.round(p99Ms / p50Ms)} times as long: something else uses the disk, or it tidies up.`,
    )
  return { name: 'Sync', verdict: p50Ms > SLOW_MS ? 'note' : 'ok', found, meaning, facts }
}

export function checkRoom({ freeBytes, totalBytes }: Room, isGuarded = true): Check {
  const { minFreeBytes } = DEFAULTS
  if (totalBytes === 0)
    return { name: 'Space', verdict: 'ok', found: 'this file system does not tell how much', meaning: [] }
  const share = Math.floor((freeBytes / totalBytes) * 100)
  const found = `${formatBytes(freeBytes)} free of ${formatBytes(totalBytes)} (${share} %)`
  const facts = { freeBytes, totalBytes, minFreeBytes }
  if (!isGuarded && freeBytes < LITTLE_BYTES)
    return {
      name: 'Space',
      verdict: freeBytes < minFreeBytes ? 'wrong' : 'note',
      found,
      meaning: ['On a full disk nothing can be sent or settled: make room before that.'],
      facts,
    }
  if (freeBytes < minFreeBytes)
    return {
      name: 'Space',
      verdict: 'wrong',
      found,
      meaning: [
        `Less than ${formatBytes(minFreeBytes)} (--min-free): sends are refused (disk-full) until there is room again. What is there can be settled.`,
      ],
      facts,
    }
  if (freeBytes < LITTLE_BYTES)
    return {
      name: 'Space',
      verdict: 'note',
      found,
      meaning: [
        `Below ${formatBytes(minFreeBytes)} (--min-free) sends are refused (disk-full): make room before that.`,
      ],
      facts,
    }
  return { name: 'Space', verdict: 'ok', found, meaning: [], facts }
}

/** Two digits are what a measurement is worth. */
function roundTo(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1)
  return Math.round(value / unit) * unit
}
