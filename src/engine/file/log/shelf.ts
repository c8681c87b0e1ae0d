/**
 * Where the log gets its segments and gives them back: those in use, those free to be used again, and the one being filled
 * with zeros ahead of need, piece by piece while nobody waits for the disk: to write within a file costs half of writing at its end.
 */
import { join } from 'node:path'
import { isDiskError, type Disk } from '../disk/disk.ts'
import { Reserve } from './reserve.ts'
import { roomOn } from './room.ts'
import { BLANK, blankSegment, segmentName, type Segment } from './segment.ts'

export interface ShelfLimits {
  /** The first segment is small, so that opening is quick and little disk is taken; each further one four times as large, up to `segmentBytes`. */
  readonly firstSegmentBytes: number
  readonly segmentBytes: number
  /**
   * A sync costs twice as much where the file has become longer: one that is not filled becomes longer by so many zeros at once, ahead of the
   * log.
   */
  readonly strideBytes: number
  /** Freed segments kept for use again; more are removed. */
  readonly keptSegments: number
  /** Kept beside the log for when the disk is full: as much as a segment, and at most so much. */
  readonly reserveBytes: number
}

export const SHELF_LIMITS: ShelfLimits = {
  firstSegmentBytes: 1 << 20,
  segmentBytes: 64 << 20,
  strideBytes: 256 << 10,
  keptSegments: 4,
  reserveBytes: 16 << 20,
}

interface Filling {
  readonly segment: Segment
  writtenBytes: number
  /** What is being written or synced of it: nobody may have the segment, or close it, before that has ended. */
  step: Promise<void> | null
}

const GROWTH = 4
const PIECE = new Uint8Array(1 << 20)
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
  readonly #removals = new Set<Promise<void>>()
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

  /** The log has grown by so much: twice that is owed of the next segment, beginning at a quarter of this one. */
  grown(bytes: number, current: Segment): void {
    this.reserve.grown(bytes)
    if (this.#free.length > 0 || current.endBytes * 4 < current.capacityBytes) return
    if (this.#filling === null && this.#restBytes > 0) {
      this.#restBytes -= bytes
      return
    }
    this.#owedBytes += bytes * 2
  }

  /**
   * Nobody waits for the disk: what is owed of the next segment is filled. Where that never happens, none is: to make the disk write twice
   * then costs more than the zeros save.
   */
  idle(): void {
    if (this.#owedBytes < SYNC_BYTES && this.#owedBytes < this.#nextBytes / GROWTH) return
    try {
      this.#filling ??= this.#begin()
    } catch {
      // No room, or worse: whoever needs the segment will meet the error where it can be answered.
    }
    const filling = this.#filling
    if (filling === null) return this.#rest()
    const bytes = Math.min(PIECE.byteLength, filling.segment.capacityBytes - filling.writtenBytes)
    if (filling.step === null && bytes > 0)
      filling.step = this.#fill(filling, bytes).finally(() => (filling.step = null))
  }

  /** Nothing in it is needed any more, durably. */
  release(segment: Segment): void {
    this.used.delete(segment.number)
    segment.capacityBytes = segment.filledBytes = segment.file.size()
    segment.endBytes = 0
    this.#free.push(segment)
    while (this.#free.length > this.#limits.keptSegments) this.#discardSoon(this.#free.shift()!)
  }

  async close(): Promise<void> {
    for (const { file } of [...this.used.values(), ...this.#free]) file.close()
    this.reserve.close()
    await this.#filling?.step
    const unfinished = this.#takeFilling()
    if (unfinished !== null) this.#discard(unfinished)
    // Whoever opens the folder next must not find what is removed under his hands.
    await Promise.all(this.#removals)
  }

  #rest(): void {
    this.#owedBytes = 0
    this.#restBytes = Math.min(SYNC_BYTES, this.#nextBytes / GROWTH)
  }

  #begin(): Filling | null {
    if (roomOn(this.#disk, this.#folder) < this.#nextBytes * 2) return null
    const segment = this.#make(false)
    return { segment, writtenBytes: segment.file.size(), step: null }
  }

  /** A new file. The next sync of the log makes its name durable. */
  #make(filled: boolean): Segment {
    const capacityBytes = this.#nextBytes
    const segment = this.#create(capacityBytes, filled && capacityBytes <= this.#limits.strideBytes)
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
    const filled = this.#takeFilling()
    if (filled !== null) {
      if (filled.filledBytes >= leastBytes) {
        filled.capacityBytes = filled.filledBytes
        return filled
      }
      this.#discard(filled)
    }
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

  async #fill(filling: Filling, bytes: number): Promise<void> {
    const { segment } = filling
    this.#owedBytes -= bytes
    try {
      await segment.file.writeSoon([PIECE.subarray(0, bytes)], filling.writtenBytes)
      await this.#disk.syncInBackground(segment.file)
      filling.writtenBytes += bytes
      this.filledBytes += bytes
      segment.filledBytes = filling.writtenBytes
    } catch (error) {
      // No room, or worse: whoever needs the segment will meet the error where it can be answered.
      this.#filling = null
      this.#rest()
      this.#forsake(segment, isDiskError(error, 'ENOSPC'))
    }
  }

  /** null where there is none, or where a step of it is under way: what is being written must not come behind what the log writes there. */
  #takeFilling(): Segment | null {
    if (this.#filling === null || this.#filling.step !== null) return null
    const { segment } = this.#filling
    this.#filling = null
    this.#owedBytes = 0
    return segment
  }

  #discardSoon({ file }: Segment): void {
    file.close()
    // Where it stays it is found, and freed again, by the next open.
    const removal = this.#disk.removeSoon(file.path).catch(() => {})
    this.#removals.add(removal)
    void removal.then(() => this.#removals.delete(removal))
  }

  /** Where it stays it is blank, and used or removed by the next open. Never throws: nobody waits for what is filled. */
  #forsake(segment: Segment, removes: boolean): void {
    try {
      if (removes) this.#discardSoon(segment)
      else segment.file.close()
    } catch {
      // The disk has said already that it fails.
    }
  }

  #discard(segment: Segment): void {
    segment.file.close()
    this.#disk.remove(segment.file.path)
  }
}
