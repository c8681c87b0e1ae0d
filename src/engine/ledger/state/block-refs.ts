/** How many things refer to each block of content. Not stored: it follows from the state. */

export class BlockRefs {
  #refs: Uint32Array = new Uint32Array(256)

  retain(block: number): void {
    if (block >= this.#refs.length) this.#resize(block)
    this.#refs[block]!++
  }

  /** Whether that was the last reference. */
  release(block: number): boolean {
    return --this.#refs[block]! === 0
  }

  has(block: number): boolean {
    return (this.#refs[block] ?? 0) > 0
  }

  #resize(block: number): void {
    const refs = new Uint32Array(Math.max(block + 1, Math.min(this.#refs.length * 2, this.#refs.length + 1_048_576)))
    refs.set(this.#refs)
    this.#refs = refs
  }
}
