/**
 * Copies of bodies for those who read them. Small ones share slabs, because memory of their own costs more than their bytes: who keeps one
 * keeps at most a slab with it.
 */
import { makeSlab } from '../../../core/slab.ts'

const SLAB_BYTES = 16 << 10
const LARGEST_SHARED = 2 << 10

export class BodyCopies {
  #slab: ArrayBuffer = makeSlab(SLAB_BYTES)
  #used = 0

  copy(bytes: Uint8Array, from: number, end: number): Uint8Array {
    const length = end - from
    if (length > LARGEST_SHARED) return copyOf(bytes, from, end)
    if (this.#used + length > SLAB_BYTES) {
      this.#slab = makeSlab(SLAB_BYTES)
      this.#used = 0
    }
    const copy = new Uint8Array(this.#slab, this.#used, length)
    this.#used += length
    copy.set(bytes.subarray(from, end))
    return copy
  }
}

export function copyOf(bytes: Uint8Array, from: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - from)
  copy.set(bytes.subarray(from, end))
  return copy
}
