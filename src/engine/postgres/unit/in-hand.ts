/** What a unit of work has in hand beside the rows of tables: dedupe texts, and commits that are remembered. */
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
