/** Reads frames back from a file through a window of a few MiB, and looks for whole ones behind damage. */
import type { DiskFile } from '../disk/disk.ts'
import { ALIGNMENT, HEADER_BYTES, MAGIC_BYTES, frameBytes, isIntact, readHeader, type StoredHeader } from './frame.ts'

export interface FoundFrame {
  readonly header: StoredHeader
  /** Offset in the file, and of the frame behind it. */
  readonly offset: number
  readonly next: number
  /** Holds the payload from `from` to `end`. Good until the next frame is read. */
  readonly bytes: Buffer
  readonly from: number
  readonly end: number
}

const WINDOW_BYTES = 4 << 20

const aligned = (offset: number): number => Math.ceil(offset / ALIGNMENT) * ALIGNMENT

export class FrameReader {
  readonly file: DiskFile
  readonly sizeBytes: number
  #bytes: Buffer
  #view: DataView
  /** The stretch of the file that the window holds. */
  #from = 0
  #until = 0

  constructor(file: DiskFile, windowBytes: number = WINDOW_BYTES) {
    this.file = file
    this.sizeBytes = file.size()
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(windowBytes, Math.max(this.sizeBytes, HEADER_BYTES)))
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** The frame that begins here; null where there is none that is whole. */
  at(offset: number): FoundFrame | null {
    if (offset + HEADER_BYTES > this.sizeBytes) return null
    const header = readHeader(this.#view, this.#load(offset, HEADER_BYTES))
    const next = header === null ? Infinity : offset + frameBytes(header.lengthBytes)
    if (header === null || next > this.sizeBytes) return null
    const at = this.#load(offset, next - offset)
    if (!isIntact(this.#bytes, at, header)) return null
    const from = at + HEADER_BYTES
    return { header, offset, next, bytes: this.#bytes, from, end: from + header.lengthBytes }
  }

  /** So many bytes from here on, to keep; null where the file ends before. */
  copy(offset: number, count: number): Buffer | null {
    if (offset + count > this.sizeBytes) return null
    const at = this.#load(offset, count)
    return Buffer.from(this.#bytes.subarray(at, at + count))
  }

  /** Every whole frame from here on, wherever it begins. */
  *search(offset: number): Generator<FoundFrame> {
    for (let at = aligned(offset); at + HEADER_BYTES <= this.sizeBytes;) {
      const index = this.#load(at, HEADER_BYTES)
      const found = this.#bytes.subarray(index, this.#until - this.#from).indexOf(MAGIC_BYTES)
      const candidate = found < 0 ? this.#until - MAGIC_BYTES.byteLength + 1 : at + found
      const frame = found < 0 || aligned(candidate) !== candidate ? null : this.at(candidate)
      if (frame !== null) yield frame
      at = frame?.next ?? aligned(found < 0 ? candidate : candidate + 1)
    }
  }

  /** The first bytes of the file. */
  start(count: number): Uint8Array {
    const at = this.#load(0, Math.min(count, this.sizeBytes))
    return this.#bytes.subarray(at, at + Math.min(count, this.sizeBytes))
  }

  /** Index in the window of a stretch of the file. */
  #load(offset: number, count: number): number {
    if (offset >= this.#from && offset + count <= this.#until) return offset - this.#from
    if (count > this.#bytes.byteLength) {
      this.#bytes = Buffer.allocUnsafeSlow(count)
      this.#view = new DataView(this.#bytes.buffer)
    }
    this.#from = offset
    this.#until =
      offset +
      this.file.read(this.#bytes.subarray(0, Math.min(this.#bytes.byteLength, this.sizeBytes - offset)), offset)
    return 0
  }
}
