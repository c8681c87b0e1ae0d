/** Bytes that travel together in one buffer. They are copied at once: whose they are may write over them. */
import type { Span } from './request.ts'

const LEAST_BYTES = 65_536
/** Of UTF-8 for one unit of a text. */
const MOST_BYTES_OF_UNIT = 3

/** Where buffers come from that travel: both sides may have the same memory, or there is one side. */
export interface Buffers {
  /** Nobody else's, and at least so large. */
  take(bytes: number): Buffer
  /** It will not travel after all. */
  giveBack(buffer: Buffer): void
}

const NOTHING: Buffer = Buffer.alloc(0)

export class Packer {
  readonly #buffers: Buffers
  #buffer = NOTHING
  #length = 0

  constructor(buffers: Buffers) {
    this.#buffers = buffers
  }

  get length(): number {
    return this.#length
  }

  add(bytes: Uint8Array): Span {
    const offset = this.#length
    this.#reserve(bytes.byteLength)
    this.#buffer.set(bytes, offset)
    this.#length += bytes.byteLength
    return [offset, bytes.byteLength]
  }

  /** How many bytes it took. */
  text(text: string): number {
    this.#reserve(text.length * MOST_BYTES_OF_UNIT)
    const length = this.#buffer.write(text, this.#length)
    this.#length += length
    return length
  }

  /** Behind its length. */
  sized(text: string): void {
    const at = this.#length
    this.word(0)
    this.setWord(at, this.text(text))
  }

  byte(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  word(value: number): void {
    this.#reserve(4)
    this.#length = this.#buffer.writeUInt32LE(value, this.#length)
  }

  setWord(at: number, value: number): void {
    this.#buffer.writeUInt32LE(value, at)
  }

  /** What was added behind this length is given up. */
  cut(length: number): void {
    this.#length = length
  }

  /** With the buffer, which is the receiver's from now on. */
  take(): Buffer {
    // A buffer in which nothing is stays here: nobody would give it back.
    if (this.#length === 0) return NOTHING
    const bytes = this.#buffer.subarray(0, this.#length)
    this.#buffer = NOTHING
    this.#length = 0
    return bytes
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.byteLength) return
    const larger = this.#buffers.take(needed <= LEAST_BYTES ? LEAST_BYTES : needed * 2)
    larger.set(this.#buffer.subarray(0, this.#length))
    if (this.#buffer !== NOTHING) this.#buffers.giveBack(this.#buffer)
    this.#buffer = larger
  }
}

/** For two sides that are in one thread. */
export const ownBuffers: Buffers = { take: (bytes) => Buffer.allocUnsafeSlow(bytes), giveBack() {} }
