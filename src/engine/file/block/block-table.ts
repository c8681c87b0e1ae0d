/** Where each block lies: segment, offset and length in typed columns, 12 bytes a block, by the block's number. */
import { lastingMemory } from '../../ledger/state/lasting-memory.ts'

/** Blocks per chunk; a chunk is also a part of a checkpoint. */
export const CHUNK = 16_384

interface Chunk {
  /** 0: the number is free, and `offset` is the next free one. */
  readonly segment: Uint32Array
  readonly offset: Uint32Array
  readonly length: Uint32Array
}

export class BlockTable {
  readonly #chunks: Chunk[] = []
  #firstFree = 0
  /** The highest number ever given, + 1. */
  #size = 1

  get chunks(): number {
    return this.#chunks.length
  }

  get size(): number {
    return this.#size
  }

  /** A free number. It is free until it is placed. */
  next(): number {
    const block = this.#firstFree
    if (block === 0) {
      this.#grow(this.#size)
      return this.#size++
    }
    this.#firstFree = this.#chunkOf(block).offset[block % CHUNK]!
    return block
  }

  place(block: number, segment: number, offset: number, lengthBytes: number): void {
    if (block >= this.#size) {
      this.#grow(block)
      this.#size = block + 1
    }
    const chunk = this.#chunkOf(block)
    const index = block % CHUNK
    chunk.segment[index] = segment
    chunk.offset[index] = offset
    chunk.length[index] = lengthBytes
  }

  free(block: number): void {
    const chunk = this.#chunkOf(block)
    const index = block % CHUNK
    chunk.segment[index] = 0
    chunk.offset[index] = this.#firstFree
    this.#firstFree = block
  }

  /** After a replay: every number without a segment is free. */
  linkFree(): void {
    this.#firstFree = 0
    for (let block = this.#size - 1; block > 0; block--) if (this.segmentOf(block) === 0) this.free(block)
  }

  segmentOf(block: number): number {
    return this.#chunkOf(block).segment[block % CHUNK]!
  }

  offsetOf(block: number): number {
    return this.#chunkOf(block).offset[block % CHUNK]!
  }

  lengthOf(block: number): number {
    return this.#chunkOf(block).length[block % CHUNK]!
  }

  /** Blocks of a chunk that lie in this segment. */
  inSegment(number: number, segment: number): number[] {
    const found: number[] = []
    const segments = this.#chunks[number]!.segment
    const end = Math.min(CHUNK, this.#size - number * CHUNK)
    for (let index = 0; index < end; index++) if (segments[index] === segment) found.push(number * CHUNK + index)
    return found
  }

  /** A chunk as bytes, for a checkpoint. */
  copy(number: number): Uint8Array {
    const { segment, offset, length } = this.#chunks[number]!
    const count = Math.min(CHUNK, this.#size - number * CHUNK)
    const bytes = new Uint8Array(count * 12)
    const view = new DataView(bytes.buffer)
    for (let index = 0; index < count; index++) {
      // Free numbers are found again; the chain through them is not worth storing.
      if (segment[index] === 0) continue
      view.setUint32(index * 12, segment[index]!, true)
      view.setUint32(index * 12 + 4, offset[index]!, true)
      view.setUint32(index * 12 + 8, length[index]!, true)
    }
    return bytes
  }

  /** @throws RangeError */
  load(number: number, bytes: Uint8Array): void {
    if (bytes.byteLength % 12 !== 0 || bytes.byteLength > CHUNK * 12)
      throw new RangeError(`a part of the block table has ${bytes.byteLength} bytes: it must have 12 a block`)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let index = 0; index < bytes.byteLength / 12; index++) {
      const segment = view.getUint32(index * 12, true)
      if (segment !== 0)
        this.place(
          number * CHUNK + index,
          segment,
          view.getUint32(index * 12 + 4, true),
          view.getUint32(index * 12 + 8, true),
        )
    }
  }

  #chunkOf(block: number): Chunk {
    return this.#chunks[(block / CHUNK) | 0]!
  }

  #grow(block: number): void {
    while (this.#chunks.length * CHUNK <= block) {
      this.#chunks.push({
        segment: column(),
        offset: column(),
        length: column(),
      })
    }
  }
}

const column = (): Uint32Array => new Uint32Array(lastingMemory(CHUNK * Uint32Array.BYTES_PER_ELEMENT))
