/** Identifiers and randomness, injected: UUIDv7 (RFC 9562, section 5.7), so that ids sort by the time of their making. */
import { randomBytes, randomFillSync } from 'node:crypto'
import type { Clock } from './clock.ts'
import { formatUuid, parseUuid, words } from './uuid.ts'

/** A number in [0, 1). Not for secrets. */
export type Random = () => number

export interface Ids {
  /** A new UUIDv7, never smaller than the one before it. @param nowMs the wall time, where whoever asks has just read it */
  uuid(nowMs?: number): string
}

export const systemRandom: Random = () => Math.random()

const POOL_BYTES = 8192

/** Whether the text is a UUID in its canonical, lower-case form. */
export function isUuid(text: string): boolean {
  return parseUuid(text)
}

/** Unix milliseconds in a UUIDv7; null where the text is another thing. */
export function timeOfUuid(text: string): number | null {
  if (!parseUuid(text) || text[14] !== '7') return null
  return words[0]! * 0x1_0000 + (words[1]! >>> 16)
}

/** UUIDv7 from the clock's wall time and 74 random bits; within a millisecond, and where the clock steps back, it counts on. */
export function createIds(clock: Pick<Clock, 'wallMs'>, fill: (bytes: Uint8Array) => void = randomFillSync): Ids {
  const pool = new Uint8Array(POOL_BYTES)
  let used = POOL_BYTES
  let lastMs = 0
  let counter = 0

  const byte = () => {
    if (used === POOL_BYTES) {
      fill(pool)
      used = 0
    }
    return pool[used++]!
  }

  return {
    uuid(wallMs: number = clock.wallMs()) {
      const nowMs = Math.floor(wallMs)
      if (nowMs > lastMs) {
        lastMs = nowMs
        counter = ((byte() & 0x07) << 8) | byte()
      } else if (++counter > 0xfff) {
        lastMs++
        counter = 0
      }
      const low = (lastMs % 0x1_0000) * 0x1_0000 + 0x7000 + counter
      const variant = 0x8000 | (byte() << 8) | byte()
      return formatUuid(
        Math.floor(lastMs / 0x1_0000),
        low,
        (((variant & 0xbfff) << 16) | (byte() << 8) | byte()) >>> 0,
        ((byte() << 24) | (byte() << 16) | (byte() << 8) | byte()) >>> 0,
      )
    },
  }
}

/** Bytes nobody can guess, for keys and incarnations. */
export function secretBytes(length: number): Uint8Array {
  return randomBytes(length)
}
