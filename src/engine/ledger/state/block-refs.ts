/** How many things refer to each block of content. Not stored: it follows from the state. */
import { lastingMemory } from './lasting-memory.ts'

/** Blocks of a chunk: the step of growth, so that however many blocks there are none of their counts is ever moved. */
const CHUNK = 16_384

export class BlockRefs {
  readonly #chunks: Uint32Array[] = []

  retain(block: number): void {
    while (this.#chunks.length * CHUNK <= block)
      this.#chunks.push(new Uint32Array(lastingMemory(CHUNK * Uint32Array.BYTES_PER_ELEMENT)))
    this.#chunks[(block / CHUNK) | 0]![block % CHUNK]!++
  }

  /** Whether that was the last reference. */
  release(block: number): boolean {
    return --this.#chunks[(block / CHUNK) | 0]![block % CHUNK]! === 0
  }

  has(block: number): boolean {
    return (this.#chunks[(block / CHUNK) | 0]?.[block % CHUNK] ?? 0) > 0
  }
}
