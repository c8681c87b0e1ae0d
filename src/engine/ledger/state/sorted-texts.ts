/** A set of texts in bytewise order, in runs of bounded length, so that taking one in or out moves little. */

const LONGEST_RUN = 512

export class SortedTexts {
  #runs: string[][] = []

  add(text: string): void {
    const at = this.#runOf(text)
    const run = this.#runs[at]
    if (run === undefined) {
      this.#runs.push([text])
      return
    }
    const index = firstNotBefore(run, text)
    if (run[index] === text) return
    run.splice(index, 0, text)
    if (run.length > LONGEST_RUN) this.#runs.splice(at + 1, 0, run.splice(LONGEST_RUN / 2))
  }

  delete(text: string): void {
    const at = this.#runOf(text)
    const run = this.#runs[at]
    if (run === undefined) return
    const index = firstNotBefore(run, text)
    if (run[index] !== text) return
    run.splice(index, 1)
    if (run.length === 0) this.#runs.splice(at, 1)
  }

  /** Texts from `start` on, in order. The set must not change meanwhile. */
  *from(start: string): Generator<string, void, undefined> {
    let index = -1
    for (let at = this.#runOf(start); at < this.#runs.length; at++) {
      const run = this.#runs[at]!
      index = index === -1 ? firstNotBefore(run, start) : 0
      for (; index < run.length; index++) yield run[index]!
    }
  }

  /** All at once, from texts in any order. */
  static of(texts: string[]): SortedTexts {
    const sorted = new SortedTexts()
    texts.sort()
    for (let at = 0; at < texts.length; at += LONGEST_RUN / 2) sorted.#runs.push(texts.slice(at, at + LONGEST_RUN / 2))
    return sorted
  }

  /** The run in which the text is or belongs: the last that begins at or before it. */
  #runOf(text: string): number {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#runs[middle]![0]! <= text) low = middle + 1
      else high = middle
    }
    return Math.max(0, low - 1)
  }
}

function firstNotBefore(run: readonly string[], text: string): number {
  let low = 0
  let high = run.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (run[middle]! < text) low = middle + 1
    else high = middle
  }
  return low
}
