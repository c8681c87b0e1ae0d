/**
 * Keeps callers who are always answered at once from keeping the thread: promises alone never let timers and sockets have their turn. After a few
 * milliseconds of work in one turn of the event loop, answers are given in the next.
 */

/** How long answers may follow each other within one turn. */
const LONGEST_MS = 4

export class Pace {
  /** Engine time of the first call of this turn; null before it. */
  #since: number | null = null
  #turn: Promise<void> = Promise.resolve()

  /** The answer, now or in the next turn. */
  give<T>(now: number, answer: Promise<T>): Promise<T> {
    if (this.#since === null) this.#begin(now)
    else if (now - this.#since >= LONGEST_MS) return this.#later(answer)
    return answer
  }

  #begin(now: number): void {
    this.#since = now
    this.#turn = new Promise((resolve) => {
      setImmediate(() => {
        this.#since = null
        resolve()
      })
    })
  }

  #later<T>(answer: Promise<T>): Promise<T> {
    // A refusal is told when its turn comes.
    answer.catch(() => {})
    return this.#turn.then(() => answer)
  }
}
