/**
 * Room on the disk: new messages are refused while there still is some, because what is already there must be settled, and settling takes a little
 * room as well. For when others fill the disk there is a file of zeros beside the database, which is given up so that what is there can still be
 * settled, and comes back when there is room again.
 */
import { rmSync, statSync, writeFileSync } from 'node:fs'
import { freeBytesOf } from './measures.ts'

export interface SpaceDeps {
  readonly path: string
  /** New messages are refused below this. */
  readonly minFreeBytes: number
  /** null: it does not say. */
  readonly freeBytes?: ((path: string) => number | null) | undefined
}

export const MIN_FREE_BYTES: number = 64 * 1_048_576
const RESERVE_BYTES = 4 * 1_048_576
/** Databases smaller than this hold nothing that needs a reserve. */
const WORTH_BYTES = 16 * 1_048_576
const LOOK_MS = 100

export class Space {
  readonly #deps: SpaceDeps
  readonly #reserve: string
  #refusal: string | null = null
  #lookAtMs = 0

  constructor(deps: SpaceDeps) {
    this.#deps = deps
    this.#reserve = `${deps.path}-reserve`
  }

  /** A sentence on why nothing new may be stored; null where it may. */
  refusal(nowMs: number): string | null {
    if (nowMs >= this.#lookAtMs) {
      this.#lookAtMs = nowMs + LOOK_MS
      this.#look()
    }
    return this.#refusal
  }

  /** The disk is full: whether there is room after this. */
  giveUpReserve(): boolean {
    this.#lookAtMs = 0
    if (sizeOf(this.#reserve) === 0) return false
    rmSync(this.#reserve, { force: true })
    return true
  }

  #look(): void {
    const { path, minFreeBytes, freeBytes = freeBytesOf } = this.#deps
    const free = freeBytes(path)
    const isWorth = sizeOf(path) >= WORTH_BYTES
    const missing = isWorth && sizeOf(this.#reserve) < RESERVE_BYTES ? RESERVE_BYTES : 0
    const needed = minFreeBytes + missing
    if (free !== null && free < needed) {
      this.#refusal = `the disk of ${path} has ${free} bytes left: new messages are taken again when there are ${needed}`
      return
    }
    this.#refusal = null
    if (missing > 0) this.#makeReserve()
  }

  #makeReserve(): void {
    try {
      // Zeros that are written, not a hole: a hole holds no room.
      writeFileSync(this.#reserve, new Uint8Array(RESERVE_BYTES))
    } catch {
      rmSync(this.#reserve, { force: true })
    }
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
