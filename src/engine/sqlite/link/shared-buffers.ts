/**
 * Buffers that two threads share, so that what travels is neither copied nor handed over: one side fills a buffer and says its number, the other side
 * reads it and marks it as free. Each direction has buffers of its own.
 */
import type { Buffers } from '../wire/packer.ts'

/** Before the content: whether somebody has it. */
const HEAD_BYTES = 8
const FREE = 0
const TAKEN = 1
/** Kept for later; larger ones are for once. */
const KEPT_BYTES = 4 * 1_048_576
const KEPT = 16

/** What the other side is told of a buffer. `memory`: where it has not seen it yet. */
export interface SharedBytes {
  readonly number: number
  readonly length: number
  readonly memory: SharedArrayBuffer | null
}

interface Shared {
  readonly number: number
  readonly memory: SharedArrayBuffer
  readonly state: Int32Array
  isKnown: boolean
}

/** The side that fills. */
export class SharedBuffers implements Buffers {
  readonly #shared = new Map<SharedArrayBuffer, Shared>()
  #last = 0

  take(bytes: number): Buffer {
    for (const { state, memory } of this.#shared.values()) {
      if (memory.byteLength < bytes + HEAD_BYTES || Atomics.load(state, 0) !== FREE) continue
      Atomics.store(state, 0, TAKEN)
      return contentOf(memory)
    }
    const memory = new SharedArrayBuffer(bytes + HEAD_BYTES)
    const state = new Int32Array(memory, 0, 1)
    state[0] = TAKEN
    this.#shared.set(memory, { number: ++this.#last, memory, state, isKnown: false })
    return contentOf(memory)
  }

  giveBack(buffer: Buffer): void {
    const { memory, state, isKnown } = this.#of(buffer)
    Atomics.store(state, 0, FREE)
    if (!isKnown) this.#shared.delete(memory)
  }

  /** For the post that tells the other side. */
  hand(bytes: Buffer): SharedBytes {
    if (bytes.byteLength === 0) return { number: 0, length: 0, memory: null }
    const shared = this.#of(bytes)
    const { number, memory, isKnown } = shared
    shared.isKnown = true
    // What is not kept here is not kept there either.
    if (memory.byteLength > KEPT_BYTES || (!isKnown && this.#shared.size > KEPT)) {
      this.#shared.delete(memory)
      return { number: 0, length: bytes.byteLength, memory }
    }
    return { number, length: bytes.byteLength, memory: isKnown ? null : memory }
  }

  #of(bytes: Buffer): Shared {
    return this.#shared.get(bytes.buffer as unknown as SharedArrayBuffer)!
  }
}

/** The side that reads. */
export class SharedReader {
  readonly #known = new Map<number, SharedArrayBuffer>()

  open({ number, length, memory }: SharedBytes): Buffer {
    if (number !== 0 && memory !== null) this.#known.set(number, memory)
    const from = memory ?? this.#known.get(number)
    return from === undefined ? Buffer.alloc(0) : contentOf(from).subarray(0, length)
  }

  /** What was opened has been read. */
  close(bytes: Uint8Array): void {
    if (bytes.buffer instanceof SharedArrayBuffer) Atomics.store(new Int32Array(bytes.buffer, 0, 1), 0, FREE)
  }
}

const contentOf = (memory: SharedArrayBuffer): Buffer => Buffer.from(memory as unknown as ArrayBuffer, HEAD_BYTES)
