/**
 * Content in the log: a block is an entry of the frame in which it was added, and what is kept of it in memory is where it
 * lies. Read from the arenas while it is young, from the segment later, and never given out without its checksum being right.
 */
import { crc32 } from 'node:zlib'
import { PosthornError } from '../../../core/error.ts'
import type { Message } from '../../../core/message.ts'
import type { Blocks } from '../../ledger/store.ts'
import { BlockTable } from './block-table.ts'
import type { ColdReader } from './cold-read.ts'
import { copyOf } from '../codec/body-copy.ts'
import { ContentCodec } from '../codec/content.ts'
import { BLOCK_BYTES, BLOCK_PREFIX_BYTES, OP } from '../codec/entry.ts'
import type { FrameWriter } from '../log/frame-writer.ts'
import type { Segment } from '../log/segment.ts'
import type { Shelf } from '../log/shelf.ts'

export interface LogBlocksDeps {
  readonly writer: FrameWriter
  readonly shelf: Shelf
  readonly cold: ColdReader
}

type Decode<T> = (bytes: Buffer, from: number, end: number) => T

export class LogBlocks implements Blocks {
  readonly table: BlockTable = new BlockTable()
  readonly #writer: FrameWriter
  readonly #shelf: Shelf
  readonly #cold: ColdReader
  readonly #content = new ContentCodec()
  readonly #readContent: Decode<Message> = (bytes, from, end) => this.#content.read(bytes, from, end)

  constructor({ writer, shelf, cold }: LogBlocksDeps) {
    this.#writer = writer
    this.#shelf = shelf
    this.#cold = cold
  }

  addMessage(message: Message): number {
    const block = this.table.next()
    const from = this.#begin(block)
    this.#content.write(this.#writer, message)
    this.#end(block, from)
    return block
  }

  addBytes(bytes: Uint8Array): number {
    const block = this.table.next()
    this.#add(block, bytes)
    return block
  }

  /** Content under the number that it had in another folder. */
  put(block: number, bytes: Uint8Array): void {
    this.#add(block, bytes)
  }

  readMessage(block: number): Message | Promise<Message> {
    return this.#read(block, this.#readContent)
  }

  readBytes(block: number): Uint8Array | Promise<Uint8Array> {
    return this.#read(block, copyOf)
  }

  release(block: number): void {
    const segment = this.#shelf.used.get(this.table.segmentOf(block))
    if (segment !== undefined) segment.liveBytes -= this.table.lengthOf(block)
    this.table.free(block)
  }

  /** @throws PosthornError `corrupt` where a block that is needed lies in a segment that is not there */
  keepOnly(isUsed: (block: number) => boolean): void {
    const { table } = this
    for (const segment of this.#shelf.used.values()) segment.liveBytes = 0
    for (let block = 1; block < table.size; block++) {
      const number = table.segmentOf(block)
      if (number === 0) continue
      if (!isUsed(block)) {
        table.place(block, 0, 0, 0)
        continue
      }
      const segment = this.#shelf.used.get(number)
      if (segment === undefined)
        throw new PosthornError(
          'corrupt',
          `content that is needed is in segment ${number} of the log, which is missing`,
          { details: { segment: number } },
        )
      segment.liveBytes += table.lengthOf(block)
    }
    table.linkFree()
  }

  /** Writes a block of this segment again, at the end of the log. Gives the bytes moved: 0 where it has been released meanwhile. */
  async move(block: number, segment: number): Promise<number> {
    const { table } = this
    if (table.segmentOf(block) !== segment) return 0
    const offset = table.offsetOf(block)
    const bytes = await this.readBytes(block)
    // A segment that is being read is not used again, so the same place means the same block.
    if (table.segmentOf(block) !== segment || table.offsetOf(block) !== offset) return 0
    const old = this.#shelf.used.get(segment)
    if (old !== undefined) old.liveBytes -= bytes.byteLength
    this.#add(block, bytes)
    return bytes.byteLength
  }

  #add(block: number, bytes: Uint8Array): void {
    const from = this.#begin(block)
    const at = this.#writer.need(bytes.byteLength)
    this.#writer.bytes.set(bytes, at)
    this.#end(block, from)
  }

  /** Where the block begins, counted from the start of its frame: the frame may move while it is being written. */
  #begin(block: number): number {
    const at = this.#writer.need(BLOCK_BYTES)
    this.#writer.view.setUint8(at, OP.block)
    this.#writer.view.setUint32(at + 1, block, true)
    return at + 5 - this.#writer.frameAt
  }

  #end(block: number, from: number): void {
    const { bytes, view, frameAt, at: end, segment } = this.#writer
    const at = from + frameAt
    const lengthBytes = end - at - BLOCK_PREFIX_BYTES
    view.setUint32(at, lengthBytes, true)
    view.setUint32(at + 4, crc32(bytes.subarray(at + BLOCK_PREFIX_BYTES, end), block), true)
    this.table.place(block, segment.number, this.#writer.offsetOf(at), lengthBytes)
    segment.liveBytes += lengthBytes
  }

  #read<T>(block: number, decode: Decode<T>): T | Promise<T> {
    const { table } = this
    const number = table.segmentOf(block)
    const offset = table.offsetOf(block)
    const lengthBytes = table.lengthOf(block)
    const arena = this.#writer.find(number, offset)
    if (arena !== null) {
      const from = offset - arena.base + BLOCK_PREFIX_BYTES
      return decode(arena.bytes, from, from + lengthBytes)
    }
    const segment = this.#shelf.used.get(number)
    if (segment === undefined) throw damaged(block, number, offset, lengthBytes)
    const piece = this.#cold.find(segment, offset, BLOCK_PREFIX_BYTES + lengthBytes)
    if (piece === null) return this.#readCold(block, segment, offset, lengthBytes, decode)
    const at = offset - piece.from
    if (!isSound(piece.bytes, at, block, lengthBytes)) throw damaged(block, number, offset, lengthBytes, segment)
    const from = at + BLOCK_PREFIX_BYTES
    return decode(piece.bytes, from, from + lengthBytes)
  }

  /** Apart from those that are at hand, which need no function of their own. */
  #readCold<T>(
    block: number,
    segment: Segment,
    offset: number,
    lengthBytes: number,
    decode: Decode<T>,
  ): T | Promise<T> {
    return this.#cold.read(segment, offset, BLOCK_PREFIX_BYTES + lengthBytes, (bytes, at) => {
      if (!isSound(bytes, at, block, lengthBytes)) throw damaged(block, segment.number, offset, lengthBytes, segment)
      const from = at + BLOCK_PREFIX_BYTES
      return decode(bytes, from, from + lengthBytes)
    })
  }
}

/** Whether the block that begins there is the one that was written. */
function isSound(bytes: Buffer, at: number, block: number, lengthBytes: number): boolean {
  const from = at + BLOCK_PREFIX_BYTES
  return (
    bytes.readUInt32LE(at) === lengthBytes &&
    bytes.readUInt32LE(at + 4) === crc32(bytes.subarray(from, from + lengthBytes), block)
  )
}

function damaged(block: number, number: number, offset: number, lengthBytes: number, segment?: Segment): PosthornError {
  const file = segment?.file.path ?? `segment ${number}`
  const until = offset + BLOCK_PREFIX_BYTES + lengthBytes
  return new PosthornError(
    'corrupt',
    `${file} is damaged between bytes ${offset} and ${until}: stored content does not match its checksum`,
    { details: { file, from: offset, until, block } },
  )
}
