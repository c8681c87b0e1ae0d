/**
 * The frame that is open: entries are encoded straight into an arena of 1 MiB, at the place in the file that the frame will have.
 * Arenas that were written are kept for a while: they are the cache of what was stored last.
 */
import { ALIGNMENT, HEADER_BYTES, frameBytes, sealFrame, type FrameHeader } from './frame.ts'
import type { Segment } from './segment.ts'

/** Bytes of a stretch of a segment. The byte at `index` is at `base + index` in the file. */
export interface Arena {
  readonly bytes: Buffer
  readonly view: DataView
  readonly segment: Segment
  readonly base: number
  /** The stretch, as offsets in the file. */
  readonly from: number
  until: number
}

export interface ArenaLimits {
  readonly arenaBytes: number
  /** What was written last is kept in memory up to so many bytes, but at least one arena. */
  readonly cacheBytes: number
}

export interface SealedFrame {
  readonly segment: Segment
  readonly offset: number
  readonly bytes: Uint8Array
}

/** What the system writes as one: to write to a page that is being synced would wait for the sync. */
export const PAGE_BYTES = 4096
/** An arena with less than this share of it left begins no further frame. */
const LEAST_SHARE = 1 / 16

export class FrameWriter {
  bytes: Buffer
  view: DataView
  /** Index behind what is written. */
  at = 0
  readonly #place: () => { readonly segment: Segment; readonly offset: number }
  readonly #arenaBytes: number
  readonly #cacheBytes: number
  readonly #arenas: Arena[] = []
  #current: Arena | null = null
  /** Index of the open frame's header; −1: none is open. */
  #start = -1

  /** @param place where the next frame is to begin, asked once per frame */
  constructor(
    place: () => { readonly segment: Segment; readonly offset: number },
    { arenaBytes, cacheBytes }: ArenaLimits,
  ) {
    this.#place = place
    this.#arenaBytes = arenaBytes
    this.#cacheBytes = cacheBytes
    this.bytes = Buffer.alloc(0)
    this.view = new DataView(this.bytes.buffer, 0, 0)
  }

  /** Whether anything waits in a frame. */
  get isOpen(): boolean {
    return this.#start >= 0
  }

  get openBytes(): number {
    return this.isOpen ? this.at - this.#start : 0
  }

  /** Makes room for so many bytes and gives the index of the first. `bytes`, `view` and earlier indexes may change: see `frameAt`. */
  need(count: number): number {
    if (this.#start < 0) this.#begin()
    if (this.at + count + ALIGNMENT > this.bytes.byteLength) this.#move(count)
    const at = this.at
    this.at = at + count
    return at
  }

  /** Index of the open frame: what is kept relative to it stays right when the frame moves to another arena. */
  get frameAt(): number {
    return this.#start
  }

  /** The segment and the offset in it of an index in the open frame. */
  get segment(): Segment {
    return this.#current!.segment
  }

  offsetOf(index: number): number {
    return this.#current!.base + index
  }

  /** Fills the open frame up with zeros, so that the next begins with a page. */
  pad(): void {
    const count = (PAGE_BYTES - (this.offsetOf(this.at) % PAGE_BYTES)) % PAGE_BYTES
    const at = this.need(count)
    this.bytes.fill(0, at, at + count)
  }

  /** Ends the open frame. Its bytes are good until the next call of `need`. */
  seal(header: Omit<FrameHeader, 'lengthBytes'>): SealedFrame {
    const start = this.#start
    const lengthBytes = this.at - start - HEADER_BYTES
    const end = start + frameBytes(lengthBytes)
    this.bytes.fill(0, this.at, end)
    sealFrame(this.bytes, this.view, start, { ...header, lengthBytes })
    this.at = end
    this.#start = -1
    const current = this.#current!
    current.until = current.base + end
    return { segment: current.segment, offset: current.base + start, bytes: this.bytes.subarray(start, end) }
  }

  /** Where bytes of a segment are in memory; null where they are not any more. */
  find(segment: number, offset: number): Arena | null {
    for (let index = this.#arenas.length - 1; index >= 0; index--) {
      const arena = this.#arenas[index]!
      if (
        arena.segment.number === segment &&
        offset >= arena.from &&
        (offset < arena.until || (arena === this.#current && this.isOpen))
      )
        return arena
    }
    return null
  }

  #begin(): void {
    const { segment, offset } = this.#place()
    const current = this.#current
    if (
      current === null ||
      current.segment !== segment ||
      current.base + this.at !== offset ||
      this.bytes.byteLength - this.at < this.#arenaBytes * LEAST_SHARE
    )
      this.#useArena(this.#arenaBytes, segment, offset)
    this.#start = this.at
    this.at += HEADER_BYTES
  }

  /** The open frame goes on in an arena with more room. */
  #move(count: number): void {
    const { bytes, at } = this
    const start = this.#start
    const used = at - start
    const size = Math.ceil((used * 2 + count + ALIGNMENT) / this.#arenaBytes) * this.#arenaBytes
    this.#useArena(size, this.segment, this.offsetOf(start))
    bytes.copy(this.bytes, 0, start, at)
    this.#start = 0
    this.at = used
  }

  #useArena(size: number, segment: Segment, offset: number): void {
    const spare = this.#dropOld(size)
    const bytes = spare?.bytes ?? Buffer.allocUnsafeSlow(size)
    const view = spare?.view ?? new DataView(bytes.buffer)
    this.#current = { bytes, view, segment, base: offset, from: offset, until: offset }
    this.#arenas.push(this.#current)
    this.bytes = bytes
    this.view = view
    this.at = 0
  }

  /** Lets go of the oldest arenas beyond the cache's size; gives one that can be used again. Nobody keeps a view of them. */
  #dropOld(size: number): Arena | null {
    let spare: Arena | null = null
    let bytes = size + this.#arenas.reduce((sum, arena) => sum + arena.bytes.byteLength, 0)
    while (bytes > this.#cacheBytes && this.#arenas.length > 1) {
      const dropped = this.#arenas.shift()!
      bytes -= dropped.bytes.byteLength
      if (dropped.bytes.byteLength === size) spare = dropped
    }
    return spare
  }
}
