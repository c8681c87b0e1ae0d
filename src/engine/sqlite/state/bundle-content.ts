/**
 * The content of a bundle's messages as one blob: behind a head, which says of each where its body begins and where it ends, one after another. What
 * others hold too is a reference.
 */
import { attributesOf, type Content } from '../wire/content.ts'
import type { Plain } from './message.ts'

/** Of each message: where its body begins, and where it ends. */
const HEAD_BYTES = 8
/** In the head, instead of where a body begins: the content is a reference. */
const REFERENCE = 0xffff_ffff
/** The number under which the content is shared, where its body begins, where it ends, and the message's id: the content may go before the bundle. */
const ID_AT = 16
const REFERENCE_BYTES = ID_AT + 36

/** What it takes of a bundle's room. */
export function sizeIn({ bytes, shared }: Plain): number {
  return shared === null ? bytes.byteLength : REFERENCE_BYTES
}

export function packContents(messages: readonly Plain[]): Buffer {
  const headBytes = messages.length * HEAD_BYTES
  const packed = Buffer.allocUnsafe(messages.reduce((sum, message) => sum + sizeIn(message), headBytes))
  let end = headBytes
  for (const [at, message] of messages.entries()) {
    const { id, bytes, split, shared } = message
    packed.writeUInt32LE(shared === null ? end + split : REFERENCE, at * HEAD_BYTES)
    if (shared === null) packed.set(bytes, end)
    else {
      packed.writeDoubleLE(shared, end)
      packed.writeUInt32LE(split, end + 8)
      packed.writeUInt32LE(bytes.byteLength, end + 12)
      packed.write(id, end + ID_AT, 'latin1')
    }
    end += sizeIn(message)
    packed.writeUInt32LE(end, at * HEAD_BYTES + 4)
  }
  return packed
}

export class BundleContent {
  readonly #packed: Buffer
  readonly #size: number
  readonly #read: (shared: number) => Uint8Array
  readonly #ends: Uint32Array

  /** `read`: what is shared under that number. */
  constructor(packed: Uint8Array, size: number, read: (shared: number) => Uint8Array) {
    this.#packed = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
    this.#size = size
    this.#read = read
    this.#ends = new Uint32Array(size * 2)
    for (let at = 0; at < this.#ends.length; at++) this.#ends[at] = this.#packed.readUInt32LE(at * 4)
  }

  of(at: number): Content {
    const start = this.#startOf(at)
    const shared = this.sharedOf(at)
    return shared === null
      ? { split: this.#ends[at * 2]! - start, bytes: this.#packed.subarray(start, this.#ends[at * 2 + 1]) }
      : { split: this.#packed.readUInt32LE(start + 8), bytes: this.#read(shared) }
  }

  idOf(at: number): string {
    if (this.#ends[at * 2] !== REFERENCE) return attributesOf(this.of(at)).id
    const end = this.#ends[at * 2 + 1]!
    return this.#packed.toString('latin1', end - REFERENCE_BYTES + ID_AT, end)
  }

  sharedOf(at: number): number | null {
    return this.#ends[at * 2] === REFERENCE ? this.#packed.readDoubleLE(this.#startOf(at)) : null
  }

  bodySizeOf(at: number): number {
    if (this.#ends[at * 2] !== REFERENCE) return this.#ends[at * 2 + 1]! - this.#ends[at * 2]!
    const start = this.#startOf(at)
    return this.#packed.readUInt32LE(start + 12) - this.#packed.readUInt32LE(start + 8)
  }

  /** Of messages from … to, whether or not they are gone: where each one's body begins and ends in what comes with them. */
  stretch(from: number, to: number, isGone: (at: number) => boolean): Stretch {
    for (let at = from; at < to; at++) if (this.#ends[at * 2] === REFERENCE) return this.#gather(from, to, isGone)
    const start = this.#startOf(from)
    const ends = Array.from(this.#ends.subarray(from * 2, to * 2), (end) => end - start)
    return { bytes: this.#packed.subarray(start, start + ends.at(-1)!), ends }
  }

  /** What is gone may have let go of its content: nothing is left of it. */
  #gather(from: number, to: number, isGone: (at: number) => boolean): Stretch {
    const parts: Uint8Array[] = []
    const ends: number[] = []
    let end = 0
    for (let at = from; at < to; at++) {
      const { split, bytes } = isGone(at) ? NOTHING : this.of(at)
      parts.push(bytes)
      ends.push(end + split, (end += bytes.byteLength))
    }
    return { bytes: Buffer.concat(parts, end), ends }
  }

  #startOf(at: number): number {
    return at === 0 ? this.#size * HEAD_BYTES : this.#ends[at * 2 - 1]!
  }
}

export interface Stretch {
  readonly bytes: Uint8Array
  readonly ends: readonly number[]
}

const NOTHING: Content = { split: 0, bytes: new Uint8Array(0) }
