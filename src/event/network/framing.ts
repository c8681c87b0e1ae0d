/** Where a message ends on a stream of bytes: at the end of a line, or after the length that stands before it. */
import { Buffer } from 'node:buffer'

/**
 * 'line': UTF-8 text ended by LF, a CR before it left out; what stands after the last LF is no message. 'length': four bytes with the length, the
 * highest first, then as many bytes of UTF-8 text.
 */
export type Framing = 'line' | 'length'

const LENGTH_BYTES = 4
const EMPTY: Buffer = Buffer.alloc(0)

export class FrameFault extends Error {
  readonly reason: 'too-large' | 'invalid'

  constructor(reason: 'too-large' | 'invalid', message: string) {
    super(message)
    this.reason = reason
  }
}

export class Frames {
  readonly #framing: Framing
  readonly #mostBytes: number
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })
  /** What came of the next message, in the first bytes of a buffer that grows: a sender of single bytes costs no more than others. */
  #kept: Buffer = EMPTY
  #bytes = 0
  /** Of these there must be so many before there is anything to do. */
  #neededBytes = LENGTH_BYTES

  constructor(framing: Framing, mostBytes: number) {
    this.#framing = framing
    this.#mostBytes = mostBytes
  }

  /** The messages that are complete now. @throws FrameFault */
  *push(chunk: Buffer): Generator<string> {
    yield* this.#framing === 'line' ? this.#lines(chunk) : this.#lengths(chunk)
  }

  *#lines(chunk: Buffer): Generator<string> {
    let from = 0
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      const line = this.#take(chunk.subarray(from, end))
      from = end + 1
      this.#check(line.byteLength)
      yield this.#text(line.at(-1) === 0x0d ? line.subarray(0, -1) : line)
    }
    this.#keep(chunk.subarray(from))
    this.#check(this.#bytes)
  }

  *#lengths(chunk: Buffer): Generator<string> {
    if (this.#bytes + chunk.byteLength < this.#neededBytes) return this.#keep(chunk)
    let rest = this.#take(chunk)
    this.#neededBytes = LENGTH_BYTES
    while (rest.byteLength >= LENGTH_BYTES) {
      const length = rest.readUInt32BE()
      this.#check(length)
      this.#neededBytes = LENGTH_BYTES + length
      if (rest.byteLength < this.#neededBytes) break
      yield this.#text(rest.subarray(LENGTH_BYTES, this.#neededBytes))
      rest = rest.subarray(this.#neededBytes)
      this.#neededBytes = LENGTH_BYTES
    }
    this.#keep(rest)
  }

  #take(chunk: Buffer): Buffer {
    if (this.#bytes === 0) return chunk
    const whole = Buffer.concat([this.#kept.subarray(0, this.#bytes), chunk])
    this.#kept = EMPTY
    this.#bytes = 0
    return whole
  }

  #keep(chunk: Buffer): void {
    const bytes = this.#bytes + chunk.byteLength
    if (bytes > this.#kept.byteLength) {
      const grown = Buffer.allocUnsafe(Math.max(bytes, this.#bytes * 2))
      this.#kept.copy(grown, 0, 0, this.#bytes)
      this.#kept = grown
    }
    chunk.copy(this.#kept, this.#bytes)
    this.#bytes = bytes
  }

  #check(bytes: number): void {
    if (bytes > this.#mostBytes) throw new FrameFault('too-large', `a message has more than ${this.#mostBytes} bytes`)
  }

  #text(bytes: Buffer): string {
    try {
      return this.#decoder.decode(bytes)
    } catch {
      throw new FrameFault('invalid', 'a message is not UTF-8')
    }
  }
}
