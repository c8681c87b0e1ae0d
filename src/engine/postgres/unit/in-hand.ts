/** What a unit of work has in hand beside the rows of tables: lines, dedupe texts, commits that are remembered. */
import type { Row } from '../row/row.ts'

/** A line of messages of which only the head may be handed out, as far as it is in hand. */
export interface Line {
  readonly rows: Set<Row>
  /** The highest place in it that was looked for in the database. */
  cursor: number
  isExhausted: boolean
}

export interface Dedupe {
  readonly scope: string
  readonly text: string
  readonly until: number
  readonly id: string
  readonly isStored: boolean
}

export interface Remembered {
  readonly until: number
  readonly results: string
  readonly isStored: boolean
}
