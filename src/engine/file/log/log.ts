/**
 * The end of the log: places frames one behind the other, segment after segment, and hands them to the operating system. What
 * makes them durable, and when, is the store's business.
 */
import { isDiskError, type Disk, type DiskFile } from '../disk/disk.ts'
import { KINDS, bytesOf } from './frame.ts'
import { FrameWriter, type ArenaLimits } from './frame-writer.ts'
import type { LogMeasures } from './log-measures.ts'
import { makeHead, makeLeft, type Origin, type Segment } from './segment.ts'
import type { Shelf, ShelfLimits } from './shelf.ts'

export interface LogDeps {
  readonly disk: Disk
  readonly folder: string
  readonly shelf: Shelf
  readonly engineMs: () => number
  readonly wallMs: () => number
  readonly limits: ArenaLimits & Pick<ShelfLimits, 'strideBytes'>
  readonly measures: LogMeasures
}

/** Where the log goes on after a recovery. */
export interface LogStart {
  readonly incarnation: number
  /** The last frame that was recovered, durable by now; null in a new folder. */
  readonly previous: Origin | null
  /** Number of the segment in which it is. */
  readonly segment: number | null
}

/** So much of a segment may stay empty, so that few frames go beyond its end. */
const MARGIN_BYTES = 256 << 10

export class Log {
  readonly writer: FrameWriter
  /** Numbers of the last frame that was written, and of the last that is durable. */
  written = 0
  synced = 0
  /** Bytes written since the start. */
  writtenBytes = 0
  writtenFrames = 0
  incarnation = 0
  readonly #deps: LogDeps
  #dirty = new Set<DiskFile>()
  /** Of the syncs under way. */
  readonly #syncing = new Set<ReadonlySet<DiskFile>>()
  #current: Segment | null = null
  /** Length of its file, durable or not. */
  #lengthBytes = 0
  readonly #zeros: Uint8Array
  /** Those before, until each says where the log went on. */
  #left: { readonly segment: Segment; readonly next: Segment }[] = []
  #failure: Error | null = null
  /** A sync has failed. */
  #hasLost = false

  constructor(deps: LogDeps) {
    this.#deps = deps
    this.#zeros = new Uint8Array(deps.limits.strideBytes)
    this.writer = new FrameWriter(() => this.#place(), deps.limits)
  }

  /** Number of the frame that is or will be open. */
  get open(): number {
    return this.written + 1
  }

  get current(): Segment {
    return this.#current!
  }

  /** Begins a segment of its own, so that an incarnation never shares one with another. `sync` makes it durable. */
  start({ incarnation, previous, segment }: LogStart): void {
    this.incarnation = incarnation
    this.#current = segment === null ? null : (this.#deps.shelf.used.get(segment) ?? null)
    this.written = this.synced = previous?.sequence ?? 0
    this.#switch(previous)
  }

  /** Writes the open frame, if there is one. @throws the disk's error: nothing can be written after it */
  close(): void {
    if (this.#failure !== null) throw this.#failure
    if (!this.writer.isOpen) return
    const sequence = this.open
    const frame = this.writer.seal({
      kind: KINDS.entries,
      incarnation: this.incarnation,
      sequence,
      syncedTo: this.synced,
      ...this.times(),
    })
    const endBytes = frame.offset + frame.bytes.byteLength
    this.#lengthen(frame.segment, endBytes)
    try {
      frame.segment.file.write([frame.bytes], frame.offset)
    } catch (error) {
      throw this.#stop(error)
    }
    frame.segment.endBytes = endBytes
    frame.segment.last = sequence
    this.#dirty.add(frame.segment.file)
    this.written = sequence
    this.writtenBytes += frame.bytes.byteLength
    this.writtenFrames++
    this.#deps.shelf.grown(frame.bytes.byteLength, frame.segment)
  }

  /** `sync` is likely to come at once. */
  expectSync(): void {
    this.#deps.disk.expectSync?.()
  }

  /** Makes durable what is written. May be called again before it has ended: they end in the order of the calls. */
  async sync(isLone = false): Promise<void> {
    const { disk, folder, shelf, measures, engineMs } = this.#deps
    const { written } = this
    const beganMs = engineMs()
    const files = this.#dirty
    const folderChanged = shelf.folderChanged
    this.#dirty = new Set()
    this.#syncing.add(files)
    shelf.folderChanged = false
    try {
      await disk.sync([...files], folderChanged ? folder : undefined, isLone)
      this.#syncing.delete(files)
    } catch (error) {
      // What the system could not write once, it may drop from memory and call written the next time: never again.
      this.#hasLost = true
      throw this.#stop(error)
    }
    // One that began before this has failed: what it was to make durable may be missing in front of what this one has.
    if (this.#hasLost) throw this.#failure!
    this.synced = written
    measures.syncMs.record(engineMs() - beganMs)
    if (this.#left.length > 0) this.#leave()
  }

  /** Whether a sync, under way or to come, will ask for its file: to be there still. */
  isToSync({ file }: Segment): boolean {
    return this.#dirty.has(file) || [...this.#syncing].some((files) => files.has(file))
  }

  /** For the head of a frame. */
  times(): { readonly engineMs: number; readonly wallMs: number } {
    return { engineMs: this.#deps.engineMs(), wallMs: this.#deps.wallMs() }
  }

  /** Where the next frame begins. Never throws: what failed is thrown by `close`, before anybody is told of success. */
  #place(): { readonly segment: Segment; readonly offset: number } {
    const { capacityBytes, endBytes, first, last } = this.current
    if (
      this.#failure === null &&
      last >= first &&
      capacityBytes - endBytes < Math.min(MARGIN_BYTES, capacityBytes / 8)
    ) {
      try {
        this.#switch({ incarnation: this.incarnation, sequence: this.written })
      } catch (error) {
        this.#stop(error)
      }
    }
    return { segment: this.current, offset: this.current.endBytes }
  }

  /** Behind the last frame of the segment that the log has left. Where there is no room for it, only the loss of the next goes unnoticed. */
  #leave(): void {
    const { written: sequence, synced: syncedTo, incarnation } = this
    const due = this.#left.filter(({ next }) => next.first <= syncedTo)
    this.#left = this.#left.filter(({ next }) => next.first > syncedTo)
    for (const { segment, next } of due) {
      if (this.#deps.shelf.used.get(segment.number) !== segment) continue
      const frame = makeLeft({ incarnation, sequence, syncedTo, ...this.times() }, { segment: next.number })
      try {
        segment.file.write(frame, segment.endBytes)
        this.#dirty.add(segment.file)
      } catch (error) {
        if (!isDiskError(error, 'ENOSPC')) throw this.#stop(error)
      }
    }
  }

  /**
   * Before a frame is written that ends there: zeros ahead of it, by half a stride at least, for the next must not touch pages that are being
   * synced, where the system may wait for them.
   */
  #lengthen(segment: Segment, endBytes: number): void {
    const { strideBytes } = this.#deps.limits
    // A frame may have gone beyond the zeros.
    const from = Math.max(this.#lengthBytes, segment.endBytes)
    if (endBytes + strideBytes / 2 <= from || from >= segment.capacityBytes) return
    // None of them would be left.
    if (endBytes >= from + strideBytes) return
    const bytes = Math.min(strideBytes, segment.capacityBytes - from)
    this.#lengthBytes = from + bytes
    try {
      segment.file.write([this.#zeros.subarray(0, bytes)], from)
      this.#deps.shelf.filledBytes += bytes
    } catch {
      // No room for zeros, or worse: what fails for a frame is told.
    }
  }

  #stop(error: unknown): Error {
    return (this.#failure ??= error instanceof Error ? error : new Error(String(error)))
  }

  #switch(previous: Origin | null): void {
    const segment = this.#deps.shelf.take()
    const head = makeHead(
      { incarnation: this.incarnation, sequence: this.open, syncedTo: this.synced, ...this.times() },
      { segment: segment.number, filledBytes: segment.filledBytes, previous },
    )
    segment.file.write(head, 0)
    this.#lengthBytes = segment.file.size()
    segment.incarnation = this.incarnation
    segment.first = this.open
    segment.last = this.written
    segment.endBytes = bytesOf(head)
    this.#dirty.add(segment.file)
    if (this.#current !== null) this.#left.push({ segment: this.#current, next: segment })
    this.#current = segment
  }
}
