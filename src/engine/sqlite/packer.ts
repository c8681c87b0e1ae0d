/** Bytes that travel together in one buffer. They are copied at once: whose they are may write over them. */
import type { Span } from './request.ts'

const LEAST_BYTES = 1_024
/** Of UTF-8 for one unit of a text. */
const MOST_BYTES_OF_UNIT = 3

export class Packer {
  /** Not of a pool: it is handed over as a whole. */
  #buffer: Buffer = Buffer.allocUnsafeSlow(LEAST_BYTES)
  #length = 0

  add(bytes: Uint8Array): Span {
    const offset = this.#length
    this.#reserve(bytes.byteLength)
    this.#buffer.set(bytes, offset)
    this.#length += bytes.byteLength
    return [offset, bytes.byteLength]
  }

  addText(text: string): Span {
    const offset = this.#length
    this.#reserve(text.length * MOST_BYTES_OF_UNIT)
    const length = this.#buffer.write(text, offset)
    this.#length += length
    return [offset, length]
  }

  /** With a buffer of its own, which may be handed over. */
  take(): Uint8Array {
    const bytes = new Uint8Array(this.#buffer.buffer, 0, this.#length)
    // The next will be of about the same size.
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(LEAST_BYTES, this.#length))
    this.#length = 0
    return bytes
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.byteLength) return
    const larger = Buffer.allocUnsafeSlow((this.#length + bytes) * 2)
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}
