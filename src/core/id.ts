/** Identifiers and randomness, injected: UUIDv7 (RFC 9562, section 5.7), so that ids sort by the time of their making. */
import { randomBytes, randomFillSync } from 'node:crypto'
import type { Clock } from './clock.ts'
import { parseUuid } from './uuid.ts'

/** A number in [0, 1). Not for secrets. */
export type Random = () => number

export interface Ids {
  /** A new UUIDv7, never smaller than the one before it. */
  uuid(): string
}

export const systemRandom: Random = () => Math.random()

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const POOL_BYTES = 8192

/** Whether the text is a UUID in its canonical, lower-case form. */
export function isUuid(text: string): boolean {
  return parseUuid(text)
}

/** Unix milliseconds in a UUIDv7; null where the text is another thing. */
export function timeOfUuid(text: string): number | null {
  if (!isUuid(text) || text[14] !== '7') return null
  return Number.parseInt(text.slice(0, 8) + text.slice(9, 13), 16)
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
    uuid() {
      const nowMs = Math.floor(clock.wallMs())
      if (nowMs > lastMs) {
        lastMs = nowMs
        counter = ((byte() & 0x07) << 8) | byte()
      } else if (++counter > 0xfff) {
        lastMs++
        counter = 0
      }
      const high = Math.floor(lastMs / 0x1_0000_0000)
      const low = lastMs >>> 0
      return (
        HEX[(high >>> 8) & 0xff]! +
        HEX[high & 0xff]! +
        HEX[(low >>> 24) & 0xff]! +
        HEX[(low >>> 16) & 0xff]! +
        '-' +
        HEX[(low >>> 8) & 0xff]! +
        HEX[low & 0xff]! +
        '-' +
        HEX[0x70 | (counter >>> 8)]! +
        HEX[counter & 0xff]! +
        '-' +
        HEX[0x80 | (byte() & 0x3f)]! +
        HEX[byte()]! +
        '-' +
        HEX[byte()]! +
        HEX[byte()]! +
        HEX[byte()]! +
        HEX[byte()]! +
        HEX[byte()]! +
        HEX[byte()]!
      )
    },
  }
}

/** Bytes nobody can guess, for keys and incarnations. */
export function secretBytes(length: number): Uint8Array {
  return randomBytes(length)
}
