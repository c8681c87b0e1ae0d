/**
 * Keeps a receiver that does not answer from taking up the capacity of all callbacks: after a few attempts in a row without any
 * answer only few are made at a time, and the others wait, uncounted, for longer and longer. One answer, whatever it says, ends that.
 */

const SILENT_AFTER = 3
const MOST_WHILE_SILENT = 4
const WAIT = { baseMs: 5_000, capMs: 600_000 }

interface Receiver {
  /** Attempts without an answer since the last with one. */
  silent: number
  underWay: number
}

export class Patience {
  readonly #receivers = new Map<string, Receiver>()

  /**
   * Null: attempt it now, and tell `left` of its end. Else how long to wait.
   * @param waited how often the callback was made to wait before
   */
  enter(origin: string, waited: number): number | null {
    const receiver = this.#receivers.get(origin) ?? { silent: 0, underWay: 0 }
    if (receiver.silent >= SILENT_AFTER && receiver.underWay >= MOST_WHILE_SILENT)
      return Math.min(WAIT.baseMs * 2 ** waited, WAIT.capMs)
    receiver.underWay++
    this.#receivers.set(origin, receiver)
    return null
  }

  /** @param answered null where it ended for another reason than the receiver */
  left(origin: string, answered: boolean | null): void {
    const receiver = this.#receivers.get(origin)!
    receiver.underWay--
    if (answered !== null) receiver.silent = answered ? 0 : receiver.silent + 1
    if (receiver.underWay === 0 && receiver.silent === 0) this.#receivers.delete(origin)
  }
}
