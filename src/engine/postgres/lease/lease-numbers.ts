/** Numbers of hand-outs, none of which is ever used again. */
import { BLOCK } from '../unit/unit-of-work.ts'

export class LeaseNumbers {
  readonly #draw: () => Promise<number>
  #next = 0
  #end = 0
  #isDrawing = false

  /** @param draw gives the first of a block of numbers */
  constructor(draw: () => Promise<number>) {
    this.#draw = draw
  }

  async take(): Promise<number> {
    while (this.#next === this.#end) await this.#refill()
    return this.#next++
  }

  /** null where one has to be drawn first: that is begun. */
  takeAtOnce(): number | null {
    if (this.#next < this.#end) return this.#next++
    if (!this.#isDrawing) {
      this.#isDrawing = true
      const over = (): void => void (this.#isDrawing = false)
      // Whoever needs one next finds out why there is none.
      void this.#refill().then(over, over)
    }
    return null
  }

  /** The database may not be the one any more that gave them. */
  clear(): void {
    this.#next = this.#end
  }

  async #refill(): Promise<void> {
    const first = await this.#draw()
    // Several may have asked; a block that is given up is no loss.
    this.#next = first
    this.#end = first + BLOCK
  }
}
