/** Reads the fields of a content from front to back. One reader serves all reads, because a read makes no other: nothing is made per message. */
import { LONG_TEXT } from './content-tag.ts'

/** The text read last, as its bytes: the next is often the same. */
export class LastText {
  bytes: Uint8Array = new Uint8Array(0)
  text = ''
}

export class ContentReader {
  #bytes: Buffer = Buffer.alloc(0)
  #end = 0
  at = 0

  begin(bytes: Buffer, from: number, end: number): void {
    this.#bytes = bytes
    this.at = from
    this.#end = end
  }

  uint8(): number {
    return this.#bytes[this.skip(1)]!
  }

  uint16(): number {
    const at = this.skip(2)
    return this.#bytes[at]! | (this.#bytes[at + 1]! << 8)
  }

  uint32(): number {
    const at = this.skip(4)
    const bytes = this.#bytes
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  }

  float64(): number {
    return this.#bytes.readDoubleLE(this.skip(8))
  }

  text(): string {
    const length = this.#textLength()
    const at = this.skip(length)
    return this.#bytes.toString('utf8', at, at + length)
  }

  /** The same text as the last, where it is the same. */
  textLike(last: LastText): string {
    const length = this.#textLength()
    const at = this.skip(length)
    if (length !== last.bytes.byteLength || !areSame(last.bytes, this.#bytes, at)) {
      last.bytes = new Uint8Array(this.#bytes.subarray(at, at + length))
      last.text = this.#bytes.toString('utf8', at, at + length)
    }
    return last.text
  }

  #textLength(): number {
    const short = this.uint8()
    return short === LONG_TEXT ? this.uint32() : short
  }

  /** Index of so many bytes that are passed over. */
  skip(bytes: number): number {
    const at = this.at
    if (at + bytes > this.#end) throw new RangeError(`a content ends ${at + bytes - this.#end} bytes behind its block`)
    this.at = at + bytes
    return at
  }
}

/** Whether `bytes` holds the same from there on. So few are compared faster here than by a call that leaves the language. */
export function areSame(part: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let index = part.byteLength - 1; index >= 0; index--) if (part[index] !== bytes[at + index]) return false
  return true
}
