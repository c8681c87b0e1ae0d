/** The one row of numbers that all processes share: the clock's base, the last numbers given, counts. Read when another process has written. */
import type { Statements } from '../driver/statements.ts'

export interface Numbers {
  ahead: number
  boot: string
  engineAt: number
  wallAt: number
  seq: number
  turn: number
  version: number
  position: number
  owner: number
  records: number
  dedupes: number
  commits: number
  settings: number
}

const FIELDS = [
  'ahead',
  'boot',
  'engineAt',
  'wallAt',
  'seq',
  'turn',
  'version',
  'position',
  'owner',
  'records',
  'dedupes',
  'commits',
  'settings',
] as const

const COLUMNS = FIELDS.map((field) => field.replace('At', '_at'))
const READ = `select ${COLUMNS.join(', ')} from clock`
const WRITE = `update clock set ${COLUMNS.map((column) => `${column} = ?`).join(', ')} where id = 1`
const BEGIN = `insert into clock (id, ${COLUMNS.join(', ')}) values (1, ${COLUMNS.map(() => '?').join(', ')})`

/** null in a database that was never opened. */
export function readNumbers(statements: Statements): Numbers | null {
  const row = statements.of(READ).first()
  return row === undefined
    ? null
    : (Object.fromEntries(FIELDS.map((field, at) => [field, row[at]])) as unknown as Numbers)
}

export function writeNumbers(statements: Statements, numbers: Numbers): void {
  statements.of(WRITE).run(...FIELDS.map((field) => numbers[field]))
}

export function beginNumbers(statements: Statements, numbers: Numbers): void {
  statements.of(BEGIN).run(...FIELDS.map((field) => numbers[field]))
}
