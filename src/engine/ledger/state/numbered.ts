/** A table whose rows have numbers, from 1; freed ones are used again. Pages of it are parts of a checkpoint. */

export class Numbered<Row> {
  readonly rows: (Row | undefined)[] = [undefined]
  size = 0
  #free: number[] = []

  /** The number that a new row is to have. */
  next(): number {
    return this.#free.at(-1) ?? this.rows.length
  }

  get(number: number): Row | undefined {
    return this.rows[number]
  }

  set(number: number, row: Row): void {
    if (this.#free.at(-1) === number) this.#free.pop()
    while (this.rows.length < number) this.rows.push(undefined)
    if (this.rows[number] === undefined) this.size++
    this.rows[number] = row
  }

  delete(number: number): void {
    if (this.rows[number] === undefined) return
    this.size--
    this.rows[number] = undefined
    this.#free.push(number)
  }

  *[Symbol.iterator](): Generator<Row, void, undefined> {
    for (const row of this.rows) if (row !== undefined) yield row
  }

  /** After a replay, in which numbers came in any order. */
  finish(): void {
    this.#free = []
    for (let number = this.rows.length - 1; number > 0; number--)
      if (this.rows[number] === undefined) this.#free.push(number)
  }
}
