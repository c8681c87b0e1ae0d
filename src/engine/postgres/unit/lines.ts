/** The lines of a unit of work: messages of which only the head may be handed out, as far as they are in hand. */
import { DEAD, fromColumn, toColumn, type Queue, type Row } from '../row/row.ts'
import type { Work } from './unit-of-work.ts'

/** A line as far as it is in hand. */
interface Line {
  readonly rows: Set<Row>
  /** The highest place in it that was looked for in the database. */
  cursor: number
  isExhausted: boolean
}

/** Of each line that is loaded with others. */
const HEADS = 2

export class Lines {
  readonly #work: Work
  readonly #byName = new Map<string, Line>()

  constructor(work: Work) {
    this.#work = work
  }

  of(queue: Queue, line: string): Line {
    const key = `${queue.number} ${line}`
    const known = this.#byName.get(key)
    if (known !== undefined) return known
    const made: Line = { rows: new Set(), cursor: -1, isExhausted: queue.isNew }
    this.#byName.set(key, made)
    return made
  }

  /** Who is first in the line, whoever is in hand. */
  async firstOf(queue: Queue, name: string): Promise<Row | null> {
    const line = this.of(queue, name)
    for (;;) {
      const first = firstIn(line)
      if (line.isExhausted || (first !== null && first.lineSeq! <= line.cursor)) return first
      const { rows } = await this.#work.query('load-line', [queue.number, toColumn(name), line.cursor])
      for (const row of this.#work.adoptRows(rows, 'message')) line.rows.add(row)
      if (rows.length === 0) line.isExhausted = true
      else line.cursor = rows.at(-1)!.line_seq as number
    }
  }

  /** The heads of many lines, and who is next in each. */
  async loadHeads(lines: readonly { readonly queue: Queue; readonly name: string }[]): Promise<void> {
    const byLine = new Map(lines.map((each) => [`${each.queue.number} ${each.name}`, each]))
    const fresh = [...byLine.values()].filter(({ queue, name }) => {
      const { cursor, isExhausted } = this.of(queue, name)
      return cursor === -1 && !isExhausted
    })
    if (fresh.length === 0) return
    const columns = [fresh.map(({ queue }) => queue.number), fresh.map(({ name }) => toColumn(name))]
    const { rows } = await this.#work.query('load-heads', columns)
    this.#work.adoptRows(rows, 'message')
    const last = new Map<string, { count: number; place: number }>()
    for (const row of rows) {
      const key = `${row.queue as number} ${fromColumn(row.line as string)}`
      const place = row.line_seq as number
      const before = last.get(key)
      last.set(key, { count: (before?.count ?? 0) + 1, place: Math.max(before?.place ?? 0, place) })
    }
    for (const { queue, name } of fresh) {
      const line = this.of(queue, name)
      const own = last.get(`${queue.number} ${name}`)
      if (own !== undefined) line.cursor = own.place
      if (own === undefined || own.count < HEADS) line.isExhausted = true
    }
  }
}

function firstIn(line: Line): Row | null {
  let first: Row | null = null
  for (const row of line.rows) {
    if (row.lineSeq === null || row.isGone || row.state >= DEAD) continue
    if (first === null || row.lineSeq < first.lineSeq!) first = row
  }
  return first
}
