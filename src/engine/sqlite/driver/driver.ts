/** The little that is asked of an SQLite library: synchronous, rows as arrays in the order of the columns. */

export type Value = string | number | null | Uint8Array
export type Row = readonly Value[]

export interface Driver {
  /** @throws Error with `errcode`, SQLite's own (extended) result code, as all methods here do */
  open(path: string): Database
}

export interface Database {
  exec(sql: string): void
  prepare(sql: string): Statement
  /** Idempotent. */
  close(): void
}

export interface Statement {
  /** How many rows changed. */
  run(...values: readonly Value[]): number
  first(...values: readonly Value[]): Row | undefined
  all(...values: readonly Value[]): readonly Row[]
}
