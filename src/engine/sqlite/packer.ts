/** Bytes that travel together in one buffer. They are copied at once: whose they are may write over them. */
import type { Span } from './request.ts'

const LEAST_BYTES = 1_024

export class Packer {
  #buffer: Uint8Array = new Uint8Array(LEAST_BYTES)
  #length = 0

  add(bytes: Uint8Array): Span {
    const offset = this.#length
    this.#length += bytes.byteLength
    if (this.#length > this.#buffer.byteLength) this.#grow()
    this.#buffer.set(bytes, offset)
    return [offset, bytes.byteLength]
  }

  /** With a buffer of its own, which may be handed over. */
  take(): Uint8Array {
    const bytes = this.#buffer.subarray(0, this.#length)
    this.#buffer = new Uint8Array(LEAST_BYTES)
    this.#length = 0
    return bytes
  }

  #grow(): void {
    const larger = new Uint8Array(this.#length * 2)
    larger.set(this.#buffer)
    this.#buffer = larger
  }
}
