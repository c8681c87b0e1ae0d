/**
 * Where the log gets its segments and gives them back: those in use, those free to be used again, and the one being filled
 * with zeros ahead of need, piece by piece as the log grows, so that no commit ever waits for it.
 */
import { join } from 'node:path'
import type { Disk } from '../disk/disk.ts'
import { Reserve } from './reserve.ts'
import { roomOn } from './room.ts'
import { BLANK, blankSegment, segmentName, type Segment } from './segment.ts'

export interface ShelfLimits {
  /** The first segment is small, so that opening is quick and little disk is taken; each further one four times as large, up to `segmentBytes`. */
  readonly firstSegmentBytes: number
  readonly segmentBytes: number
  /** Freed segments kept for use again; more are removed. */
  readonly keptSegments: number
  /** Kept beside the log for when the disk is full: as much as a segment, and at most so much. */
  readonly reserveBytes: number
}

export const SHELF_LIMITS: ShelfLimits = {
  firstSegmentBytes: 1 << 20,
  segmentBytes: 64 << 20,
  keptSegments: 4,
  reserveBytes: 16 << 20,
}

interface Filling {
  readonly segment: Segment
  writtenBytes: number
  syncing: boolean
}

/** What is written of it next. */
const pieceOf = ({ segment, writtenBytes }: Filling): number =>
  Math.min(PIECE.byteLength, segment.capacityBytes - writtenBytes)

const GROWTH = 4
const PIECE = new Uint8Array(256 << 10)
const PIECES_PER_CALL = 4
const SYNC_BYTES = 1 << 20
/** Where the disk is nearly full, segments are no larger, and filled at once. */
const SCARCE_BYTES = 4 << 20

export class Shelf {
  /** In the log, or with blocks that are needed, by number. */
  readonly used: Map<number, Segment> = new Map()
  readonly reserve: Reserve
  /** Bytes of zeros written so far. */
  filledBytes = 0
  readonly #disk: Disk
  readonly #folder: string
  readonly #limits: ShelfLimits
  readonly #free: Segment[] = []
  #filling: Filling | null = null
  #owedBytes = 0
  /** The log grows by so much before the disk is asked again whether there is room for the next segment. */
  #restBytes = 0
  /** A file was made since the folder was last synced. */
  folderChanged = false
  #nextNumber = 1
  #nextBytes: number

  constructor(disk: Disk, folder: string, limits: ShelfLimits) {
    this.#disk = disk
    this.#folder = folder
    this.#limits = limits
    this.reserve = new Reserve(disk, folder)
    this.#nextBytes = limits.firstSegmentBytes
  }

  /** Takes in a segment that was found at open. One whose filling had only begun is not worth keeping. */
  adopt(segment: Segment, isUsed: boolean): void {
    this.#nextNumber = Math.max(this.#nextNumber, segment.number + 1)
    if (isUsed) this.used.set(segment.number, segment)
    else if (segment.capacityBytes < this.#limits.firstSegmentBytes) this.#discard(segment)
    else this.#free.push(segment)
  }

  /** Bytes of the segments in use, and of the content in them that is needed. */
  get sizes(): { readonly usedBytes: number; readonly liveBytes: number } {
    let [usedBytes, liveBytes] = [0, 0]
    for (const segment of this.used.values()) {
      usedBytes += segment.capacityBytes
      liveBytes += segment.liveBytes
    }
    return { usedBytes, liveBytes }
  }

  /** Bytes of the segments that are there to be used again. */
  get freeBytes(): number {
    return this.#free.reduce((sum, segment) => sum + segment.capacityBytes, 0)
  }

  get freeCount(): number {
    return this.#free.length
  }

  /** A segment to go on in: freed last, or filled, or in need a new one. */
  take(): Segment {
    const segment = this.#free.pop() ?? this.#takeScarce() ?? this.#takeFilling() ?? this.#make(true)
    this.used.set(segment.number, segment)
    this.reserve.aim(Math.min(segment.capacityBytes, this.#limits.reserveBytes))
    return segment
  }

  /** The log has grown by so much: fills the next segment in proportion, beginning at a quarter, so that it is ready in time. */
  grown(bytes: number, current: Segment): void {
    this.reserve.grown(bytes)
    if (this.#free.length > 0 || current.endBytes * 4 < current.capacityBytes) return
    if (this.#filling === null && this.#restBytes > 0) {
      this.#restBytes -= bytes
      return
    }
    const filling = (this.#filling ??= this.#begin())
    if (filling === null) return this.#rest()
    const { segment } = filling
    this.#owedBytes += bytes * 2 * Math.max(1, segment.capacityBytes / current.capacityBytes)
    try {
      for (let piece = 0; piece < PIECES_PER_CALL && this.#owedBytes >= pieceOf(filling); piece++) this.#fill(filling)
    } catch {
      // No room, or worse: whoever needs the segment will meet the error where it can be answered.
      this.#filling = null
      this.#discard(segment)
      this.#rest()
    }
  }

  /** Nothing in it is needed any more, durably. */
  release(segment: Segment): void {
    this.used.delete(segment.number)
    segment.capacityBytes = segment.filledBytes = segment.file.size()
    segment.endBytes = 0
    this.#free.push(segment)
    while (this.#free.length > this.#limits.keptSegments) this.#discard(this.#free.shift()!)
  }

  close(): void {
    for (const { file } of [...this.used.values(), ...this.#free]) file.close()
    this.reserve.close()
    if (this.#filling !== null) this.#discard(this.#filling.segment)
    this.#filling = null
  }

  #rest(): void {
    this.#restBytes = Math.min(SYNC_BYTES, this.#nextBytes / GROWTH)
  }

  #begin(): Filling | null {
    if (roomOn(this.#disk, this.#folder) < this.#nextBytes * 2) return null
    const segment = this.#make(false)
    return { segment, writtenBytes: segment.file.size(), syncing: false }
  }

  /** A new file. The next sync of the log makes its name durable. */
  #make(filled: boolean): Segment {
    const capacityBytes = this.#nextBytes
    const segment = this.#create(capacityBytes, filled && capacityBytes <= SYNC_BYTES)
    this.#nextBytes = Math.min(this.#limits.segmentBytes, capacityBytes * GROWTH)
    return segment
  }

  #create(capacityBytes: number, filled: boolean): Segment {
    const number = this.#nextNumber++
    const file = this.#disk.open(join(this.#folder, segmentName(number)), 'create')
    this.folderChanged = true
    const segment = blankSegment(number, file, capacityBytes)
    try {
      file.write([BLANK], 0)
      if (filled) {
        file.write([new Uint8Array(capacityBytes - BLANK.byteLength)], BLANK.byteLength)
        this.filledBytes += capacityBytes
      }
    } catch (error) {
      this.#discard(segment)
      throw error
    }
    return segment
  }

  /**
   * Where the disk is nearly full: only what has its room already, for a write that finds none stops the engine. Else null.
   */
  #takeScarce(): Segment | null {
    const freeBytes = roomOn(this.#disk, this.#folder)
    if (freeBytes >= this.#nextBytes * 2) return null
    const leastBytes = this.#limits.firstSegmentBytes
    const filling = this.#filling
    if (filling !== null && filling.writtenBytes >= leastBytes) {
      filling.segment.capacityBytes = filling.writtenBytes
      return this.#takeFilling()
    }
    if (filling !== null) this.#discard(this.#takeFilling()!)
    const capacityBytes = Math.max(leastBytes, Math.min(SCARCE_BYTES, this.#nextBytes, Math.floor(freeBytes / 8)))
    try {
      return this.#create(capacityBytes, true)
    } catch (error) {
      const segment = this.#takeReserve()
      if (segment === null) throw error
      return segment
    }
  }

  #takeReserve(): Segment | null {
    const number = this.#nextNumber++
    const taken = this.reserve.take(segmentName(number), Math.min(this.#limits.firstSegmentBytes, SYNC_BYTES) / 4)
    if (taken === null) return null
    this.folderChanged = true
    return blankSegment(number, taken.file, taken.bytes)
  }

  #fill(filling: Filling): void {
    const { segment } = filling
    const bytes = pieceOf(filling)
    if (bytes > 0) segment.file.write([PIECE.subarray(0, bytes)], filling.writtenBytes)
    this.#owedBytes -= bytes
    filling.writtenBytes += bytes
    this.filledBytes += bytes
    const isDone = filling.writtenBytes === segment.capacityBytes
    if (
      !filling.syncing &&
      segment.filledBytes < filling.writtenBytes &&
      (isDone || filling.writtenBytes - segment.filledBytes >= SYNC_BYTES)
    )
      void this.#settle(filling)
  }

  async #settle(filling: Filling): Promise<void> {
    const { writtenBytes, segment } = filling
    filling.syncing = true
    try {
      await this.#disk.syncInBackground(segment.file)
      segment.filledBytes = writtenBytes
      filling.syncing = false
    } catch {
      // It stays marked as syncing: what is not known to be filled is not claimed to be, and the log's own sync will tell.
    }
  }

  #takeFilling(): Segment | null {
    const segment = this.#filling?.segment ?? null
    this.#filling = null
    this.#owedBytes = 0
    return segment
  }

  #discard(segment: Segment): void {
    segment.file.close()
    this.#disk.remove(segment.file.path)
  }
}
