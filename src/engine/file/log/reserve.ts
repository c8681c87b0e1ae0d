/**
 * A file of zeros beside the log that holds room for the worst hour: when the disk is full and the log needs a segment, this
 * file becomes it, so that what is there can still be settled. It is as large as the log's segments, within a bound, and is put
 * back when there is room again. On a disk that writes elsewhere what is overwritten (btrfs, ZFS) it holds no room.
 */
import { join } from 'node:path'
import { roomOn } from './room.ts'
import { isDiskError, type Disk, type DiskFile } from '../disk/disk.ts'

export const RESERVE = 'reserve'
const PIECE = new Uint8Array(64 << 10)
/** Grows by so many times what the log grows by. */
const PACE = 4

export class Reserve {
  /** The log has gone on in it, and it is not back yet. */
  isTaken = false
  /** Bytes of zeros written so far. */
  filledBytes = 0
  readonly #disk: Disk
  readonly #folder: string
  #file: DiskFile | null = null
  #bytes = 0
  #targetBytes = 0
  #owedBytes = 0

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  /** How large it is to be: more than before, or as before. */
  aim(targetBytes: number): void {
    if (targetBytes > this.#targetBytes && roomOn(this.#disk, this.#folder) > targetBytes * 2)
      this.#targetBytes = targetBytes
  }

  get targetBytes(): number {
    return this.#targetBytes
  }

  /** The log has grown by so much: it follows, piece by piece, so that no commit waits for it. */
  grown(bytes: number): void {
    if (this.#bytes >= this.#targetBytes || this.isTaken) return
    this.#owedBytes += bytes * PACE
    const piece = Math.min(PIECE.byteLength, this.#targetBytes)
    if (this.#owedBytes < piece) return
    this.#owedBytes = 0
    try {
      this.#file ??= this.#open('create')
      const missing = Math.min(piece, this.#targetBytes - this.#bytes)
      if (missing <= 0) return
      this.#file.write([PIECE.subarray(0, missing)], this.#bytes)
      this.#bytes += missing
      this.filledBytes += missing
    } catch {
      // No room for it, or worse: then whoever writes next meets it. It is tried again when the log goes on in another segment.
      this.#targetBytes = this.#bytes
    }
  }

  /** Gives it up to be the segment of this name, at least so large; null where there is none. */
  take(name: string, leastBytes: number): { readonly file: DiskFile; readonly bytes: number } | null {
    try {
      this.#file ??= this.#open('existing')
    } catch (error) {
      if (isDiskError(error, 'ENOENT')) return null
      throw error
    }
    if (this.#bytes < leastBytes) return null
    const bytes = this.#bytes
    const path = join(this.#folder, name)
    this.close()
    this.#disk.rename(join(this.#folder, RESERVE), path)
    this.#bytes = 0
    this.isTaken = true
    return { file: this.#disk.open(path, 'existing'), bytes }
  }

  /** There is room again: it grows anew. */
  putBack(): void {
    this.isTaken = false
  }

  close(): void {
    this.#file?.close()
    this.#file = null
  }

  #open(mode: 'create' | 'existing'): DiskFile {
    const path = join(this.#folder, RESERVE)
    try {
      const file = this.#disk.open(path, mode)
      this.#bytes = file.size()
      return file
    } catch (error) {
      if (!isDiskError(error, 'EEXIST')) throw error
      return this.#open('existing')
    }
  }
}
