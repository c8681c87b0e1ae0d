/** Content in the segments of a damaged folder, where it is still what its checksum says. */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { BLOCK_PREFIX_BYTES } from '../codec/entry.ts'
import type { BlockTable } from '../block/block-table.ts'
import { ContentCodec } from '../codec/content.ts'
import type { DiskFile } from '../disk/disk.ts'
import { segmentName } from '../log/segment.ts'
import type { FoundSegment } from '../recovery/survey.ts'

export class OldBlocks {
  readonly #table: BlockTable
  readonly #files: ReadonlyMap<number, { readonly file: DiskFile; readonly sizeBytes: number }>
  readonly #content = new ContentCodec()
  readonly #folder: string
  /** `until` 0: the file is missing. */
  readonly #onDamage: (file: string, from: number, until: number) => void

  constructor(
    table: BlockTable,
    { folder, segments }: { readonly folder: string; readonly segments: readonly FoundSegment[] },
    onDamage: (file: string, from: number, until: number) => void,
  ) {
    this.#table = table
    this.#folder = folder
    this.#files = new Map(segments.map(({ number, file, sizeBytes }) => [number, { file, sizeBytes }]))
    this.#onDamage = onDamage
  }

  /** null where it is damaged or gone. */
  read(block: number): Buffer | null {
    if (block >= this.#table.size || block === 0) return null
    const number = this.#table.segmentOf(block)
    if (number === 0) return null
    const segment = this.#files.get(number)
    if (segment === undefined) {
      this.#onDamage(join(this.#folder, segmentName(number)), 0, 0)
      return null
    }
    const [offset, lengthBytes] = [this.#table.offsetOf(block), this.#table.lengthOf(block)]
    const until = offset + BLOCK_PREFIX_BYTES + lengthBytes
    const bytes = until > segment.sizeBytes ? null : Buffer.allocUnsafe(until - offset)
    if (bytes !== null && segment.file.read(bytes, offset) === bytes.byteLength) {
      const content = bytes.subarray(BLOCK_PREFIX_BYTES)
      if (bytes.readUInt32LE(0) === lengthBytes && bytes.readUInt32LE(4) === crc32(content, block)) return content
    }
    this.#onDamage(segment.file.path, offset, until)
    return null
  }

  isReadable(block: number): boolean {
    return this.read(block) !== null
  }

  /** Of the message that the block holds; null where it cannot be read. */
  idOf(block: number): string | null {
    const bytes = this.read(block)
    if (bytes === null) return null
    try {
      return this.#content.read(bytes, 0, bytes.byteLength).id
    } catch {
      return null
    }
  }
}
