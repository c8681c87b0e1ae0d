/** Numbers of hand-outs, none of which is ever used again. */
import { BLOCK } from '../unit/unit-of-work.ts'

/** Names what one hand-out hands out. */
export interface LeaseNumber {
  readonly number: number
  /** Which server gave it: on one that has taken over it may be somebody else's. null: there it is known to be this one. */
  readonly server: string | null
}

export class LeaseNumbers {
  readonly #draw: () => Promise<LeaseNumber>
  #next = 0
  #end = 0
  #server: string | null = null
  #isDrawing = false

  /** @param draw gives the first of a block of numbers */
  constructor(draw: () => Promise<LeaseNumber>) {
    this.#draw = draw
  }

  async take(): Promise<LeaseNumber> {
    while (this.#next === this.#end) await this.#refill()
    return { number: this.#next++, server: this.#server }
  }

  /** null where one has to be drawn first: that is begun. */
  takeAtOnce(): LeaseNumber | null {
    if (this.#next < this.#end) return { number: this.#next++, server: this.#server }
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
    const { number, server } = await this.#draw()
    // Several may have asked; a block that is given up is no loss.
    this.#next = number
    this.#end = number + BLOCK
    this.#server = server
  }
}
